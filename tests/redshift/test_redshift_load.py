"""The main job as a user does it: a cluster by its name, S3, a role, TLS, COPY, the star."""

from __future__ import annotations

import logging
import ssl
import uuid

import pytest
from sqlalchemy import select, text

from musicbee_warehouse import SongDim, WarehouseError, connect, load
from musicbee_warehouse._version import __version__


@pytest.fixture
def cluster(cloud, bucket):
    """Return the name of a cluster, which has a role and tags that say what a load needs."""
    name = f"radio-{uuid.uuid4().hex[:8]}"
    client = cloud.client("redshift")
    client.create_cluster(
        ClusterIdentifier=name,
        NodeType="ra3.large",
        ClusterType="single-node",
        DBName="radio",
        MasterUsername="admin",
        MasterUserPassword=f"Pw1-{uuid.uuid4().hex}",
        IamRoles=[cloud.role],
        Tags=[
            {"Key": "musicbee:iam-role", "Value": cloud.role},
            {"Key": "musicbee:work", "Value": f"s3://{bucket}/work/"},
        ],
    )
    yield name
    client.delete_cluster(ClusterIdentifier=name, SkipFinalClusterSnapshot=True)


def test_a_load_gives_the_rows_that_duckdb_has(redshift, lake, expected, star_rows):
    report = load(redshift, **lake)
    assert (report.files, report.known) == (55, 0)
    assert star_rows(redshift) == star_rows(expected)
    report = load(redshift, **lake)
    assert (report.files, report.known) == (0, 55)


def test_a_cluster_is_loaded_by_its_name_with_a_temporary_password(
    cluster, lake, expected, star_rows
):
    engine = connect(cluster, user="admin")
    report = load(engine, events=lake["events"], songs=lake["songs"])
    assert report.files == 55
    assert star_rows(engine) == star_rows(expected)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT current_user")) == "admin"
        secured = connection.connection.dbapi_connection._usock
        assert isinstance(secured, ssl.SSLSocket)
        assert secured.context.verify_mode is ssl.CERT_REQUIRED
        assert secured.context.check_hostname
    assert load(engine, events=lake["events"], songs=lake["songs"]).files == 0
    engine.dispose()


def test_a_paused_or_deleted_cluster_is_said_to_be_so(cloud, cluster):
    engine = connect(cluster, user="admin")
    cloud.client("redshift").pause_cluster(ClusterIdentifier=cluster)
    with pytest.raises(WarehouseError, match=f"the cluster {cluster} is paused"):
        connect(cluster)
    cloud.client("redshift").resume_cluster(ClusterIdentifier=cluster)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()


def test_a_session_has_what_was_asked_for(redshift_url):
    engine = connect(redshift_url, schema="music", statement_timeout=90)
    with engine.connect() as connection:
        connection.rollback()  # what is set outlives it
        shown = {
            name: connection.scalar(text(f"SHOW {name}"))
            for name in ("search_path", "statement_timeout", "application_name")
        }
    assert shown["search_path"] == "music"
    assert shown["statement_timeout"] in ("90000", "90s", "1min 30s", "1.5min")
    assert shown["application_name"] == f"musicbee-warehouse {__version__}"
    engine.dispose()


def test_tables_live_in_the_schema_that_is_named(redshift_url, lake, expected, star_rows):
    maker = connect(redshift_url)
    with maker.begin() as connection:
        connection.execute(text("CREATE SCHEMA music"))
    maker.dispose()
    engine = connect(f"{redshift_url}?schema=music")
    load(engine, **lake)
    with engine.connect() as connection:
        songs = connection.scalars(select(SongDim.song_id)).all()
        assert len(connection.scalars(text("SELECT song_id FROM music.song_dim")).all()) == 48
    assert len(songs) == 48
    assert star_rows(engine) == star_rows(expected)
    engine.dispose()


def test_the_connection_is_kept_alive(redshift):
    import socket  # noqa: PLC0415 - here alone

    with redshift.connect() as connection:
        plug = connection.connection.dbapi_connection._usock
        assert plug.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert plug.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert plug.gettimeout() is None


@pytest.mark.usefixtures("refused_logins")
def test_a_wrong_password_and_an_unknown_database_are_told(redshift_url):
    from sqlalchemy import make_url  # noqa: PLC0415 - here alone

    url = make_url(redshift_url)

    with pytest.raises(WarehouseError, match="refuses the password of awsuser"):
        connect(url.set(password="Wrong-Secret-1")).connect()
    with pytest.raises(WarehouseError, match="there is no database nowhere on localhost"):
        connect(url.set(database="nowhere")).connect()


@pytest.mark.usefixtures("refused_logins")
def test_a_certificate_of_an_unknown_authority_is_refused(redshift_url, monkeypatch, tmp_path):
    (tmp_path / "none.pem").write_text("")
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(WarehouseError, match="the certificate of localhost isn't trusted"):
        connect(redshift_url).connect()


def test_no_secret_is_in_what_the_load_shows_logs_or_sends(cloud, redshift_url, lake, caplog):
    password = redshift_url.split(":")[2].split("@")[0]
    for name in ("sqlalchemy", "musicbee_warehouse", "botocore"):
        caplog.set_level(logging.INFO, logger=name)
    with cloud.statements.recorded() as asked:
        engine = connect(redshift_url)
        report = load(engine, **lake)
        shown = [repr(engine), str(engine.url), repr(report), str(report.to_dict()), caplog.text]
        with pytest.raises(WarehouseError) as raised:
            load(engine, **lake, iam_role="arn:aws:iam::123456789012:role/x", full_refresh=True)
        shown += [str(raised.value), repr(raised.value), caplog.text]
    secrets = [password, cloud.environment["AWS_SECRET_ACCESS_KEY"]]
    for secret in secrets:
        assert not [text for text in (*shown, *asked.sql) if secret in text]
    assert "CREDENTIALS" not in "".join(asked.sql).upper().replace("IAM_ROLE", "")
    engine.dispose()
