"""What tests of loads on Redshift need: files in a bucket, and an engine of DuckDB beside."""

from __future__ import annotations

import pytest

from musicbee_warehouse import connect
from tests.redshift.lakes import EXAMPLES, upload


@pytest.fixture
def lake(bucket):
    """Return the arguments that load the examples from a bucket, as the cluster's default role."""
    upload(EXAMPLES, bucket)
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
