"""Where a warehouse on Redshift is: a host by URL, a cluster or a workgroup by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.redshift import logins
from musicbee_warehouse.redshift.aws import Aws, DeniedError, NotThereError, explained

PORT = 5439
DATABASE = "dev"
"""The database that AWS makes where none is named."""
_TAG = "musicbee:"
_AWS_HOST = re.compile(
    r"(?P<name>[a-z0-9-]+)\.[^.]+\.(?P<region>[a-z0-9-]+)\.redshift"
    r"(?P<serverless>-serverless)?\.amazonaws\.com(\.cn)?"
)
_UNREADY = {
    "paused": "is paused; resume it",
    "pausing": "is being paused; resume it when that is done",
    "deleting": "is being deleted; make another",
}


@dataclass(frozen=True)
class Wanted:
    """What was asked for of a place and of who logs in there; None lets it be found."""

    aws: Aws = field(default_factory=Aws)
    database: str | None = None
    user: str | None = None
    secret: str | None = None


@dataclass(frozen=True)
class Place:
    """Where to connect to, and as whom.

    Attributes:
        tags: those that ``musicbee_warehouse.provision`` writes, without their prefix.
    """

    host: str
    port: int
    database: str
    login: logins.Logins = field(repr=False)
    tags: Mapping[str, str] = field(default_factory=dict)


def by_name(name: str, wanted: Wanted) -> Place:
    """Return the cluster of a name or, if there is none, the workgroup.

    Raises:
        WarehouseError: if there is neither, or it is not ready, or AWS doesn't let it be seen.
    """
    denied = []
    for find in (cluster, workgroup):
        try:
            return find(name, wanted)
        except NotThereError:
            continue
        except DeniedError as error:
            denied.append(error)  # the other service may know the name
    if denied:
        raise denied[0]
    region = wanted.aws.client("redshift").meta.region_name
    raise WarehouseError(
        f"there is no cluster and no workgroup {name} in {region}; check the name, "
        "AWS_REGION and AWS_PROFILE, or give a URL such as duckdb:///musicbee.duckdb"
    )


def cluster(name: str, wanted: Wanted) -> Place:
    """Return a provisioned cluster.

    The user is that of the IAM identity, or the one wanted; the admin's password is taken from
    Secrets Manager, if AWS keeps it there.
    """
    aws = wanted.aws
    with explained("redshift:DescribeClusters", f"the cluster {name}"):
        (found,) = aws.client("redshift").describe_clusters(ClusterIdentifier=name)["Clusters"]
    endpoint = _ready(f"the cluster {name}", found["ClusterStatus"], found.get("Endpoint"))
    database = wanted.database or found.get("DBName") or DATABASE
    secret = wanted.secret
    if not secret and wanted.user and wanted.user == found.get("MasterUsername"):
        secret = found.get("MasterPasswordSecretArn")
    login = _cluster_login(name, database, replace(wanted, secret=secret))
    tags = _tags((tag["Key"], tag["Value"]) for tag in found.get("Tags", []))
    return Place(endpoint["Address"], endpoint.get("Port", PORT), database, login, tags)


def workgroup(name: str, wanted: Wanted) -> Place:
    """Return a workgroup of Redshift Serverless, with the user of the IAM identity.

    The admin's password is taken from Secrets Manager, if he is wanted and AWS keeps it there.
    """
    serverless = wanted.aws.client("redshift-serverless")
    with explained("redshift-serverless:GetWorkgroup", f"the workgroup {name}"):
        found = serverless.get_workgroup(workgroupName=name)["workgroup"]
    status = found.get("status", "").lower()
    endpoint = _ready(f"the workgroup {name}", status, found.get("endpoint"))
    with explained("redshift-serverless:GetNamespace", f"the namespace of {name}"):
        space = serverless.get_namespace(namespaceName=found["namespaceName"])["namespace"]
    with explained("redshift-serverless:ListTagsForResource", f"the workgroup {name}"):
        tags = serverless.list_tags_for_resource(resourceArn=found["workgroupArn"])["tags"]
    secret = wanted.secret
    if not secret and wanted.user and wanted.user == space.get("adminUsername"):
        secret = space.get("adminPasswordSecretArn")
    database = wanted.database or space.get("dbName") or DATABASE
    login = _workgroup_login(name, database, replace(wanted, secret=secret))
    return Place(
        endpoint["address"],
        endpoint.get("port", PORT),
        database,
        login,
        _tags((tag["key"], tag["value"]) for tag in tags),
    )


def at_host(host: str, port: int | None, password: str | None, wanted: Wanted) -> Place:
    """Return a host of a URL; without a password, one of AWS is logged in to by IAM."""
    database = wanted.database or DATABASE
    return Place(host, port or PORT, database, _host_login(host, database, password, wanted))


def _host_login(host: str, database: str, password: str | None, wanted: Wanted) -> logins.Logins:
    if password:
        return logins.given(wanted.user, password, host)
    known = _AWS_HOST.fullmatch(host)
    if known:
        region = wanted.aws.region or known["region"]
        wanted = replace(wanted, aws=replace(wanted.aws, region=region))
        make = _workgroup_login if known["serverless"] else _cluster_login
        return make(known["name"], database, wanted)
    return logins.of_secret(wanted.aws, wanted.secret) if wanted.secret else logins.missing(host)


def _cluster_login(name: str, database: str, wanted: Wanted) -> logins.Logins:
    if wanted.secret:
        return logins.of_secret(wanted.aws, wanted.secret)
    if wanted.user:
        return logins.of_user(wanted.aws, name, database, wanted.user)
    return logins.of_identity(wanted.aws, name, database)


def _workgroup_login(name: str, database: str, wanted: Wanted) -> logins.Logins:
    if wanted.secret:
        return logins.of_secret(wanted.aws, wanted.secret)
    if wanted.user:
        raise WarehouseError(
            f"the workgroup {name} gives no password for {wanted.user}: IAM logs in the user of "
            "its own identity; leave the user out, or give secret= of Secrets Manager"
        )
    return logins.of_workgroup(wanted.aws, name, database)


def _ready(what: str, status: str, endpoint: Any) -> Any:
    """Return the endpoint of what is there to connect to."""
    if status in _UNREADY or not endpoint or not (endpoint.get("Address", endpoint.get("address"))):
        raise WarehouseError(f"{what} {_UNREADY.get(status, f'is {status}; wait, then try again')}")
    return endpoint


def _tags(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {key.removeprefix(_TAG): value for key, value in pairs if key.startswith(_TAG)}
