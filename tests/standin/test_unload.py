"""UNLOAD: which objects it writes, and what is in them."""

from __future__ import annotations

import gzip
import json

import duckdb
import pytest
from redshift_connector import ProgrammingError

from standin.statements import plan
from standin.tokens import Refused

QUERY = "SELECT id, name, at, price, paid FROM t ORDER BY id"


@pytest.fixture
def role(cloud, bucket):
    """Return the ARN of a role that may write below ``out/``."""
    below = {"Effect": "Allow", "Action": ["s3:PutObject", "s3:DeleteObject"]}
    read = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
    arn = cloud.add_role(
        f"write-{bucket}", read, below | {"Resource": f"arn:aws:s3:::{bucket}/out/*"}
    )
    cloud.warehouse.roles.append(arn)
    yield arn
    cloud.warehouse.roles.remove(arn)


@pytest.fixture
def unload(cloud, bucket, run, role):
    """Return a function that unloads a query, and returns the objects that are then there."""
    run("CREATE TABLE t (id int, name varchar(9), at timestamp, price float, paid boolean)")
    run("INSERT INTO t VALUES (1, 'a,\"b\"', '2018-11-01 12:00:00.5', 1.5, true)")
    run("INSERT INTO t VALUES (2, '', NULL, NULL, false), (3, NULL, NULL, 2, NULL)")
    s3 = cloud.client("s3")

    def unload(options, query=QUERY, place="out/t_"):
        quoted = query.replace("'", "''")
        run(f"UNLOAD ('{quoted}') TO 's3://{bucket}/{place}' IAM_ROLE '{role}' {options}")
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {
            key: s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            for key in keys
            if key.startswith("out/")
        }

    return unload


def test_csv_is_written_by_one_slice_if_asked_and_quoted_where_needed(unload, run):
    objects = unload("FORMAT CSV HEADER PARALLEL OFF")
    assert list(objects) == ["out/t_000"]
    assert objects["out/t_000"].decode().splitlines() == [
        "id,name,at,price,paid",
        '1,"a,""b""",2018-11-01 12:00:00.5,1.5,t',
        "2,,,,f",
        "3,,,2,",
    ]
    assert run("SELECT pg_last_unload_count()") == [(3,)]


def test_each_slice_writes_a_file(unload):
    objects = unload("CSV GZIP", "SELECT id FROM t ORDER BY id")
    assert {key: gzip.decompress(body) for key, body in objects.items()} == {
        "out/t_0000_part_00.gz": b"1\n3\n",
        "out/t_0001_part_00.gz": b"2\n",
    }


def test_text_has_bars_and_nulls_as_asked(unload):
    objects = unload("PARALLEL OFF NULL AS '@'", "SELECT id, name FROM t WHERE id > 1 ORDER BY id")
    assert objects["out/t_000"] == b"2|\n3|@\n"


def test_json_has_numbers_and_nulls(unload):
    objects = unload("FORMAT JSON PARALLEL OFF", "SELECT id, name, paid FROM t ORDER BY id")
    assert [json.loads(line) for line in objects["out/t_000"].splitlines()] == [
        {"id": 1, "name": 'a,"b"', "paid": True},
        {"id": 2, "name": "", "paid": False},
        {"id": 3, "name": None, "paid": None},
    ]


def test_parquet_keeps_types_and_tells_nothing_from_empty(unload, tmp_path):
    for key, body in unload("FORMAT PARQUET").items():
        (tmp_path / key.rpartition("/")[2]).write_bytes(body)
    found = duckdb.sql(f"FROM read_parquet('{tmp_path}/*.parquet') ORDER BY id")
    assert [str(kind) for kind in found.types] == [
        *("INTEGER", "VARCHAR", "TIMESTAMP", "DOUBLE", "BOOLEAN")
    ]
    assert [row[1] for row in found.fetchall()] == ['a,"b"', "", None]
    assert found.fetchall()[0][2].microsecond == 500000


def test_partitions_are_folders_and_their_columns_leave_the_files(unload):
    objects = unload("CSV PARALLEL OFF PARTITION BY (paid)", "SELECT id, paid FROM t")
    assert objects == {
        "out/t_paid=__HIVE_DEFAULT_PARTITION__/000": b"3\n",
        "out/t_paid=f/000": b"2\n",
        "out/t_paid=t/000": b"1\n",
    }


def test_a_manifest_lists_the_files(unload, bucket):
    objects = unload("CSV MANIFEST PARALLEL OFF")
    assert json.loads(objects["out/t_manifest"]) == {
        "entries": [{"url": f"s3://{bucket}/out/t_000"}]
    }


def test_a_place_that_is_not_empty_is_kept_unless_told_otherwise(unload, connection):
    unload("CSV PARALLEL OFF")
    connection.commit()
    with pytest.raises(ProgrammingError, match="destination on S3 is not empty"):
        unload("CSV PARALLEL OFF")
    connection.rollback()
    assert len(unload("CSV ALLOWOVERWRITE")) == 3
    assert list(unload("CSV PARALLEL OFF CLEANPATH")) == ["out/t_000"]


def test_a_role_writes_where_its_policies_allow(unload):
    with pytest.raises(ProgrammingError, match="Access Denied,Status 403"):
        unload("CSV", place="elsewhere/t_")


def test_the_transaction_s_own_rows_are_unloaded(unload, run):
    run("DELETE FROM t WHERE id < 3")
    assert unload("CSV PARALLEL OFF", "SELECT id FROM t") == {"out/t_000": b"3\n"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("", "CREDENTIALS argument"),
        ("IAM_ROLE default FORMAT XML", 'near "XML"'),
        ("IAM_ROLE default PARQUET HEADER", "HEADER is not supported"),
        ("IAM_ROLE default ALLOWOVERWRITE CLEANPATH", "can't be used together"),
    ],
)
def test_what_redshift_refuses_is_refused(options, told):
    with pytest.raises(Refused, match=told):
        plan(f"UNLOAD ('SELECT 1') TO 's3://b/k' {options}")
