"""What tests of loads on Redshift need: files in a bucket, and an engine of DuckDB beside."""

from __future__ import annotations

import pytest

from musicbee_warehouse import connect, load
from tests.loading.s3_server import seed
from tests.redshift.lakes import EXAMPLES, contents


@pytest.fixture
def put():
    """Return a function that puts objects, by their keys, into a bucket."""
    return seed


@pytest.fixture
def again(redshift_url):
    """Return a function that connects once more to the database of ``redshift``."""
    engines = []

    def connect_again(**options):
        engines.append(connect(redshift_url, **options))
        return engines[-1]

    yield connect_again
    for engine in engines:
        engine.dispose()


@pytest.fixture
def lake(bucket, put):
    """Return the arguments that load the examples from a bucket, as the cluster's default role."""
    put(bucket, contents(EXAMPLES))
    return {
        "events": f"s3://{bucket}/log_data",
        "songs": f"s3://{bucket}/song_data",
        "work": f"s3://{bucket}/work/",
    }


@pytest.fixture
def duckdb():
    """Return the engine of an in-memory DuckDB."""
    engine = connect("duckdb:///:memory:")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def expected():
    """Return a warehouse on DuckDB that holds the examples."""
    engine = connect("duckdb:///:memory:")
    load(engine, events=EXAMPLES / "log_data", songs=EXAMPLES / "song_data")
    yield engine
    engine.dispose()
