"""The driver, as it is on PyPI, meets the stand-in as it would meet Redshift."""

from __future__ import annotations

import datetime as dt
import decimal
import socket
import ssl
import time

import pytest
import redshift_connector
from redshift_connector import InterfaceError, ProgrammingError


def code(error):
    return error.value.args[0]["C"]


def message(error):
    return error.value.args[0]["M"]


def test_it_connects_by_tls_and_checks_host_name_and_certificate(connection):
    assert connection._usock.version() == "TLSv1.3"
    names = connection._usock.getpeercert()["subjectAltName"]
    assert ("DNS", "localhost") in names


@pytest.mark.usefixtures("refused_logins")
def test_a_host_that_the_certificate_does_not_name_is_refused(driver, monkeypatch):
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        "socket.getaddrinfo", lambda **given: resolve(**{**given, "host": "localhost"})
    )
    with pytest.raises(InterfaceError, match="not valid for 'elsewhere"):
        driver(host="elsewhere.example", sslmode="verify-full")


@pytest.mark.usefixtures("refused_logins")
def test_a_client_that_does_not_know_the_authority_refuses_the_server(driver, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises((ssl.SSLError, InterfaceError)):
        driver()


@pytest.mark.usefixtures("refused_logins")
@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"user": "nobody"}])
def test_a_wrong_user_or_password_is_refused(driver, wrong):
    with pytest.raises(InterfaceError) as error:
        driver(**wrong)
    assert code(error) == "28000"
    assert "password authentication failed" in message(error)


@pytest.mark.usefixtures("refused_logins")
def test_a_database_that_is_not_there_is_refused(driver):
    with pytest.raises(ProgrammingError) as error:
        driver(database="nowhere")
    assert code(error) == "3D000"


def test_the_server_says_that_it_is_redshift(run):
    ((version, user),) = run("SELECT version(), current_user")
    assert version.startswith("PostgreSQL 8.0.2 ")
    assert "Redshift 1.0." in version
    assert user == "awsuser"


def test_values_of_all_types_come_back_as_they_went(run):
    row = (
        1,
        "o'brien \\ %",
        decimal.Decimal("3.14"),
        2.5,
        True,
        dt.date(2024, 1, 2),
        dt.datetime(2024, 1, 2, 3, 4, 5, 678900),
        dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
    )
    run(
        "CREATE TABLE t (i integer, s varchar(20), n numeric(10,2), f double precision, b boolean,"
        " d date, ts timestamp, tz timestamptz)"
    )
    run("INSERT INTO t VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", *row)
    assert run("SELECT * FROM t WHERE i = %s", 1) == [row]


def test_many_rows_are_inserted_and_counted(connection, run):
    run("CREATE TABLE t (i integer)")
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO t VALUES (%s)", [(number,) for number in range(50)])
    assert cursor.rowcount == 50
    assert run("SELECT count(*), sum(i) FROM t") == [(50, 1225)]


def test_a_failed_transaction_stays_so_until_it_is_rolled_back(connection, run):
    with pytest.raises(ProgrammingError) as error:
        run("SELECT * FROM nowhere")
    assert code(error) == "42P01"
    with pytest.raises(ProgrammingError) as error:
        run("SELECT 1")
    assert code(error) == "25P02"
    connection.rollback()
    assert run("SELECT 1") == [(1,)]


def test_an_error_of_the_front_fails_the_transaction_as_well(connection, run):
    run("CREATE TABLE t (i integer)")
    with pytest.raises(ProgrammingError, match="not supported"):
        run("SAVEPOINT a")
    with pytest.raises(ProgrammingError) as error:
        run("SELECT 1")
    assert code(error) == "25P02"
    connection.rollback()
    with pytest.raises(ProgrammingError, match="does not exist"):
        run("SELECT * FROM t")


def test_a_rollback_undoes_tables_rows_and_layout(connection, run):
    run("CREATE TABLE t (i integer) DISTSTYLE ALL")
    run("INSERT INTO t VALUES (1)")
    connection.commit()
    run("ALTER TABLE t ALTER DISTSTYLE EVEN")
    assert run("SELECT diststyle FROM svv_table_info") == [("EVEN",)]
    connection.rollback()
    assert run("SELECT diststyle FROM svv_table_info") == [("ALL",)]


def test_two_statements_in_one_are_refused(run):
    with pytest.raises(ProgrammingError) as error:
        run("SELECT 1; SELECT 2")
    assert code(error) == "42601"


def test_a_backslash_escapes_in_a_string(run):
    assert run(r"SELECT 'a\tb', 'a\\b', 'it\'s', 'it''s'") == [("a\tb", "a\\b", "it's", "it's")]


def test_statements_are_kept_in_order_with_their_connections(cloud, driver):
    with cloud.statements.recorded() as asked:
        first, second = driver(), driver()
        for connection in (first, second, first):
            cursor = connection.cursor()
            cursor.execute("SELECT %s::varchar", ("x",))
        with pytest.raises(ProgrammingError):
            cursor.execute("SELECT wrong")
    assert asked.work().sql == ["SELECT $1::varchar"] * 3 + ["SELECT wrong"]
    assert asked.work()[0].parameters == ("x",)
    one, other, again, failed = asked.work()
    assert one.connection == again.connection == failed.connection != other.connection
    assert failed.state == "42703"
    assert len(asked.connections) == 2
    assert [each.verb for each in asked][:2] == ["BEGIN", "SELECT"]


def test_a_round_trip_takes_milliseconds(run):
    run("SELECT 1")
    start = time.process_time()
    for _ in range(50):
        run("SELECT 1")
    assert time.process_time() - start < 2.5


def test_a_client_that_leaves_without_a_word_is_rolled_back(driver, run, connection):
    run("CREATE TABLE t (i integer)")
    connection.commit()
    lost = driver()
    lost.cursor().execute("INSERT INTO t VALUES (1)")
    lost._usock.shutdown(2)
    run("LOCK t")  # which waits for the other to be gone
    assert run("SELECT count(*) FROM t") == [(0,)]


def test_the_driver_is_the_one_from_pypi():
    assert redshift_connector.__file__.endswith("site-packages/redshift_connector/__init__.py")
