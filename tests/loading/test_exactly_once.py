"""What is loaded stays loaded once: the ledger, other loads, and files that change or go."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import date

import pytest
from sqlalchemy import select
from test_load import EXAMPLES, count, line

from musicbee_warehouse import (
    InputError,
    LoadedFile,
    LoadReject,
    LoadRun,
    SongplayFact,
    StagingEvent,
    UserDim,
    WarehouseError,
    load,
)
from musicbee_warehouse.loading import local

BOTH = {"events": EXAMPLES / "log_data", "songs": EXAMPLES / "song_data"}
HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a log of events by the name of a file."""

    def write(*lines: bytes, name: str = "logs/a.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"".join(lines))
        return path

    return write


@pytest.fixture
def holder(path):
    """A process that has the warehouse open until its input is closed."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=-1, stdout=-1) as process:
        process.stdout.readline()
        yield process
        process.stdin.close()


# Other loads


def test_a_load_that_need_not_wait_names_the_process_that_has_the_warehouse_open(engine, holder):
    with pytest.raises(WarehouseError, match=rf"\(PID {holder.pid}\) has .*warehouse\.duckdb open"):
        load(engine, **BOTH, wait=False)


def test_a_load_waits_for_the_process_that_has_the_warehouse_open(engine, holder):
    timer = threading.Timer(1, holder.stdin.close)
    timer.start()
    started = time.monotonic()
    assert load(engine, **BOTH).files == 55
    assert time.monotonic() - started > 0.9
    timer.join()


def test_loads_at_once_in_one_process_load_each_file_once(engine):
    reports = []
    threads = [
        threading.Thread(target=lambda: reports.append(load(engine, **BOTH))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.files for report in reports) == [0, 0, 55]
    assert count(engine, LoadRun) == 1


def test_a_load_that_need_not_wait_says_that_another_is_under_way(engine, write):
    heard = []

    def try_too(_position, total, _name):
        if total and not heard:
            with pytest.raises(WarehouseError, match=r"another load .* holds .*warehouse\.duckdb"):
                load(engine, **BOTH, wait=False)
            heard.append(True)

    load(engine, events=write(line()), on_step=try_too)
    assert heard


# A full refresh


def test_a_full_refresh_forgets_what_is_not_there_any_more(engine, write):
    kept = write(line(), name="logs/a.json")
    write(line(sessionId=2), name="logs/b.json")
    load(engine, events=kept.parent)
    (kept.parent / "b.json").unlink()
    assert load(engine, events=kept.parent).files == 0
    assert count(engine, SongplayFact) == 2
    load(engine, events=kept.parent, full_refresh=True)
    assert count(engine, SongplayFact) == 1
    assert count(engine, LoadedFile) == 1
    assert count(engine, LoadRun) == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({**BOTH, "since": date(2018, 11, 3)}, "leave since and until out"),
        ({"events": BOTH["events"]}, "would lose the songs"),
        ({"songs": BOTH["songs"]}, "would lose the events"),
    ],
)
def test_a_full_refresh_that_would_lose_files_is_refused(engine, arguments, reason):
    load(engine, **BOTH)
    with pytest.raises(WarehouseError, match=reason):
        load(engine, **arguments, full_refresh=True)
    assert count(engine, LoadedFile) == 55


# Lines left out


def test_lines_left_out_are_listed_and_the_others_are_in(engine, write):
    log = write(
        line(),
        b"hello\n",
        line(itemInSession=1, status="abc"),
        line(itemInSession=2, userId=""),
        line(itemInSession=1_000_000),
        line(itemInSession=3),
    )
    report = load(engine, events=log, max_errors=4)
    assert report.rejects == 4
    assert count(engine, SongplayFact) == 2
    with engine.connect() as connection:
        rejects = connection.execute(
            select(LoadReject.line, LoadReject.reason, LoadReject.run_id).order_by(LoadReject.line)
        ).all()
        (uri,) = connection.scalars(select(LoadReject.uri).distinct())
    assert uri == str(log)
    assert {reject.run_id for reject in rejects} == set(report.run_ids)
    assert [(reject.line, reject.reason[:13]) for reject in rejects] == [
        (2, "expecting val"),
        (3, "status: 'abc'"),
        (4, "userId: a pla"),
        (5, "itemInSession"),
    ]


def test_a_play_without_a_user_counts_as_a_line_left_out(engine, write):
    load(engine, events=write(line(), line(itemInSession=1, userId="")), max_errors=1)
    assert count(engine, SongplayFact) == count(engine, LoadReject) == 1


def test_rows_of_a_batch_with_a_play_without_a_user_are_staged_once(engine, write, monkeypatch):
    """They are taken back and copied again line by line; those of other batches stay."""
    monkeypatch.setattr(local, "SPOOL_BYTES", 1)
    for number, lines in enumerate((2, 3, 4, 5), start=1):
        plays = [line(sessionId=number, itemInSession=item) for item in range(lines)]
        odd = [line(sessionId=number, itemInSession=9, userId="")] if number in {2, 3} else []
        log = write(*plays, *odd, name=f"logs/{number}.json")
    report = load(engine, events=log.parent, max_errors=2, keep_staging=True)
    assert report.events == count(engine, StagingEvent) == count(engine, SongplayFact) == 14
    assert report.rejects == 2


def test_one_line_too_many_is_named_and_nothing_is_loaded(engine, write):
    log = write(line(), b"hello\n", line(itemInSession=1, status="abc"))
    with pytest.raises(InputError, match=r"a\.json, line 3, status: .* more than max_errors, 1"):
        load(engine, events=log, max_errors=1)
    assert count(engine, SongplayFact) == count(engine, LoadReject) == 0


def test_batches_share_the_lines_that_may_be_left_out(engine, write):
    for name in "abc":
        write(line(sessionId=ord(name)), b"hello\n", name=f"logs/{name}.json")
    folder = write(line()).parent
    with pytest.raises(InputError, match=r"c\.json, line 2.*more than max_errors"):
        load(engine, events=folder, max_errors=1, batch_bytes=1)
    assert count(engine, LoadReject) == 1
    assert count(engine, LoadedFile) == 2


def test_users_of_lines_left_out_are_not_in(engine, write):
    load(engine, events=write(line(), line(userId="7", status="x")), max_errors=1)
    assert count(engine, UserDim) == 1
