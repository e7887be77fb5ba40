"""Transactions that meet: snapshots, locks, and connections that end at the worst moment."""

from __future__ import annotations

import threading
import time

import pytest
from redshift_connector import ProgrammingError


@pytest.fixture
def ledger(run, connection):
    run("CREATE TABLE ledger (uri varchar(20) PRIMARY KEY)")
    run("CREATE TABLE facts (uri varchar(20))")
    connection.commit()


@pytest.fixture
def loader(driver):
    """Return a function that loads a file unless the ledger has it, and says what it saw."""

    def load(lock, meanwhile=lambda: None):
        connection = driver()
        cursor = connection.cursor()
        if lock:
            cursor.execute("LOCK ledger")
        cursor.execute("SELECT count(*) FROM ledger WHERE uri = 'a'")
        ((seen,),) = cursor.fetchall()
        meanwhile()
        if not seen:
            cursor.execute("INSERT INTO facts VALUES ('a')")
            cursor.execute("INSERT INTO ledger VALUES ('a')")
        connection.commit()
        return seen

    return load


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(("lock", "loaded"), [(False, 2), (True, 1)], ids=["no lock", "lock"])
def test_two_loads_at_once_load_a_file_twice_unless_they_lock_the_ledger(run, loader, lock, loaded):
    both_looked = threading.Barrier(2, timeout=1 if lock else 20)

    def meanwhile():
        try:
            both_looked.wait()
        except threading.BrokenBarrierError:
            assert lock  # the other waits for the lock

    loads = [threading.Thread(target=loader, args=(lock, meanwhile)) for _ in range(2)]
    for load in loads:
        load.start()
    for load in loads:
        load.join(20)
    assert run("SELECT count(*) FROM facts") == [(loaded,)]


@pytest.mark.usefixtures("ledger")
def test_a_transaction_sees_the_snapshot_of_its_first_query(driver, run):
    assert run("SELECT count(*) FROM ledger") == [(0,)]
    other = driver()
    other.cursor().execute("INSERT INTO ledger VALUES ('a')")
    other.commit()
    assert run("SELECT count(*) FROM ledger") == [(0,)]


@pytest.mark.usefixtures("ledger")
def test_a_snapshot_is_not_taken_by_lock(driver, run):
    run("LOCK facts")
    other = driver()
    other.cursor().execute("INSERT INTO ledger VALUES ('a')")
    other.commit()
    assert run("SELECT count(*) FROM ledger") == [(1,)]


@pytest.fixture
def waiting(driver):
    """Return a function that runs SQL in another transaction and tells how long it waited."""
    results = {}

    def start(sql):
        connection = driver()

        def work():
            began = time.perf_counter()
            try:
                connection.cursor().execute(sql)
                connection.commit()
            except ProgrammingError as error:
                results["error"] = error.args[0]
            results["waited"] = time.perf_counter() - began

        thread = threading.Thread(target=work)
        thread.start()

        def finish():
            thread.join(20)
            return results

        return finish

    return start


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    "sql", ["SELECT * FROM ledger", "INSERT INTO ledger VALUES ('b')", "LOCK ledger"]
)
def test_lock_lets_readers_and_writers_wait(run, connection, waiting, sql):
    run("LOCK ledger")
    finish = waiting(sql)
    time.sleep(0.3)
    connection.commit()
    assert finish()["waited"] > 0.25


@pytest.mark.usefixtures("ledger")
def test_writers_of_one_table_wait_for_one_another_and_readers_do_not(
    run, connection, waiting, driver
):
    run("INSERT INTO facts VALUES ('a')")
    finish = waiting("INSERT INTO facts VALUES ('b')")
    reader = driver().cursor()
    reader.execute("SELECT count(*) FROM facts")
    assert [tuple(row) for row in reader.fetchall()] == [(0,)]
    time.sleep(0.3)
    connection.commit()
    assert finish()["waited"] > 0.25


@pytest.mark.usefixtures("ledger")
def test_a_row_that_another_deleted_since_the_snapshot_is_a_violation_of_isolation(
    run, connection, waiting
):
    run("INSERT INTO facts VALUES ('a')")
    connection.commit()
    run("DELETE FROM facts")
    finish = waiting("DELETE FROM facts")
    time.sleep(0.3)
    connection.commit()
    error = finish()["error"]
    assert (error["C"], error["M"]) == ("XX000", "1023")
    assert error["D"].startswith("Serializable isolation violation on table - ")


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(("moment", "rows"), [("close_before", 0), ("close_after", 1)])
def test_a_connection_lost_at_commit_leaves_all_or_nothing(driver, run, faults, moment, rows):
    lost = driver()
    lost.cursor().execute("INSERT INTO facts VALUES ('a')")
    getattr(faults, moment)()
    with pytest.raises(Exception, match=r"closed|connection|Broken"):
        lost.commit()
    lost._usock.close()
    assert run("SELECT count(*) FROM facts") == [(rows,)]


@pytest.mark.usefixtures("ledger")
def test_an_injected_violation_of_isolation_fails_the_transaction_once(run, connection, faults):
    faults.violate_isolation("insert into facts")
    with pytest.raises(ProgrammingError) as error:
        run("INSERT INTO facts VALUES ('a')")
    assert error.value.args[0]["M"] == "1023"
    connection.rollback()
    run("INSERT INTO facts VALUES ('a')")
    assert run("SELECT count(*) FROM facts") == [(1,)]


@pytest.mark.usefixtures("ledger")
def test_a_violation_of_isolation_at_commit_undoes_the_transaction(run, connection, faults):
    run("INSERT INTO facts VALUES ('a')")
    faults.violate_isolation()
    with pytest.raises(ProgrammingError):
        connection.commit()
    connection.rollback()
    assert run("SELECT count(*) FROM facts") == [(0,)]
