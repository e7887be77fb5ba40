"""What host names lead to: a warehouse that is always there, and the clusters that moto knows."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.redshift.models import redshift_backends

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


def storage_of(
    role: str, user: str, attached: Sequence[str], default: str | None = None
) -> Storage:
    """Return S3 as a role may use it, if it is attached to the cluster."""
    if role == "default":
        if default is None:
            raise Refused("IAM role default is not set for the cluster", "XX000")
        role = default
    if role not in attached:
        raise service_error(f"Not authorized to get credentials of role {role}", code=30000)
    return assume(role, user)


class Warehouse:
    """A cluster that is always there, at ``localhost``, with one user."""

    user = "awsuser"

    def __init__(self, databases: Databases) -> None:
        self.password = secrets.token_urlsafe(24)
        self.roles: list[str] = []
        """The ARNs of the attached roles; the first is the default."""
        databases.add_user(self.user)

    def passwords(self, user: str) -> Iterable[str]:
        """Return the user's password."""
        return [self.password] if user == self.user else []

    def prepare(self, user: str, database: str) -> str:  # noqa: ARG002 - they are there
        """Return PostgreSQL's name of a database."""
        return database

    def storage(self, role: str, user: str) -> Storage:
        """Return S3 as a role may use it."""
        return storage_of(role, user, self.roles, self.roles[0] if self.roles else None)


class MotoCluster:
    """A cluster that was made by ``create_cluster``, at its own host name."""

    def __init__(self, cluster: Any, databases: Databases) -> None:
        self._cluster, self._databases = cluster, databases

    def passwords(self, user: str) -> Iterable[str]:
        """Return the password of the admin user, while the cluster is available."""
        is_admin = user == self._cluster.master_username
        there = self._cluster.status == "available"
        return [self._cluster.master_user_password] if is_admin and there else []

    def prepare(self, user: str, database: str) -> str:
        """Make user and database where they are those that the cluster was made with."""
        self._databases.add_user(user)
        if database == self._cluster.db_name:
            self._databases.add(database, user)
        return database

    def storage(self, role: str, user: str) -> Storage:
        """Return S3 as a role may use it."""
        attached = list(self._cluster.iam_roles_arn or [])
        return storage_of(role, user, attached, attached[0] if attached else None)


def moto_cluster_at(host: str, databases: Databases) -> MotoCluster | None:
    """Find a cluster by the address of its endpoint."""
    for backend in redshift_backends[DEFAULT_ACCOUNT_ID].values():
        for cluster in backend.clusters.values():
            if cluster.endpoint["Address"] == host:
                return MotoCluster(cluster, databases)
    return None
