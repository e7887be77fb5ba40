"""What host names lead to: a warehouse that is always there, and what was made by the APIs."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.redshift.models import redshift_backends
from moto.secretsmanager.models import secretsmanager_backends

from standin.logins import Logins, cluster_place, workgroup_place
from standin.postgres import Postgres
from standin.storage import Storage, assume, service_error
from standin.tokens import Refused
from standin.wire import identifier, literal


class Databases:
    """The users and databases of PostgreSQL, made as they are needed."""

    def __init__(self, postgres: Postgres) -> None:
        self._admin = postgres.admin()
        self._lock = threading.Lock()

    def add_user(self, name: str) -> None:
        """Make a user who may make others and databases, unless it is there."""
        with self._lock:
            if not self._admin.query(f"SELECT 1 FROM pg_roles WHERE rolname = {literal(name)}"):
                self._admin.query(f"CREATE ROLE {identifier(name)} LOGIN CREATEDB CREATEROLE")

    def has_user(self, name: str) -> bool:
        """Tell whether there is a user."""
        with self._lock:
            return bool(
                self._admin.query(f"SELECT 1 FROM pg_roles WHERE rolname = {literal(name)}")
            )

    def add(self, name: str, owner: str, template: str = "template1") -> None:
        """Make a database, unless it is there."""
        with self._lock:
            if not self._admin.query(f"SELECT 1 FROM pg_database WHERE datname = {literal(name)}"):
                self._admin.query(
                    f"CREATE DATABASE {identifier(name)} OWNER {identifier(owner)}"
                    f" TEMPLATE {identifier(template)}"
                )

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        with self._lock:
            self._admin.query(f"DROP DATABASE IF EXISTS {identifier(name)} WITH (FORCE)")

    def close(self) -> None:
        """Close the connection that all this goes by."""
        self._admin.close()


def _check_attached(role: str, attached: Sequence[str], default: str | None) -> str:
    """Return the ARN of a role that is given, or the default; refuse one that isn't attached."""
    if role == "default":
        if default is None:
            raise Refused("IAM role default is not set for the cluster", "XX000")
        role = default
    if role not in attached:
        raise service_error(f"Not authorized to get credentials of role {role}", code=30000)
    return role


class Warehouse:
    """A cluster that is always there, at ``localhost``, with one user."""

    user = "awsuser"
    arn = f"arn:aws:redshift:us-east-1:{DEFAULT_ACCOUNT_ID}:cluster:standin"

    def __init__(self, databases: Databases) -> None:
        self.password = secrets.token_urlsafe(24)
        self.roles: list[str] = []
        """The ARNs of the attached roles; the first is the default."""
        databases.add_user(self.user)

    def passwords(self, user: str) -> Mapping[str, str]:
        """Return the user's password."""
        return {self.password: user} if user == self.user else {}

    def prepare(self, user: str, database: str) -> str:  # noqa: ARG002 - they are there
        """Return PostgreSQL's name of a database."""
        return database

    def storage(self, role: str, user: str) -> Storage:
        """Return S3 as a role may use it."""
        default = self.roles[0] if self.roles else None
        return assume(_check_attached(role, self.roles, default), user, self.arn)


@dataclass(frozen=True)
class Described:
    """A cluster or workgroup, as an API describes it.

    Attributes:
        arn: its name in IAM.
        place: where its temporary passwords are kept, see :mod:`standin.logins`.
        identity: what tells it from others of the same name, of other times.
        database: the one that it was made with.
        admin: its admin user; the password is None if it isn't known.
        roles: the attached roles.
    """

    arn: str
    place: str
    identity: str
    database: str
    admin: str
    admin_password: str | None
    roles: Sequence[str]
    default_role: str | None


class MadeCluster:
    """A cluster or workgroup that somebody made by an API, at its own host name."""

    def __init__(self, described: Described, databases: Databases, logins: Logins) -> None:
        self._described, self._databases, self._logins = described, databases, logins

    def passwords(self, user: str) -> Mapping[str, str]:
        """Return the admin user's password, and the temporary ones of a user."""
        admin = self._described.admin
        self._databases.add_user(admin)
        found = {
            password: database_user
            for password, database_user in self._logins.of(self._described.place, user).items()
            if not user.startswith("IAM:")
            or database_user == user
            or self._databases.has_user(database_user)
        }
        if user == admin and self._described.admin_password:
            found[self._described.admin_password] = admin
        return found

    def prepare(self, user: str, database: str) -> str:
        """Make the user, and the database where it is that which the cluster was made with."""
        name = f"{database}@{self._described.identity}"
        self._databases.add_user(user)
        if database == self._described.database:
            self._databases.add(name, self._described.admin)
        return name

    def storage(self, role: str, user: str) -> Storage:
        """Return S3 as a role may use it."""
        described = self._described
        role = _check_attached(role, described.roles, described.default_role)
        return assume(role, user, described.arn)


def cluster_at(host: str) -> Described | None:
    """Find a provisioned cluster that is available by the address of its endpoint."""
    for region, backend in redshift_backends[DEFAULT_ACCOUNT_ID].items():
        for cluster in backend.clusters.values():
            if cluster.endpoint["Address"] == host and cluster.status == "available":
                roles = list(cluster.iam_roles_arn or [])
                default = getattr(cluster, "default_iam_role_arn", None)
                name = cluster.cluster_identifier
                return Described(
                    arn=f"arn:aws:redshift:{region}:{DEFAULT_ACCOUNT_ID}:cluster:{name}",
                    place=cluster_place(name),
                    identity=f"{name}, {cluster.create_time}",
                    database=cluster.db_name,
                    admin=cluster.master_username,
                    admin_password=cluster.master_user_password,
                    roles=roles,
                    default_role=default or (roles[0] if roles else None),
                )
    return None


def workgroup_at(host: str, client: Any) -> Described | None:
    """Find a workgroup that is available by its host name, by asking the API about it.

    Args:
        host: the address of its endpoint, which begins with its name.
        client: boto3's client of ``redshift-serverless``; moto has no such service, a test may.
    """
    try:
        found = client.get_workgroup(workgroupName=host.partition(".")[0])["workgroup"]
        space = client.get_namespace(namespaceName=found["namespaceName"])["namespace"]
    except (ClientError, ResponseParserError):
        return None
    if found["status"] != "AVAILABLE" or found["endpoint"]["address"] != host:
        return None
    roles = [_arn_of(role) for role in space.get("iamRoles", [])]
    default = space.get("defaultIamRoleArn")
    return Described(
        arn=found["workgroupArn"],
        place=workgroup_place(found["workgroupName"]),
        identity=space["namespaceId"],
        database=space.get("dbName", "dev"),
        admin=space.get("adminUsername", "admin"),
        admin_password=_secret_password(space.get("adminPasswordSecretArn")),
        roles=roles,
        default_role=default or (roles[0] if roles else None),
    )


def _arn_of(role: str) -> str:
    """Return the ARN of a role, which the API shows in more words than one."""
    found = re.search(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+", role)
    return found.group() if found else role


def _secret_password(arn: str | None) -> str | None:
    for backend in secretsmanager_backends[DEFAULT_ACCOUNT_ID].values():
        for secret in backend.secrets.values():
            if arn and secret.arn == arn:
                version = secret.versions[secret.default_version_id]
                return str(json.loads(version["secret_string"])["password"])
    return None
