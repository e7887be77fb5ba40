"""Fixtures: the cloud, a bucket in it, and databases of its warehouse."""

from __future__ import annotations

import gc
import uuid
import warnings

import pytest

from musicbee_warehouse import connect, create_tables
from standin.leaks import leaks, listening

OUTPUT = pytest.StashKey[list[str]]()
"""What tests wrote: captured output, error output and logs."""


def pytest_configure(config):
    """Keep what tests will write."""
    config.stash[OUTPUT] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Keep what a test wrote."""
    report = yield
    item.config.stash[OUTPUT] += [text for _, text in report.sections]
    return report


@pytest.fixture(scope="session")
def cloud(request):
    """Return the stand-in for AWS and Redshift, running; see :class:`standin.cloud.Cloud`.

    From its first use to the end of the session the environment leads to it. Then the session fails
    if sqlfluff's grammar of Redshift does not know a statement that was sent, or if a secret stood
    in a statement, in what loggers said or in what tests wrote.
    """
    cloud = start()
    with pytest.MonkeyPatch.context() as patch, cloud.resolving(), listening() as logged:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
            patch.delenv(name, raising=False)
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        yield cloud
    cloud.stop()
    texts = [*logged, *request.config.stash[OUTPUT]]
    cache = getattr(request.config, "cache", None)  # which an option of pytest turns off
    understood = cache.get("standin/understood", {}) if cache else {}
    found = problems(cloud.statements, texts, cloud.secrets, understood)
    if cache:
        cache.set("standin/understood", understood)
    if found:
        pytest.fail("\n\n".join(found), pytrace=False)


def start():
    """Start the cloud, or skip the tests that need it, with the reason."""
    from standin.cloud import Cloud  # noqa: PLC0415 - moto is slow to import
    from standin.postgres import NoPostgres  # noqa: PLC0415 - as above

    try:
        return Cloud()
    except NoPostgres as reason:
        pytest.skip(f"there is no stand-in for Redshift: {reason}")


def problems(statements, texts, secrets, understood=None):
    """Return what a session of tests has to fail for, though none of its tests could see it."""
    from standin.grammar import unparsable  # noqa: PLC0415 - sqlfluff is slow to import

    asked = [text for each in statements for text in (each.sql, each.error, *each.parameters)]
    found = [f"a secret was told: {text}" for text in leaks([*asked, *texts], secrets)]
    return found + [f"no SQL of Redshift: {text}" for text in unparsable(statements, understood)]


@pytest.fixture
def refused_logins():
    """Let a test's connections be refused: the driver then leaves their sockets open."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.fixture
def faults(cloud):
    """Return what is to go wrong with Redshift during a test; see :class:`standin.asked.Faults`."""
    yield cloud.faults
    cloud.faults.clear()


@pytest.fixture
def bucket(cloud):
    """Return the name of a fresh bucket."""
    cloud.renew()
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
