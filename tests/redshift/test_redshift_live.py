"""The tests of loads on a real Redshift, which costs money: ``pytest -m redshift``.

They are those of the stand-in, with a schema and a prefix of their own, which they remove at the
end. They need, beside the usual settings of AWS:

- ``MUSICBEE_WAREHOUSE_URL``: the URL, or the name of a cluster or workgroup, with a user who may
  create schemas;
- ``MUSICBEE_BUCKET``: a bucket, or ``bucket/prefix``, of the same region;
- ``MUSICBEE_IAM_ROLE``: the role by which COPY reads it, where that isn't the default one or the
  one that the cluster's tags name.

They take some ten minutes, mostly of compilation. Redshift Serverless with 4 RPU costs 1.50 dollars
an hour by the second (https://aws.amazon.com/redshift/pricing/), an ra3.large node about half of
that; the requests to S3, some three thousand, cost two cents.
"""

from __future__ import annotations

import os
import uuid

import boto3
import pytest
from sqlalchemy import text

from musicbee_warehouse import connect, create_tables
from tests.redshift.test_redshift_errors import (
    load_log,  # noqa: F401 - a fixture of the tests
    test_a_column_too_narrow_is_to_be_widened_enough,  # noqa: F401 - run here
    test_a_fault_names_file_line_column_value_and_remedy,  # noqa: F401 - run here
    test_lines_are_left_out_and_listed_as_on_duckdb,  # noqa: F401 - run here
    test_what_the_star_cannot_take_is_found_in_the_file,  # noqa: F401 - run here
)
from tests.redshift.test_redshift_exactly_once import (
    test_readers_of_the_star_go_on_while_a_load_holds_the_lock,  # noqa: F401 - run here
    test_the_second_of_two_loads_waits_and_finds_all_loaded,  # noqa: F401 - run here
    test_who_does_not_wait_is_told_who_holds_the_warehouse,  # noqa: F401 - run here
)
from tests.redshift.test_redshift_load import (
    test_a_load_gives_the_rows_that_duckdb_has,  # noqa: F401 - run here
)
from tests.redshift.test_redshift_same import (
    test_a_load_at_once_gives_the_same_rows,  # noqa: F401 - run here
    test_the_real_sample_gives_the_same_rows,  # noqa: F401 - run here
    written,  # noqa: F401 - a fixture of the tests
)

pytestmark = pytest.mark.redshift


def _told(name):
    value = os.environ.get(name)
    if not value:
        pytest.skip(f"set {name}: see the head of {__file__}")
    return value


@pytest.fixture
def bucket():
    """Return a bucket with a prefix that nobody else uses, which goes at the end."""
    name, _, prefix = f"{_told('MUSICBEE_BUCKET')}/".partition("/")
    prefix = f"{prefix}musicbee-test-{uuid.uuid4().hex[:12]}"
    yield f"{name}/{prefix}"
    boto3.resource("s3").Bucket(name).objects.filter(Prefix=f"{prefix}/").delete()


@pytest.fixture
def put():
    """Return a function that puts objects, by their keys, into a bucket."""
    s3 = boto3.client("s3")

    def upload(place, objects):
        name, _, prefix = place.partition("/")
        for key, body in objects.items():
            s3.put_object(Bucket=name, Key=f"{prefix}/{key}", Body=body)

    return upload


@pytest.fixture
def again():
    """Return a function that connects to a schema that nobody else uses; it goes at the end."""
    place = _told("MUSICBEE_WAREHOUSE_URL")
    schema = f"musicbee_test_{uuid.uuid4().hex[:12]}"
    told = (
        {"iam_role": os.environ["MUSICBEE_IAM_ROLE"]} if "MUSICBEE_IAM_ROLE" in os.environ else {}
    )
    maker = connect(place)
    with maker.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    engines = [maker]

    def connect_again(**options):
        engines.append(connect(place, schema=schema, **told, **options))
        return engines[-1]

    yield connect_again
    for engine in engines[1:]:
        engine.dispose()
    with maker.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    maker.dispose()


@pytest.fixture
def redshift(again):
    """Return an engine of a schema that has the tables."""
    engine = again()
    create_tables(engine)
    return engine
