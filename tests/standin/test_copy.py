"""COPY: what it reads, how it converts, what it refuses, and what stays after a failure."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import json

import pytest
from redshift_connector import ProgrammingError

EVENTS = [
    {"artist": None, "userId": "39", "ts": 1541105830796, "length": 218.9, "page": "O'N\t\\x é"},
    {"artist": "Kaÿ", "userId": "", "ts": "1541106106796", "length": 5, "page": "", "more": [1]},
]
ROWS = [
    (None, 39, dt.datetime(2018, 11, 1, 20, 57, 10, 796000), 218.9, "O'N\t\\x é"),
    ("Kaÿ", None, dt.datetime(2018, 11, 1, 21, 1, 46, 796000), 5.0, ""),
]
PATHS = {"jsonpaths": ["$.artist", "$['userId']", '$["ts"]', "$.length", "$.page"]}
MILLIS = "TIMEFORMAT 'epochmillisecs'"


@pytest.fixture
def events(run, connection):
    run(
        "CREATE TABLE events (artist varchar(20), userid int, ts timestamp,"
        " length double precision, page varchar(20))"
    )
    connection.commit()


@pytest.fixture
def copy(run, cloud):
    """Return a function that copies into the table and returns how many rows arrived."""

    def copy(source, options, table="events"):
        run(f"COPY {table} FROM '{source}' IAM_ROLE '{cloud.role}' {options}")
        return run("SELECT pg_last_copy_count()")[0][0]

    return copy


@pytest.fixture
def errors(run):
    """Return a function that reads the errors of the newest failed COPY."""

    def read():
        return run(
            "SELECT trim(file_name), line_number, trim(column_name), trim(column_type),"
            " trim(column_length), error_code, trim(error_message) FROM sys_load_error_detail"
            " WHERE query_id = (SELECT max(query_id) FROM sys_load_error_detail)"
            " ORDER BY file_name, line_number"
        )

    return read


def lines(*objects):
    return "\n".join(map(json.dumps, objects))


@pytest.mark.usefixtures("events")
def test_jsonpaths_pair_values_and_columns_in_their_order(run, put, copy):
    source = put("log/a.json", lines(*EVENTS))
    paths = put("paths.json", json.dumps(PATHS))
    assert copy(source, f"FORMAT JSON '{paths}' {MILLIS}") == 2
    assert run("SELECT * FROM events ORDER BY ts") == ROWS


@pytest.mark.usefixtures("events")
def test_auto_takes_keys_in_small_letters_and_auto_ignorecase_in_any(run, put, copy):
    source = put("log/a.json", lines(*EVENTS))
    copy(source, f"JSON 'auto' {MILLIS}")
    assert run("SELECT userid FROM events") == [(None,), (None,)]
    copy(source, f"JSON 'auto ignorecase' {MILLIS}")
    assert run("SELECT userid FROM events WHERE userid = 39") == [(39,)]


@pytest.mark.usefixtures("events")
def test_jsonpaths_under_another_name_mean_auto(run, put, copy):
    source = put("log/a.json", lines(*EVENTS))
    paths = put("paths.json", json.dumps({"paths": PATHS["jsonpaths"]}))
    copy(source, f"JSON '{paths}' {MILLIS}")
    assert run("SELECT count(userid), count(artist) FROM events") == [(0, 1)]


@pytest.mark.usefixtures("events")
def test_a_list_of_columns_leaves_others_to_their_defaults(run, put, copy):
    run("ALTER TABLE events ADD COLUMN origin varchar(9) DEFAULT 'here'")
    source = put("log/a.json", lines(*EVENTS))
    copy(source, f"JSON 'auto' {MILLIS}", table="events (ts, page)")
    assert run("SELECT DISTINCT artist, origin FROM events") == [(None, "here")]


@pytest.mark.usefixtures("events")
def test_objects_may_follow_one_another_in_any_layout(put, copy):
    both = json.dumps(EVENTS[0]) + json.dumps(EVENTS[1], indent=2) + "\n\n" + json.dumps(EVENTS[0])
    assert copy(put("log/a.json", both), f"JSON 'auto ignorecase' {MILLIS}") == 3


@pytest.mark.usefixtures("events")
@pytest.mark.parametrize(
    ("option", "pack"), [("GZIP", gzip.compress), ("BZIP2", bz2.compress)], ids=["gzip", "bzip2"]
)
def test_objects_may_be_packed(put, copy, option, pack):
    source = put("log/a.json", pack(lines(*EVENTS).encode()))
    assert copy(source, f"JSON 'auto ignorecase' {MILLIS} {option}") == 2


@pytest.mark.usefixtures("events")
def test_what_is_not_packed_is_refused(put, copy):
    source = put("log/a.json", lines(*EVENTS))
    with pytest.raises(ProgrammingError, match="not compressed"):
        copy(source, f"JSON 'auto ignorecase' {MILLIS} GZIP")


@pytest.mark.usefixtures("events")
def test_a_prefix_takes_all_that_begins_with_it(put, copy):
    source = put("log/a.json", lines(EVENTS[0]))
    put("log/a.json.old", lines(EVENTS[0]))
    put("log/b.json", lines(EVENTS[0]))
    put("log/", "")
    assert copy(source, f"JSON 'auto' {MILLIS}") == 2
    assert copy(source.removesuffix("a.json"), f"JSON 'auto' {MILLIS}") == 3


@pytest.mark.usefixtures("events")
def test_a_manifest_lists_files_of_which_some_are_mandatory(put, copy, bucket):
    source = put("log/a.json", lines(EVENTS[0]))
    missing = {"url": f"s3://{bucket}/nowhere.json", "mandatory": False}
    entries = [{"url": source, "mandatory": True}, missing]
    manifest = put("one.manifest", json.dumps({"entries": entries}))
    assert copy(manifest, f"JSON 'auto' {MILLIS} MANIFEST") == 1
    missing["mandatory"] = True
    manifest = put("two.manifest", json.dumps({"entries": entries}))
    with pytest.raises(ProgrammingError, match="The specified key does not exist"):
        copy(manifest, f"JSON 'auto' {MILLIS} MANIFEST")


@pytest.mark.usefixtures("events")
def test_rows_are_part_of_the_client_s_transaction(connection, run, put, copy):
    copy(put("log/a.json", lines(*EVENTS)), f"JSON 'auto' {MILLIS}")
    assert run("SELECT count(*) FROM events") == [(2,)]
    connection.rollback()
    assert run("SELECT count(*) FROM events") == [(0,)]


@pytest.mark.usefixtures("events")
def test_the_client_is_told_the_number_of_rows(connection, put, copy):
    copy(put("log/a.json", lines(*EVENTS)), f"JSON 'auto' {MILLIS}")
    assert b"2 record(s) loaded successfully" in connection.notices[-1][b"M"]


BAD = {
    "integer": ({"userid": "1x"}, "userid", "int4", "", 1207, "Invalid digit, Value 'x', Pos 1"),
    "fraction": ({"userid": 1.5}, "userid", "int4", "", 1207, "Invalid digit, Value '.', Pos 1"),
    "overflow": ({"userid": 2**31}, "userid", "int4", "", 1222, "Overflow"),
    "float": ({"length": "long"}, "length", "float8", "", 1208, "Invalid digit, Value 'l'"),
    "time": ({"ts": "x"}, "ts", "timestamp", "", 1206, "Invalid timestamp format or value"),
    "width": ({"page": "é" * 11}, "page", "varchar", "20", 1204, "String length exceeds DDL"),
}


@pytest.mark.usefixtures("events")
@pytest.mark.parametrize(
    ("record", "column", "kind", "width", "code", "reason"), BAD.values(), ids=BAD
)
def test_a_bad_value_fails_the_load_and_its_error_outlives_the_rollback(
    connection, run, put, copy, errors, record, column, kind, width, code, reason
):
    source = put("log/a.json", lines(EVENTS[0], record))
    with pytest.raises(ProgrammingError) as error:
        copy(source, f"JSON 'auto' {MILLIS}")
    assert error.value.args[0]["C"] == "XX000"
    assert error.value.args[0]["M"] == (
        "Load into table 'events' failed.  Check 'sys_load_error_detail' system table for details."
    )
    with pytest.raises(ProgrammingError, match="transaction is aborted"):
        run("SELECT 1")
    connection.rollback()
    ((file, line, *place, found_code, told),) = errors()
    assert (file, line, place, found_code) == (source, 2, [column, kind, width], code)
    assert told.startswith(reason)
    ((value,),) = run("SELECT trim(raw_field_value) FROM stl_load_errors")
    assert value == str(record[column])


@pytest.mark.usefixtures("events")
def test_a_line_that_is_no_json_has_the_number_of_its_last_line(put, copy, errors):
    source = put("log/a.json", '{\n"ts": 1\n}\n{"ts": }\n{"ts":\n[1,\n2]}\n[]\n')
    copy(source, f"JSON 'auto' {MILLIS} MAXERROR 9")
    assert [(line, code) for _, line, *_, code, _ in errors()] == [(4, 1216), (7, 1206), (8, 1216)]


@pytest.mark.usefixtures("events")
def test_errors_are_seen_by_the_transaction_itself_and_by_other_databases_not(
    run, put, copy, errors, cloud, driver
):
    run("SELECT count(*) FROM events")  # takes the snapshot
    copy(put("log/a.json", '{"userid": "\\"\\n"}{"userid": 1}'), "JSON 'auto' MAXERROR 2")
    assert len(errors()) == 1
    database = cloud.new_database()
    cursor = driver(database=database).cursor()
    cursor.execute("SELECT count(*) FROM stl_load_errors")
    assert cursor.fetchall() == ([0],)


@pytest.mark.usefixtures("events")
def test_maxerror_lets_fewer_errors_pass(run, put, copy, errors, connection):
    bad = {"userid": "x"}
    source = put("log/a.json", lines(EVENTS[0], bad, bad, EVENTS[1]))
    with pytest.raises(ProgrammingError):
        copy(source, f"JSON 'auto' {MILLIS} MAXERROR 2")
    connection.rollback()
    assert copy(source, f"JSON 'auto' {MILLIS} MAXERROR 3") == 2
    assert run("SELECT count(*) FROM events") == [(2,)]
    assert len(errors()) == 2


def test_a_missing_value_of_a_column_that_is_not_null_is_an_error(
    run, put, copy, errors, connection
):
    run("CREATE TABLE t (id int NOT NULL)")
    connection.commit()
    with pytest.raises(ProgrammingError):
        copy(put("a.json", "{}"), "JSON 'auto'", table="t")
    connection.rollback()
    assert errors()[0][5:] == (1213, "Missing data for not-null field")


def test_texts_are_blank_cut_or_null_as_asked(run, put, copy):
    run("CREATE TABLE t (a varchar(3), b varchar(3))")
    source = put("a.json", lines({"a": "", "b": "  "}, {"a": "ééé", "b": "x\0y"}))
    copy(source, "JSON 'auto' EMPTYASNULL BLANKSASNULL TRUNCATECOLUMNS", table="t")
    assert run("SELECT * FROM t") == [(None, None), ("é", "x")]


def test_values_become_what_columns_take(run, put, copy):
    run(
        "CREATE TABLE t (a varchar(30), b varchar(30), c varchar(30), d boolean, e numeric(5,2),"
        " f date, g bigint, h super)"
    )
    values = '"a": 1.50, "b": true, "c": {"x": [1, "é"]}, "d": "yes", "e": 1.999, "f": "2024-01-02"'
    source = put("a.json", "{" + values + ', "g": "", "h": {"x": 1}}')
    copy(source, "JSON 'auto'", table="t")
    ((*row, document),) = run("SELECT * FROM t")
    *row, decimal, day, empty = row
    assert row == ["1.50", "true", '{"x":[1,"é"]}', True]
    assert (str(decimal), day, empty) == ("1.99", dt.date(2024, 1, 2), None)
    assert json.loads(document) == {"x": 1}


def test_csv_is_read_as_well(run, put, copy, errors):
    run("CREATE TABLE t (a int, b varchar(9))")
    source = put("a.csv", 'a,b\n1,"x, y"\n2,z\n')
    assert copy(source, "CSV IGNOREHEADER 1", table="t") == 2
    assert run("SELECT b FROM t WHERE a = 1") == [("x, y",)]
    source = put("b.txt", "1|x|y\n2\n3|z\n")
    assert copy(source, "MAXERROR 5", table="t") == 1
    assert [error[5] for error in errors()] == [1202, 1203]


@pytest.mark.usefixtures("events")
@pytest.mark.parametrize(
    ("source", "options", "told"),
    [
        (
            "s3://{bucket}/nothing",
            "JSON 'auto'",
            "The specified S3 prefix 'nothing' does not exist",
        ),
        ("s3://no-such-bucket/a", "JSON 'auto'", "The specified bucket does not exist"),
        ("s3://{bucket}/a.json", "JSON 's3://{bucket}/p'", "The specified key does not exist"),
        ("s3://{bucket}/a.json", "JSON 's3://{bucket}/one'", "Number of jsonpaths and the number"),
        ("s3://{bucket}/a.json", "JSON 's3://{bucket}/odd'", "Invalid JSONPath format"),
        ("s3://{bucket}/a.json", "JSON 's3://{bucket}/a.json'", None),
    ],
)
def test_sources_and_paths_that_are_wrong_are_refused(put, copy, bucket, source, options, told):
    put("a.json", "{}")
    put("one", json.dumps({"jsonpaths": ["$.a"]}))
    put("odd", json.dumps({"jsonpaths": ["$.a[*]"] * 5}))
    source, options = source.format(bucket=bucket), options.format(bucket=bucket)
    if told is None:
        assert copy(source, options) == 1
        return
    with pytest.raises(ProgrammingError, match=told):
        copy(source, options)


def test_a_table_or_column_that_is_not_there_is_refused(run, put, copy, connection):
    source = put("a.json", "{}")
    with pytest.raises(ProgrammingError, match="Cannot COPY into nonexistent table nowhere"):
        copy(source, "JSON 'auto'", table="nowhere")
    connection.rollback()
    run("CREATE TABLE t (id int)")
    with pytest.raises(ProgrammingError, match='column "x" of relation "t" does not exist'):
        copy(source, "JSON 'auto'", table="t (x)")


def test_copy_takes_no_bound_parameters(run):
    with pytest.raises(ProgrammingError, match=r"syntax error at or near \"\$1\""):
        run("COPY t FROM %s IAM_ROLE default JSON 'auto'", "s3://b/k")


@pytest.fixture
def roles(cloud, bucket):
    """Return the ARNs of roles that differ in what they may do, by what that is."""
    read = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"]}
    here = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/log/*"]
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/log/b*"}
    made = {
        "log": cloud.add_role(f"log-{bucket}", read | {"Resource": here}),
        "denied": cloud.add_role(f"denied-{bucket}", read | {"Resource": "*"}, deny),
        "nothing": cloud.add_role(f"nothing-{bucket}"),
        "not attached": cloud.add_role(f"apart-{bucket}", read | {"Resource": "*"}),
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    iam = cloud.client("iam")
    made["not trusting"] = iam.create_role(
        RoleName=f"closed-{bucket}",
        AssumeRolePolicyDocument=trust.replace(
            "[]",
            json.dumps(
                [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "ec2.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                ]
            ),
        ),
    )["Role"]["Arn"]
    attached = [arn for name, arn in made.items() if name != "not attached"]
    cloud.warehouse.roles += attached
    yield made
    for arn in attached:
        cloud.warehouse.roles.remove(arn)


@pytest.mark.usefixtures("events")
@pytest.mark.parametrize(
    ("role", "key", "told"),
    [
        ("log", "log/a.json", None),
        ("log", "other/a.json", "Access Denied,Status 403"),
        ("denied", "log/a.json", None),
        ("denied", "log/b.json", "Access Denied,Status 403"),
        ("nothing", "log/a.json", "Access Denied,Status 403"),
        ("not attached", "log/a.json", "Not authorized to get credentials of role"),
        ("not trusting", "log/a.json", "is not authorized to assume IAM Role"),
    ],
)
def test_a_role_reads_what_its_policies_allow(run, put, roles, role, key, told):
    source = put(key, lines(*EVENTS))
    statement = f"COPY events FROM '{source}' IAM_ROLE '{roles[role]}' JSON 'auto' {MILLIS}"
    if told is None:
        run(statement)
        return
    with pytest.raises(ProgrammingError, match=told) as error:
        run(statement)
    assert "error:  " in error.value.args[0]["D"]


@pytest.mark.usefixtures("events")
def test_the_default_role_is_the_cluster_s(run, put):
    source = put("log/a.json", lines(*EVENTS))
    run(f"COPY events FROM '{source}' IAM_ROLE default JSON 'auto' {MILLIS}")
    run(f"COPY events FROM '{source}' CREDENTIALS 'aws_iam_role=default' JSON 'auto' {MILLIS}")
