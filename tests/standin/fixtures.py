"""Fixtures: the cloud, a bucket in it, and databases of its warehouse."""

from __future__ import annotations

import uuid

import pytest

from musicbee_warehouse import connect, create_tables


@pytest.fixture(scope="session")
def cloud():
    """Return the stand-in for AWS and Redshift, running; see :class:`standin.cloud.Cloud`.

    From its first use to the end of the session the environment leads to it.
    """
    from standin.cloud import Cloud  # noqa: PLC0415 - moto is slow to import
    from standin.postgres import NoPostgres  # noqa: PLC0415 - as above

    try:
        cloud = Cloud()
    except NoPostgres as reason:
        pytest.skip(f"there is no stand-in for Redshift: {reason}")
    with pytest.MonkeyPatch.context() as patch, cloud.resolving():
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
            patch.delenv(name, raising=False)
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        yield cloud
    cloud.stop()


@pytest.fixture
def bucket(cloud):
    """Return the name of a fresh bucket."""
    name = f"musicbee-{uuid.uuid4().hex[:12]}"
    cloud.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def redshift_url(cloud):
    """Return the URL of a fresh, empty database."""
    database = cloud.new_database()
    yield cloud.url(database).render_as_string(hide_password=False)
    cloud.databases.drop(database)


@pytest.fixture
def redshift(redshift_url):
    """Return an engine of a fresh database that has the tables."""
    engine = connect(redshift_url)
    create_tables(engine)
    yield engine
    engine.dispose()
