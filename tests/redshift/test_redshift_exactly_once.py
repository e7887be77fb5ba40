"""What is loaded on Redshift is loaded once: whatever breaks, in any order, and two at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from random import Random

import pytest
from sqlalchemy import func, select, text

from musicbee_warehouse import (
    LoadedFile,
    LoadRun,
    SongplayFact,
    WarehouseError,
    connect,
    create_tables,
    load,
    runs,
)


def count(engine, model):
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(model))


@pytest.fixture(autouse=True)
def _nothing_goes_wrong_after(cloud):
    yield
    cloud.faults.clear()


def at_the_commit(do):
    """Return an ``on_step`` that does something, once, when a load is about to commit."""
    left = [do]

    def on_step(position, total, name):  # noqa: ARG001 - as it is called
        if name == "COPY loaded_file" and left:
            left.pop()()

    return on_step


# Lost connections and collisions --------------------------------------------------------------


@pytest.mark.parametrize("when", ["close_before", "close_after"])
def test_a_connection_lost_at_the_commit_loads_once(
    cloud, redshift, lake, expected, star_rows, when
):
    report = load(redshift, **lake, on_step=at_the_commit(getattr(cloud.faults, when)))
    assert report.files == 55
    assert report.rows["songplay_fact"] == (0, 276)
    assert star_rows(redshift) == star_rows(expected)
    assert count(redshift, LoadRun) == 1
    assert [run["run_id"] for run in runs(redshift)] == list(report.run_ids)
    assert count(redshift, LoadedFile) == 55


@pytest.mark.parametrize(
    "statement", ["LOCK TABLE", "COPY staging_songs", "INSERT INTO song_dim", "COPY load_run"]
)
def test_a_connection_lost_on_the_way_is_made_again(
    cloud, redshift, lake, expected, star_rows, statement
):
    cloud.faults.close_before(statement)
    assert load(redshift, **lake).files == 55
    assert star_rows(redshift) == star_rows(expected)
    assert count(redshift, LoadRun) == 1


def test_a_violation_of_isolation_is_tried_again(cloud, redshift, lake, expected, star_rows):
    cloud.faults.violate_isolation("INSERT INTO songplay_fact")
    on_step = at_the_commit(cloud.faults.violate_isolation)
    assert load(redshift, **lake, on_step=on_step).files == 55
    assert star_rows(redshift) == star_rows(expected)
    assert count(redshift, LoadRun) == 1


def test_what_goes_on_failing_is_raised_and_leaves_nothing(cloud, redshift, lake, monkeypatch):
    from musicbee_warehouse.loading import run  # noqa: PLC0415 - to be changed here

    monkeypatch.setattr(run, "_WAITS", (0.01, 0.01))
    cloud.faults.violate_isolation("INSERT INTO songplay_fact", times=3)
    with pytest.raises(Exception, match="1023"):
        load(redshift, **lake)
    assert count(redshift, SongplayFact) == 0
    assert count(redshift, LoadedFile) == 0


# Two at once ----------------------------------------------------------------------------------


def test_the_second_of_two_loads_waits_and_finds_all_loaded(
    redshift, again, lake, expected, star_rows
):
    other = again()
    reports = []
    threads = [
        threading.Thread(target=lambda engine=engine: reports.append(load(engine, **lake)))
        for engine in (redshift, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.files for report in reports) == [0, 55]
    assert star_rows(redshift) == star_rows(expected)
    assert count(redshift, LoadRun) == 1


def test_two_loads_may_both_find_no_tables(again, lake, expected, star_rows):
    first, second = again(), again()
    reports = []
    threads = [
        threading.Thread(target=lambda engine=engine: reports.append(load(engine, **lake)))
        for engine in (first, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.files for report in reports) == [0, 55]
    assert star_rows(first) == star_rows(expected)


def test_who_does_not_wait_is_told_who_holds_the_warehouse(redshift, again, lake):
    other = again()
    with other.connect() as holder:
        holder.execute(text("LOCK TABLE load_lock"))
        with pytest.raises(WarehouseError, match=r"a load of \S+ \(process \d+\) has held"):
            load(redshift, **lake, wait=False)
    assert load(redshift, **lake, wait=False).files == 55


def test_readers_of_the_star_go_on_while_a_load_holds_the_lock(redshift, again, lake):
    load(redshift, **lake)
    other = again(statement_timeout=5)
    with redshift.connect() as holder:
        holder.execute(text("LOCK TABLE load_lock"))
        assert count(other, SongplayFact) == 276
        assert len(runs(other)) == 1


def test_the_lock_is_the_first_statement_of_the_transaction(cloud, redshift, lake):
    with cloud.statements.recorded() as asked:
        load(redshift, **lake)
    place = next(n for n, sql in enumerate(asked.sql) if sql.startswith("LOCK TABLE load_lock"))
    assert asked.sql[place - 1].lower().startswith("begin")


# Order ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 9))]
)
def test_any_order_and_grouping_of_files_gives_the_same_star(
    cloud, redshift, lake, bucket, expected, star_rows, seed
):
    random = Random(seed)
    s3 = cloud.client("s3")
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    random.shuffle(keys)
    parts = random.randint(3, 6)
    for part in range(parts):
        for key in keys[part::parts]:
            s3.copy_object(Bucket=bucket, Key=f"now/{key}", CopySource=f"{bucket}/{key}")
        sources = {
            kind: f"s3://{bucket}/now/{folder}"
            for kind, folder in (("events", "log_data"), ("songs", "song_data"))
            if any(key.startswith(folder) for key in keys[part::parts])
        }
        load(redshift, **sources, work=lake["work"])
    assert star_rows(redshift) == star_rows(expected)
    assert count(redshift, LoadRun) == parts


def test_a_backlog_is_loaded_in_several_transactions(redshift, lake, expected, star_rows, cloud):
    on_step = at_the_commit(cloud.faults.close_after)
    report = load(redshift, **lake, batch_bytes=40_000, on_step=on_step)
    assert len(report.run_ids) > 3
    assert star_rows(redshift) == star_rows(expected)
    assert count(redshift, LoadRun) == len(report.run_ids)


# Killed ---------------------------------------------------------------------------------------

LOADER = """
import sys
from musicbee_warehouse import connect, load
url, events, songs, work = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
load(connect(url), events=events, songs=songs, work=work, batch_bytes=60_000)
"""


def _start(url, lake):
    arguments = [url, lake["events"], lake["songs"], lake["work"]]
    process = subprocess.Popen(
        [sys.executable, "-c", LOADER, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=dict(os.environ),
    )
    assert process.stdout.readline() == b"ready\n"
    return process


def _killed_at(seconds, url, lake):
    process = _start(url, lake)
    process.stdin.write(b"\n")
    process.stdin.flush()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_a_load_that_is_killed_is_completed_by_the_next(
    redshift_url, redshift, lake, expected, star_rows
):
    _killed_at(1, redshift_url, lake)
    load(redshift, **lake)
    assert star_rows(redshift) == star_rows(expected)
    assert count(redshift, LoadedFile) == 55


@pytest.mark.slow
def test_a_load_that_is_killed_at_any_of_60_moments_is_completed_by_the_next(
    cloud, lake, expected, star_rows
):
    random, seen = Random(5), set()
    for _ in range(60):
        database = cloud.new_database()
        url = cloud.url(database).render_as_string(hide_password=False)
        engine = connect(url)
        create_tables(engine)
        _killed_at(random.uniform(0.05, 3.5), url, lake)
        seen.add(count(engine, LoadRun))
        load(engine, **lake)
        assert star_rows(engine) == star_rows(expected)
        assert count(engine, LoadedFile) == 55
        engine.dispose()
        cloud.databases.drop(database)
    assert len(seen) > 1, "the load was killed always before, or always after"
