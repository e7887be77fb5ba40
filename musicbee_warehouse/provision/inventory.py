"""All that is ours in an account and region, whatever became of its creation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from musicbee_warehouse.provision.access import Role, SecurityGroup
from musicbee_warehouse.provision.account import Account
from musicbee_warehouse.provision.documents import ROLE_PATH, TAG, tag_dict
from musicbee_warehouse.provision.provisioned import (
    ParameterGroup,
    ProvisionedCluster,
    SubnetGroup,
    found_cluster,
)
from musicbee_warehouse.provision.resource import Found
from musicbee_warehouse.provision.serverless import (
    Namespace,
    ServerlessWorkgroup,
    found_serverless,
)

COSTLY = (ProvisionedCluster.kind, ServerlessWorkgroup.kind)
"""The kinds that a warehouse is known by; the others serve them and cost nothing."""

_WAREHOUSE = f"{TAG}warehouse"


def inventory(account: Account) -> list[Found]:
    """Return everything that has our tags, of all owners, the costly first."""
    found = [*_clusters(account), *_serverless(account), *_groups(account), *_roles(account)]
    ours = [each for each in found if each.warehouse]
    return sorted(ours, key=lambda each: (each.kind not in COSTLY, each.kind, each.name))


def expiries(found: Iterable[Found]) -> dict[str, str]:
    """Return until when each warehouse is wanted, by its name; without those wanted for ever.

    The cluster or the workgroup knows best: its tag is renewed.
    """
    times: dict[str, tuple[bool, str]] = {}
    for each in found:
        said = (each.kind in COSTLY, each.tags.get(f"{TAG}expires", ""))
        times[each.warehouse] = max(times.get(each.warehouse, (False, "")), said)
    return {name: expires for name, (_, expires) in times.items() if expires}


def snapshots(account: Account) -> dict[str, str]:
    """Return all manual snapshots, each with the warehouse that it is of; they outlive it."""
    clusters = account.redshift.get_paginator("describe_cluster_snapshots")
    workgroups = account.serverless.get_paginator("list_snapshots")
    found: list[Any] = [
        (each["SnapshotIdentifier"], each.get("ClusterIdentifier", ""))
        for page in clusters.paginate(SnapshotType="manual")
        for each in page["Snapshots"]
    ]
    found += [
        (each["snapshotName"], each.get("namespaceName", ""))
        for listed in workgroups.paginate()
        for each in listed["snapshots"]
    ]
    return dict(found)


def _clusters(account: Account) -> Iterator[Found]:
    pages = account.redshift.get_paginator("describe_clusters").paginate(TagKeys=[_WAREHOUSE])
    return (found_cluster(cluster) for page in pages for cluster in page["Clusters"])


def _serverless(account: Account) -> Iterator[Found]:
    client = account.serverless
    for page in client.get_paginator("list_workgroups").paginate():
        for workgroup in page["workgroups"]:
            yield from _tagged(account, ServerlessWorkgroup.kind, workgroup)
    for each in client.get_paginator("list_namespaces").paginate():
        for namespace in each["namespaces"]:
            yield from _tagged(account, Namespace.kind, namespace)


def _tagged(account: Account, kind: str, described: Any) -> Iterator[Found]:
    """Yield it unless it went away since it was listed."""
    try:
        yield found_serverless(account, kind, described)
    except account.serverless.exceptions.ResourceNotFoundException:
        return


def _groups(account: Account) -> Iterator[Found]:
    redshift = account.redshift
    parameters = redshift.get_paginator("describe_cluster_parameter_groups")
    for page in parameters.paginate(TagKeys=[_WAREHOUSE]):
        for group in page["ParameterGroups"]:
            yield _group(ParameterGroup.kind, group["ParameterGroupName"], group)
    subnets = redshift.get_paginator("describe_cluster_subnet_groups")
    for each in subnets.paginate(TagKeys=[_WAREHOUSE]):
        for subnet_group in each["ClusterSubnetGroups"]:
            yield _group(SubnetGroup.kind, subnet_group["ClusterSubnetGroupName"], subnet_group)
    security = account.ec2.get_paginator("describe_security_groups")
    for one in security.paginate(Filters=[{"Name": "tag-key", "Values": [_WAREHOUSE]}]):
        for security_group in one["SecurityGroups"]:
            yield _group(SecurityGroup.kind, security_group["GroupName"], security_group)


def _group(kind: str, name: str, group: Any) -> Found:
    return Found(kind, name, tag_dict(group.get("Tags", [])), id=group.get("GroupId", name))


def _roles(account: Account) -> Iterator[Found]:
    """Yield the roles of the region; IAM has those of all regions in one list, without tags."""
    iam = account.iam
    for page in iam.get_paginator("list_roles").paginate(PathPrefix=ROLE_PATH):
        for listed in page["Roles"]:
            if not listed["RoleName"].endswith(f"-{account.place.region}"):
                continue
            try:
                role = iam.get_role(RoleName=listed["RoleName"])["Role"]
            except iam.exceptions.NoSuchEntityException:
                continue
            tags = tag_dict(role.get("Tags", []))
            yield Found(Role.kind, role["RoleName"], tags, id=role["Arn"])
