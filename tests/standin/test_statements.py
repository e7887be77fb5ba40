"""Statements that Redshift has alone, reads its own way, or refuses."""

from __future__ import annotations

import datetime as dt

import pytest
from redshift_connector import ProgrammingError

from standin.statements import plan
from standin.tokens import Refused


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("INSERT INTO t VALUES (1) RETURNING id", 'near "RETURNING"'),
        ("UPDATE t SET a = 1 RETURNING id", 'near "RETURNING"'),
        ("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", 'near "ON"'),
        ("WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c", 'near "INSERT"'),
        ("SELECT DISTINCT ON (a) a, b FROM t", "DISTINCT ON"),
        ("SELECT count(*) FILTER (WHERE a > 1) FROM t", r"near \"\(\""),
        ("SELECT * FROM t, LATERAL (SELECT 1) AS x", 'near "LATERAL"'),
        ("SELECT nextval('s')", "not supported on Redshift tables"),
        ("SELECT string_agg(a, ',') FROM t", "not supported on Redshift tables"),
        ("SAVEPOINT a", "not supported"),
        ("ROLLBACK TO SAVEPOINT a", "not supported"),
        ("RELEASE SAVEPOINT a", "not supported"),
        ("CREATE EXTENSION hstore", "CREATE EXTENSION not supported"),
        ("CREATE TRIGGER a BEFORE INSERT ON t", "CREATE TRIGGER not supported"),
        ("SHOW standard_conforming_strings", "unrecognized configuration parameter"),
        ("MERGE INTO t AS x USING s ON t.id = s.id", 'near "AS"'),
        ("MERGE INTO t USING (SELECT 1) AS s ON t.id = s.id", r"near \"\(\""),
        ("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE", "once each"),
        ("COPY t FROM STDIN", "stdin is not supported"),
        ("COPY t FROM 's3://b/k' JSON 'auto'", "CREDENTIALS argument"),
        ("COPY t FROM 's3://b/k' IAM_ROLE default JSON 'auto' CSV", "redundant"),
        ("COPY t FROM 's3://b/k' IAM_ROLE default JSON 'auto' DELIMITER ','", "DELIMITER option"),
        ("COPY t FROM 's3://b/k' IAM_ROLE default JSON 'auto' TIMEFORMT 'x'", 'near "TIMEFORMT"'),
        ("COPY t FROM 's3://b/k' IAM_ROLE default JSON 'auto' MAXERROR '1'", "near \"'1'\""),
        ("COPY t FROM 's3://b/k' IAM_ROLE default JSON 'auto' MAXERROR 100001", "between 0 and"),
        (
            "COPY t FROM 's3://b/k' CREDENTIALS 'aws_access_key_id=a;aws_secret_access_key=b'",
            "keys",
        ),
    ],
)
def test_what_redshift_refuses_is_refused(statement, told):
    with pytest.raises(Refused, match=told):
        plan(statement)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("datediff(day, '2024-01-01 23:59', '2024-01-02 00:01')", 1),
        ("datediff(week, '2024-01-06', '2024-01-07')", 1),
        ("datediff(qtr, '2023-12-31', '2024-04-01')", 2),
        ("datediff(ms, '2024-01-01', '2024-01-01 00:00:01.5')", 1500),
        ("dateadd(month, 1, '2024-01-31'::timestamp)", dt.datetime(2024, 2, 29)),
        ("dateadd(qtr, -1, '2024-01-31'::timestamp)", dt.datetime(2023, 10, 31)),
        ("date_part(w, '2024-01-10'::timestamp)", 2),
        ("extract(weekday FROM '2024-01-07'::timestamp)", 0),
        ("extract(doy FROM '2024-02-01 05:00'::timestamp) % 30", 2),
        ("getdate() <= dateadd(d, 1, sysdate)", True),
        ("nvl(NULL, 'a')", "a"),
        ("nvl2(1, 'x', 'y')", "x"),
        ("len('abc')", 3),
        ("charindex('b', 'abc')", 2),
        (
            "timestamp 'epoch' + 1541105830796 / 1000 * interval '1 second'",
            dt.datetime(2018, 11, 1, 20, 57, 10),
        ),
        ("7 / 2", 3),
        ("'a' || NULL IS NULL", True),
    ],
)
def test_redshift_s_functions_are_there(run, expression, value):
    assert run(f"SELECT {expression}") == [(value,)]


def test_truncate_commits(connection, run):
    run("CREATE TABLE t (id int)")
    run("INSERT INTO t VALUES (1)")
    run("TRUNCATE TABLE t")
    connection.rollback()
    assert run("SELECT count(*) FROM t") == [(0,)]


def test_vacuum_runs_outside_of_transactions_alone(run):
    run.alone("CREATE TABLE t (id int)")
    run.alone("VACUUM FULL t")
    run("ANALYZE t PREDICATE COLUMNS")
    with pytest.raises(ProgrammingError, match="VACUUM cannot run inside a transaction block"):
        run("VACUUM t")


MERGE = (
    "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v"
    " WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)"
)


@pytest.fixture
def two_tables(run):
    run("CREATE TABLE t (id int, v varchar(9))")
    run("CREATE TABLE s (id int, v varchar(9))")
    run("INSERT INTO t VALUES (1, 'old'), (2, 'old')")
    run("INSERT INTO s VALUES (2, 'new'), (3, 'new')")


@pytest.mark.usefixtures("two_tables")
def test_merge_updates_and_inserts(run):
    run(MERGE)
    assert run("SELECT * FROM t ORDER BY id") == [(1, "old"), (2, "new"), (3, "new")]


@pytest.mark.usefixtures("two_tables")
def test_merge_refuses_two_sources_for_one_row(run):
    run("INSERT INTO s VALUES (2, 'again')")
    with pytest.raises(ProgrammingError, match="Found multiple matches to update the same tuple"):
        run(MERGE)


@pytest.mark.usefixtures("two_tables")
def test_merge_removes_duplicates(run):
    run("INSERT INTO s VALUES (3, 'new')")
    run("MERGE INTO t USING s ON t.id = s.id REMOVE DUPLICATES")
    assert run("SELECT * FROM t ORDER BY id") == [(1, "old"), (2, "new"), (3, "new")]


def test_a_materialized_view_is_made_and_refreshed(run):
    run("CREATE TABLE t (id int)")
    run("CREATE MATERIALIZED VIEW v DISTKEY (id) AUTO REFRESH NO AS SELECT id FROM t")
    run("INSERT INTO t VALUES (1)")
    run("REFRESH MATERIALIZED VIEW v")
    assert run("SELECT * FROM v") == [(1,)]


def test_settings_of_redshift_alone_are_taken(run):
    run("SET query_group TO 'load'")
    run("SET statement_timeout TO 1000")
    with pytest.raises(ProgrammingError, match="statement timeout"):
        run("SELECT pg_sleep(5)")


def test_the_driver_s_own_catalog_queries_are_answered(run):
    assert run("SHOW transaction isolation level")
    assert run("SELECT current_schema()") == [("public",)]
