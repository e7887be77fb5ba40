"""The spool on disk: bounded while a load runs, and gone after it, whatever ended it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select
from test_load import line

from musicbee_warehouse import SongplayFact, connect, load
from musicbee_warehouse.loading import local
from musicbee_warehouse.loading.spool import Spool

HOLD = """
import sys, tempfile
from musicbee_warehouse.loading.spool import Spool
with Spool() as spool:
    print(spool.folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """The temporary folder of this process and of those that it starts."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def names(folder) -> list[str]:
    return [path.name for path in folder.iterdir()]


def make_old(path) -> None:
    os.utime(path, (time.time() - 1000,) * 2)


def test_a_spool_left_by_a_killed_process_is_swept_by_the_next(folder):
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=-1, stdout=-1, text=True) as process:
        left = Path(process.stdout.readline().strip())
        process.kill()
    assert left.exists()
    make_old(left)
    with Spool() as spool:
        assert names(folder) == [Path(spool.folder).name]
    assert names(folder) == []


def test_the_spool_of_a_process_that_runs_is_left_alone(folder):
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=-1, stdout=-1, text=True) as process:
        used = Path(process.stdout.readline().strip())
        make_old(used)
        with Spool():
            pass
        assert used.exists()
        process.stdin.close()
    assert names(folder) == []


def test_a_spool_that_is_being_made_is_left_alone(folder):
    (folder / "musicbee-spool-new").mkdir()
    with Spool():
        pass
    assert names(folder) == ["musicbee-spool-new"]


@pytest.mark.parametrize("bad", [b"", b"hello\n"])
def test_small_files_take_turns_in_the_spool(folder, tmp_path, monkeypatch, bad):
    monkeypatch.setattr(local, "SPOOL_BYTES", 8192)
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in range(12):
        (logs / f"{number:02}.json").write_bytes(line(sessionId=number) * 4 + bad)
    most = []

    def look(*_step):
        files = [path for path in folder.rglob("*.json") if path.name[0].isdigit()]
        most.append(sum(path.stat().st_size for path in files))

    engine = connect("duckdb:///:memory:")
    report = load(engine, events=logs, max_errors=12, on_step=look)
    assert report.rejects == (12 if bad else 0)
    assert max(most) <= 8192
    assert names(folder) == []
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(SongplayFact)) == 12
    engine.dispose()
