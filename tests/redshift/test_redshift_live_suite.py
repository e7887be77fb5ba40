"""The suite for a real Redshift runs, against the stand-in, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect

from musicbee_warehouse import connect

ROOT = Path(__file__).parents[2]
SUITE = "tests/redshift/test_redshift_live.py"


def _run(environment, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "redshift", SUITE, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_suite_leaves_neither_schema_nor_object(cloud, redshift_url, bucket):
    told = {
        "MUSICBEE_WAREHOUSE_URL": redshift_url,
        "MUSICBEE_BUCKET": bucket,
        "MUSICBEE_IAM_ROLE": cloud.role,
    }
    done = _run(told, "-k", "widened or rows_that_duckdb or does_not_wait")
    assert "3 passed" in done.stdout, done.stdout[-2000:]
    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=bucket)
    engine = connect(redshift_url)
    schemas = inspect(engine).get_schema_names()
    engine.dispose()
    assert not [name for name in schemas if name.startswith("musicbee_test")]


def test_the_suite_says_what_it_needs():
    done = _run({"MUSICBEE_WAREHOUSE_URL": "", "MUSICBEE_BUCKET": ""}, "-k", "widened", "-rs")
    assert "set MUSICBEE_" in done.stdout
    assert "1 skipped" in done.stdout
