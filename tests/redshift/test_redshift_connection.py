"""Connecting to Redshift: where it is, as whom, with what, and what is said when it fails."""

from __future__ import annotations

import gc
import json
import logging
import socket
import threading
from contextlib import closing

import pytest
from sqlalchemy.exc import ArgumentError

from musicbee_warehouse import WarehouseError, connect
from musicbee_warehouse.errors import UnreachableError
from musicbee_warehouse.redshift import logins, places
from musicbee_warehouse.redshift.aws import Aws
from musicbee_warehouse.redshift.connection import Settings
from tests.loading.s3_server import REGION, client, serve
from tests.redshift.aws_gaps import Gaps

TAGS = [
    {"Key": "musicbee:project", "Value": "radio"},
    {"Key": "musicbee:iam-role", "Value": "arn:aws:iam::123456789012:role/copy"},
    {"Key": "musicbee:work", "Value": "s3://lake/work/"},
    {"Key": "team", "Value": "data"},
]


@pytest.fixture(scope="module")
def gaps():
    """Return the application that answers AWS's APIs, at the address of the environment."""
    with pytest.MonkeyPatch.context() as patch, serve(Gaps) as (address, app):
        patch.setenv("AWS_ENDPOINT_URL", address)
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.delenv("AWS_REGION", raising=False)
        patch.delenv("AWS_PROFILE", raising=False)
        client(address, service="redshift").create_cluster(
            ClusterIdentifier="musicbee",
            NodeType="ra3.large",
            ClusterType="single-node",
            DBName="radio",
            MasterUsername="admin",
            MasterUserPassword="Passw0rd-of-the-admin",
            Tags=TAGS,
        )
        client(address, service="secretsmanager").create_secret(
            Name="warehouse", SecretString=json.dumps({"username": "u", "password": "kept"})
        )
        client(address, service="secretsmanager").create_secret(Name="odd", SecretString="[1]")
        app.workgroups["serverless"] = {
            "workgroupName": "serverless",
            "workgroupArn": "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/1",
            "namespaceName": "space",
            "status": "AVAILABLE",
            "endpoint": {
                "address": "serverless.123456789012.us-east-1.redshift-serverless.amazonaws.com",
                "port": 5439,
            },
            "tags": [{"key": tag["Key"], "value": tag["Value"]} for tag in TAGS],
            "namespace": {
                "dbName": "music",
                "adminUsername": "boss",
                "adminPasswordSecretArn": "warehouse",
            },
        }
        yield app
        # moto keeps its clusters for the whole process, other tests' too.
        client(address, service="redshift").delete_cluster(
            ClusterIdentifier="musicbee", SkipFinalClusterSnapshot=True
        )


@pytest.fixture(autouse=True)
def _as_it_was(gaps):
    gaps.denied.clear()
    gaps.issued.clear()
    gaps.lifetime = 900


def test_a_cluster_is_found_by_its_name_with_role_and_work_prefix():
    engine = connect("musicbee")
    assert engine.url.host.startswith("musicbee.")
    assert engine.url.host.endswith("redshift.amazonaws.com")
    assert engine.url.database == "radio"
    assert engine.get_execution_options() == {
        "musicbee_iam_role": "arn:aws:iam::123456789012:role/copy",
        "musicbee_work": "s3://lake/work/",
    }


def test_a_workgroup_is_found_by_its_name():
    engine = connect("serverless")
    assert engine.url.host.startswith("serverless.123456789012.")
    assert engine.url.database == "music"
    assert engine.get_execution_options()["musicbee_work"] == "s3://lake/work/"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("redshift://?cluster=musicbee", "musicbee."),
        ("redshift:///other?workgroup=serverless", "serverless."),
    ],
)
def test_a_url_may_name_the_one_or_the_other(url, host):
    engine = connect(url)
    assert engine.url.host.startswith(host)
    assert not engine.url.query


def test_what_is_told_goes_before_what_is_found():
    engine = connect("musicbee", work="s3://mine/", database="mine", iam_role="default")
    assert engine.url.database == "mine"
    assert engine.get_execution_options() == {
        "musicbee_iam_role": "default",
        "musicbee_work": "s3://mine/",
    }


def test_a_name_that_aws_does_not_know_is_told_with_the_region():
    with pytest.raises(WarehouseError, match=f"no cluster and no workgroup nobody in {REGION}"):
        connect("nobody")


def test_who_may_not_see_clusters_is_told_which_right_is_lacking(gaps):
    gaps.denied |= {"DescribeClusters", "GetWorkgroup"}
    with pytest.raises(WarehouseError, match="the credentials need redshift:DescribeClusters"):
        connect("musicbee")


def test_a_workgroup_is_found_by_who_may_not_see_clusters(gaps):
    gaps.denied.add("DescribeClusters")
    assert connect("serverless").url.database == "music"


def test_a_paused_cluster_is_named():
    redshift = Aws().client("redshift")
    redshift.pause_cluster(ClusterIdentifier="musicbee")
    try:
        with pytest.raises(WarehouseError, match="the cluster musicbee is paused; resume it"):
            connect("musicbee")
    finally:
        redshift.resume_cluster(ClusterIdentifier="musicbee")


def test_a_file_name_is_not_taken_for_a_cluster():
    with pytest.raises(ArgumentError, match="URL"):
        connect("musicbee.duckdb")


def test_there_are_no_credentials(monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(WarehouseError, match=r"there are no AWS credentials .* set AWS_PROFILE"):
        connect("musicbee")


def test_a_profile_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(WarehouseError, match="nobody"):
        connect("musicbee")


# Logins ---------------------------------------------------------------------------------------


def test_the_user_of_the_iam_identity_is_asked_for_and_kept_until_the_password_expires(gaps):
    login = places.by_name("musicbee", places.Wanted()).login
    assert login().user == "IAMR:loader"
    assert login().password == gaps.issued[0]
    assert len(gaps.issued) == 1
    gaps.lifetime = 30
    brief = places.by_name("musicbee", places.Wanted()).login
    assert brief().password != brief().password


def test_serverless_gives_the_user_of_the_iam_identity(gaps):
    login = places.by_name("serverless", places.Wanted()).login
    assert (login().user, login().password) == ("IAM:loader", gaps.issued[0])


def test_a_user_of_a_cluster_gets_a_temporary_password():
    login = places.by_name("musicbee", places.Wanted(user="analyst")).login()
    assert login.user == "IAM:analyst"
    assert login.password
    assert login.expires is not None


def test_the_admin_of_serverless_is_logged_in_by_the_secret_that_aws_keeps():
    login = places.by_name("serverless", places.Wanted(user="boss")).login()
    assert (login.user, login.password) == ("u", "kept")


def test_serverless_has_no_password_for_another_user():
    with pytest.raises(WarehouseError, match="gives no password for somebody"):
        places.by_name("serverless", places.Wanted(user="somebody"))


def test_a_secret_is_read_anew_each_time():
    login = places.at_host("host", None, None, places.Wanted(secret="warehouse")).login
    assert login().password == "kept"
    secrets = Aws().client("secretsmanager")
    secrets.put_secret_value(
        SecretId="warehouse", SecretString='{"username": "u", "password": "turned"}'
    )
    assert login().password == "turned"
    secrets.put_secret_value(
        SecretId="warehouse", SecretString='{"username": "u", "password": "kept"}'
    )


@pytest.mark.parametrize(
    ("secret", "sentence"),
    [("odd", "is no JSON object with username and password"), ("none", "there is no secret none")],
)
def test_a_secret_that_is_none_is_named(secret, sentence):
    with pytest.raises(WarehouseError, match=sentence):
        connect("redshift://host/db", secret=secret).connect()


def test_a_host_of_aws_without_a_password_is_logged_in_to_by_iam(gaps):
    host = "musicbee.abc.us-east-1.redshift.amazonaws.com"
    assert places.at_host(host, None, None, places.Wanted()).login().password == gaps.issued[0]
    host = "serverless.123456789012.us-east-1.redshift-serverless.amazonaws.com"
    assert places.at_host(host, None, None, places.Wanted()).login().user == "IAM:loader"


def test_another_host_needs_a_password():
    with pytest.raises(WarehouseError, match=r"there is no password for db\.example\.com"):
        connect("redshift://user@db.example.com/radio").connect()
    with pytest.raises(WarehouseError, match="but no user"):
        connect("redshift://:secret@db.example.com/radio")


# Settings -------------------------------------------------------------------------------------


def test_settings_stand_in_the_url_or_are_keywords():
    url = "redshift://user:pw@host/db?schema=music&statement_timeout=90&work=s3://b/w&sslmode=verify-ca"
    from sqlalchemy import make_url  # noqa: PLC0415 - here alone

    settings, rest = Settings.taken(make_url(url), {"schema": "radio"})
    assert (settings.schema, settings.statement_timeout) == ("radio", 90.0)
    assert (settings.user, settings.database, settings.work) == ("user", "db", "s3://b/w")
    assert dict(rest.query) == {"sslmode": "verify-ca"}


def test_a_timeout_that_is_no_number_is_named():
    with pytest.raises(ArgumentError, match="statement_timeout is 'soon'; give seconds"):
        connect("redshift://user:pw@host/db?statement_timeout=soon")


# Secrets and failures -------------------------------------------------------------------------


def test_no_password_is_in_what_can_be_shown(caplog):
    caplog.set_level(logging.DEBUG, logger="redshift_connector")
    caplog.set_level(logging.DEBUG, logger="sqlalchemy")
    engine = connect("redshift://user:Sesame-123@127.0.0.1:1/db")
    with pytest.raises(UnreachableError) as raised:
        engine.connect()
    shown = [
        repr(engine),
        str(engine.url),
        engine.url.render_as_string(hide_password=False),
        str(raised.value),
        repr(raised.value),
        caplog.text,
        repr(logins.Login("user", "Sesame-123")),
        repr(places.at_host("host", None, "Sesame-123", places.Wanted(user="user"))),
    ]
    assert not [text for text in shown if "Sesame-123" in text]


def test_a_host_that_does_not_answer_is_told_from_one_that_is_not_there():
    with pytest.raises(UnreachableError, match=r"127.0.0.1:1 doesn't answer .*security group"):
        connect("redshift://user:pw@127.0.0.1:1/db").connect()
    with pytest.raises(UnreachableError, match=r"there is no host nowhere\.invalid"):
        connect("redshift://user:pw@nowhere.invalid/db").connect()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_server_without_tls_gets_no_password():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        received = []

        def refuse():
            peer, _ = server.accept()
            with peer:
                received.append(peer.recv(100))
                peer.sendall(b"N")
                received.append(peer.recv(100))

        thread = threading.Thread(target=refuse)
        thread.start()
        port = server.getsockname()[1]
        with pytest.raises(WarehouseError, match="speaks no TLS"):
            connect(f"redshift://user:pw@127.0.0.1:{port}/db").connect()
        gc.collect()  # the driver leaves its socket to be collected
        thread.join()
    assert received[1] == b""
