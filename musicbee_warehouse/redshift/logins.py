"""Users and passwords of Redshift: given, temporary by IAM, or kept by Secrets Manager.

A login is asked for each time a connection is opened, and never stands in a URL.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.redshift.aws import Aws, explained

_SECONDS = 900
"""How long a temporary password is asked to hold; a connection opened with it goes on after."""
_MARGIN = timedelta(seconds=60)


@dataclass(frozen=True)
class Login:
    """A user and a password; the password isn't shown.

    >>> Login("loader", "s3cret")
    Login(user='loader')
    """

    user: str
    password: str = field(repr=False)
    expires: datetime | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(user={self.user!r})"


Logins = Callable[[], Login]
"""Gives a login that holds now."""


class Renewed:
    """Keeps a login until shortly before it expires, then asks for the next."""

    def __init__(self, ask: Logins) -> None:
        self._ask, self._lock = ask, Lock()
        self._login: Login | None = None

    def __call__(self) -> Login:
        """Return the login that is kept, or a new one."""
        with self._lock:
            if self._login is None or not _holds(self._login):
                self._login = self._ask()
            return self._login


def _holds(login: Login) -> bool:
    return login.expires is not None and login.expires - datetime.now(UTC) > _MARGIN


def of_identity(aws: Aws, cluster: str, database: str) -> Logins:
    """Return the logins of the user that a cluster pairs with the caller's IAM identity.

    https://docs.aws.amazon.com/redshift/latest/APIReference/API_GetClusterCredentialsWithIAM.html
    """

    def ask() -> Login:
        with explained("redshift:GetClusterCredentialsWithIAM", f"the cluster {cluster}"):
            found = aws.client("redshift").get_cluster_credentials_with_iam(
                ClusterIdentifier=cluster, DbName=database, DurationSeconds=_SECONDS
            )
        return Login(found["DbUser"], found["DbPassword"], found["Expiration"])

    return Renewed(ask)


def of_user(aws: Aws, cluster: str, database: str, user: str) -> Logins:
    """Return the logins of a user of a cluster, who has to be there.

    https://docs.aws.amazon.com/redshift/latest/APIReference/API_GetClusterCredentials.html
    """

    def ask() -> Login:
        with explained("redshift:GetClusterCredentials", f"the cluster {cluster}"):
            found = aws.client("redshift").get_cluster_credentials(
                ClusterIdentifier=cluster,
                DbName=database,
                DbUser=user,
                AutoCreate=False,
                DurationSeconds=_SECONDS,
            )
        return Login(found["DbUser"], found["DbPassword"], found["Expiration"])

    return Renewed(ask)


def of_workgroup(aws: Aws, workgroup: str, database: str) -> Logins:
    """Return the logins of the user that Serverless pairs with the caller's IAM identity.

    https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_GetCredentials.html
    """

    def ask() -> Login:
        with explained("redshift-serverless:GetCredentials", f"the workgroup {workgroup}"):
            found = aws.client("redshift-serverless").get_credentials(
                workgroupName=workgroup, dbName=database, durationSeconds=_SECONDS
            )
        return Login(found["dbUser"], found["dbPassword"], found["expiration"])

    return Renewed(ask)


def of_secret(aws: Aws, secret: str) -> Logins:
    """Return the logins of a secret, read each time, for it may be rotated.

    The admin's password is one, if AWS keeps it
    (https://docs.aws.amazon.com/redshift/latest/mgmt/redshift-secrets-manager-integration.html).
    """

    def ask() -> Login:
        with explained("secretsmanager:GetSecretValue", f"the secret {secret}"):
            found = aws.client("secretsmanager").get_secret_value(SecretId=secret)
        try:
            pair = json.loads(found["SecretString"])
            return Login(pair["username"], pair["password"])
        except (KeyError, TypeError, ValueError):
            raise WarehouseError(
                f"the secret {secret} is no JSON object with username and password; "
                "name one that AWS made for Redshift, or write it so"
            ) from None

    return ask


def given(user: str | None, password: str, host: str) -> Logins:
    """Return the login that a URL gave."""
    if not user:
        raise WarehouseError(f"there is a password for {host} but no user; write user:password@")
    login = Login(user, password)
    return lambda: login


def missing(host: str) -> Logins:
    """Return what says, once a connection is wanted, that there is no password."""

    def ask() -> Login:
        raise WarehouseError(
            f"there is no password for {host}; connect by the name of the cluster or workgroup, "
            "or with secret= of Secrets Manager, or write user:password@ into the URL"
        )

    return ask
