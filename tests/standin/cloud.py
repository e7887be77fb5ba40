"""Everything together: a cloud for one session of tests, which code under test can't tell from AWS.

It is led here by the environment, by nothing else: endpoint, keys and region of AWS, the
certificates to trust, and host names of clusters, which resolve to the front.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.exceptions import EntityAlreadyExists
from moto.iam.models import AccessKey, iam_backends
from sqlalchemy import URL

from standin.asked import Faults, Statements
from standin.certificates import LOCAL, Authority
from standin.clusters import Databases, MadeCluster, Warehouse, cluster_at, workgroup_at
from standin.front import Cluster, Front
from standin.postgres import Postgres
from standin.services import Services

SQL = Path(__file__).parent / "sql"
REGION = "us-east-1"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["redshift.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}
READ = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
_DOMAINS = (".redshift.amazonaws.com", ".redshift-serverless.amazonaws.com")


class Cloud:
    """The stand-in, running.

    Attributes:
        services: AWS's APIs.
        front: Redshift.
        warehouse: the cluster at ``localhost``, where ``redshift_url`` has its databases.
        role: the ARN of a role that may read all of S3; it is the warehouse's default.
    """

    def __init__(self) -> None:
        with contextlib.ExitStack() as stack:
            self.services = Services()
            stack.callback(self.services.stop)
            self.postgres = Postgres()
            stack.callback(self.postgres.stop)
            _prepare(self.postgres)
            self.databases = Databases(self.postgres)
            stack.callback(self.databases.close)
            self._folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="standin-"))
            self.authority = Authority(
                Path(self._folder), lambda host: self.cluster_at(host) is not None
            )
            self.warehouse = Warehouse(self.databases)
            self.front = Front(self.postgres, self.authority, self.cluster_at)
            stack.callback(self.front.stop)
            self._key = _add_user("tester")
            self.role = self.add_role("musicbee-copy", READ)
            self.warehouse.roles.append(self.role)
            self._names = itertools.count(1)
            self._stack = stack.pop_all()

    @property
    def statements(self) -> Statements:
        """What Redshift was asked, in order."""
        return self.front.statements

    @property
    def faults(self) -> Faults:
        """What is to go wrong."""
        return self.front.faults

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead a process here."""
        return {
            "AWS_ENDPOINT_URL": self.services.address,
            "AWS_ACCESS_KEY_ID": self._key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self._key.secret_access_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(Path(self._folder) / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(Path(self._folder) / "credentials"),
            "SSL_CERT_FILE": str(self.authority.path),
        }

    @property
    def secrets(self) -> set[str]:
        """What must not turn up in statements, logs and output."""
        own = {self.warehouse.password, self._key.secret_access_key}
        return own | self.services.logins.secrets

    @functools.cache  # noqa: B019 - there is one cloud
    def client(self, service: str, region: str = REGION) -> Any:
        """Return a client of boto3 with all rights."""
        return boto3.session.Session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.services.address,
            region_name=region,
            aws_access_key_id=self._key.access_key_id,
            aws_secret_access_key=self._key.secret_access_key,
        )

    def add_role(self, name: str, *statements: Mapping[str, Any]) -> str:
        """Make a role that Redshift may assume, with the statements of a policy; return its ARN."""
        iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
        role = iam.create_role(
            name,
            json.dumps(TRUST),
            path="/",
            permissions_boundary=None,
            description="",
            tags=[],
            max_session_duration="3600",
        )
        if statements:
            iam.put_role_policy(name, "inline", _policy(*statements))
        return str(role.arn)

    def renew(self) -> None:
        """Make the role again if a test has made moto forget everything."""
        with contextlib.suppress(EntityAlreadyExists):
            self.role = self.add_role("musicbee-copy", READ)

    def new_database(self, template: str = "template1") -> str:
        """Make an empty database in the warehouse and return its name."""
        name = f"test_{next(self._names)}"
        self.databases.add(name, self.warehouse.user, template)
        return name

    def url(self, database: str) -> URL:
        """Return the URL of a database of the warehouse."""
        return URL.create(
            "redshift+redshift_connector",
            self.warehouse.user,
            self.warehouse.password,
            LOCAL,
            self.front.address[1],
            database,
        )

    def cluster_at(self, host: str) -> Cluster | None:
        """Find what is reached under a host name."""
        if host == LOCAL:
            return self.warehouse
        if ".redshift-serverless." in host:
            region = host.split(".")[2]
            found = workgroup_at(host, self.client("redshift-serverless", region))
        else:
            found = cluster_at(host)
        return MadeCluster(found, self.databases, self.services.logins) if found else None

    @contextlib.contextmanager
    def resolving(self) -> Iterator[None]:
        """Let the host names of clusters resolve to the front, in this process."""
        resolve = socket.getaddrinfo

        def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
            if not (isinstance(host, str) and host.endswith(_DOMAINS)):
                return resolve(host, port, *args, **options)
            if self.cluster_at(host) is None:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            address = self.front.address
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]

        with mock.patch("socket.getaddrinfo", getaddrinfo):
            yield

    def stop(self) -> None:
        """Stop all servers and delete all files."""
        self._stack.close()


def _policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _add_user(name: str) -> AccessKey:
    """Make a user of IAM who may do anything; return a key of theirs."""
    iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    iam.create_user(REGION, name)
    iam.put_user_policy(
        name, "inline", _policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
    )
    return iam.create_access_key(name)


def _prepare(postgres: Postgres) -> None:
    """Put into the template of all databases what Redshift has and PostgreSQL lacks."""
    admin = postgres.admin("template1")
    try:
        for script in sorted(SQL.glob("*.sql")):
            text = script.read_text(encoding="utf-8")
            admin.query(text.replace("{folder}", str(postgres.home)))
        # With it foreign keys and other triggers of PostgreSQL are silent.
        admin.query("ALTER SYSTEM SET session_replication_role = 'replica'")
        admin.query("SELECT pg_reload_conf()")
    finally:
        admin.close()
