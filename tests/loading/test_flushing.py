"""What a run wrote goes to the disk while it is proved: by DuckDB's own descriptor of the file."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from musicbee_warehouse import SongplayFact, WarehouseError, connect, load
from musicbee_warehouse.loading.local import LocalStage
from musicbee_warehouse.loading.stage import Options
from tests.loading.test_load import EXAMPLES

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells by which descriptor a file is open"
)
LOGS, SONGS = EXAMPLES / "log_data", EXAMPLES / "song_data"


@pytest.fixture
def flushed(monkeypatch):
    """The files that were flushed, by their names; they are flushed none the less."""
    names, flush = [], os.fdatasync

    def note(descriptor):
        names.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        flush(descriptor)

    monkeypatch.setattr(os, "fdatasync", note)
    return names


def test_the_warehouse_is_flushed_before_each_commit(engine, flushed, tmp_path):
    load(engine, events=LOGS, songs=SONGS)
    assert flushed == [str(tmp_path / "warehouse.duckdb")]


def test_a_warehouse_in_memory_has_nothing_to_flush(flushed):
    engine = connect("duckdb:///:memory:")
    load(engine, events=LOGS, songs=SONGS)
    engine.dispose()
    assert flushed == []


def test_the_file_stays_locked(engine, flushed, tmp_path):
    """A lock ends when any descriptor of the file is closed."""
    other = f"import duckdb; duckdb.connect({str(tmp_path / 'warehouse.duckdb')!r})"
    with engine.connect() as connection, LocalStage(engine, Options()) as stage:
        connection.execute(text("SELECT 1"))
        with stage.flushing():
            pass
        done = subprocess.run(
            [sys.executable, "-c", other], check=False, capture_output=True, text=True
        )
    assert len(flushed) == 1
    assert "lock" in done.stderr


def test_a_disk_that_fails_is_told_and_nothing_is_loaded(engine, monkeypatch):
    def fail(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", fail)
        with pytest.raises(WarehouseError, match=r"warehouse\.duckdb can't be written to the disk"):
            load(engine, events=LOGS, songs=SONGS)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(SongplayFact)) == 0
    assert load(engine, events=LOGS, songs=SONGS).files


def test_a_descriptor_that_was_closed_meanwhile_is_no_failure_of_the_disk(engine, monkeypatch):
    def fail(_):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    monkeypatch.setattr(os, "fdatasync", fail)
    assert load(engine, events=LOGS, songs=SONGS).files
