"""The spool on disk: bounded while a load runs, and gone after it, whatever ended it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select
from test_load import SONG, line

from musicbee_warehouse import InputError, SongplayFact, WarehouseError, connect, load
from musicbee_warehouse.loading import local
from musicbee_warehouse.loading.sources import list_files
from musicbee_warehouse.loading.spool import Spool, objects

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


def test_a_packed_file_is_read_where_it_is_from_a_smaller_size_on(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    rows = [line(itemInSession=item, userAgent=os.urandom(60).hex()) for item in range(2000)]
    (logs / "plain.json").write_bytes(b"".join(rows[:200]))
    (logs / "packed.json.gz").write_bytes(gzip.compress(b"".join(rows) + b"\n\n"))
    (logs / "short.json.gz").write_bytes(gzip.compress(rows[0]))
    packed, plain, short = list_files(logs)
    with Spool() as spool:
        ready = spool.ready([packed, plain, short])
        assert packed.path in ready.paths
        assert not {plain.path, short.path} & set(ready.paths)
        assert ready.recounted()[packed.uri].lines == len(rows)
    engine = connect("duckdb:///:memory:")
    assert load(engine, events=logs).events == 2201
    engine.dispose()


# Small files that are read while DuckDB copies those before them


@pytest.fixture
def small(tmp_path):
    """Two small files, as they are listed."""
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(b'{"name": "%s"}\n' % name.encode())
    return list_files(tmp_path)


def test_what_was_expected_is_ready_once_asked_for(folder, small):
    with Spool() as spool:
        spool.expect(small)
        (first,) = spool.ready(small[:1]).paths
        spool.clear()
        assert not Path(first).exists()
        ready = spool.ready(list(small))
        assert Path(ready.paths[0]).read_text().split() == [
            '{"name":',
            '"a.json"}',
            '{"name":',
            '"b.json"}',
        ]
        assert {uri: content.lines for uri, content in ready.contents().items()} == dict.fromkeys(
            (file.uri for file in small), 1
        )
        spool.clear()
        assert names(Path(spool.folder)) == []
        assert Path(spool.ready(small).paths[0]).exists()
    assert names(folder) == []


@pytest.mark.parametrize("changed", [False, True])
def test_small_files_are_read_ahead_and_once(folder, tmp_path, monkeypatch, changed):
    logs, songs = tmp_path / "logs", tmp_path / "songs"
    for place in (logs, songs):
        place.mkdir()
    for number in range(6):
        (logs / f"{number}.json").write_bytes(line(sessionId=number))
        (songs / f"{number}.json").write_text(json.dumps({**SONG, "song_id": f"S{number}"}))
    engine = connect("duckdb:///:memory:")
    if changed:
        load(engine, events=logs, songs=songs)
        for number in range(3):
            (logs / f"{number}.json").write_bytes(line(sessionId=number, level="free"))
            (logs / f"new{number}.json").write_bytes(line(sessionId=10 + number))
            (songs / f"{number}.json").write_text(
                json.dumps({**SONG, "song_id": f"S{number}", "year": 1999})
            )
    monkeypatch.setattr(local, "SPOOL_BYTES", 4 * 4096)
    read, concatenate = [], Spool._concatenate

    def noting(spool, files, **how):
        read.append([Path(file.path).name for file in files])
        return concatenate(spool, files, **how)

    monkeypatch.setattr(Spool, "_concatenate", noting)
    report = load(engine, events=logs, songs=songs)
    assert report.files == sum(map(len, read)) == (9 if changed else 12)
    assert max(map(len, read)) == 2
    assert report.rows["songplay_fact"][1] == (9 if changed else 6)
    engine.dispose()
    assert names(folder) == []


def test_what_was_expected_and_never_asked_for_goes_with_the_spool(folder, small):
    with Spool() as spool:
        spool.expect(small)
    assert names(folder) == []


@pytest.mark.parametrize(("expected", "careful"), [(True, False), (False, False), (False, True)])
def test_a_small_file_that_changed_since_it_was_listed_is_refused(small, expected, careful):
    Path(small[1].path).write_bytes(b'{"name": "c"}\n')
    with Spool() as spool:
        if expected:
            spool.expect(small)
        with pytest.raises(
            WarehouseError, match=r"b\.json changed while it was loaded; load again"
        ):
            spool.ready(small, careful=careful)
        spool.clear()
        spool.ready(small[:1])
        spool.clear()
        assert names(Path(spool.folder)) == []


def test_a_broken_song_is_named_though_it_was_read_early(folder, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "log.json").write_bytes(line())
    (tmp_path / "songs").mkdir()
    broken = tmp_path / "songs" / "song.json.gz"
    broken.write_bytes(b"no gzip")
    engine = connect("duckdb:///:memory:")
    with pytest.raises(InputError, match=r"song\.json\.gz.*no whole gzip file"):
        load(engine, events=tmp_path / "logs", songs=tmp_path / "songs")
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(SongplayFact)) == 0
    engine.dispose()
    assert names(folder) == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"[" + b'{"a": 1}, ' * 900_000 + b"{}]", "an array; write one object after the other"),
        (b'{"a": [' + b"1, " * 3_000_000 + b"1]}", "an object of at most 4,194,304 bytes, not"),
        (b'{"a": "' + b"x" * 9_000_000, "unterminated string"),
    ],
)
def test_what_is_too_large_for_copy_is_refused(tmp_path, value, reason):
    path = tmp_path / "large.json"
    path.write_bytes(b'{"b": 1}\n' + value + b"\n")
    (file,) = list_files(path)
    found = objects(file)
    assert next(found) == (1, '{"b": 1}')
    with pytest.raises(InputError, match=rf"large\.json, line 2: .*{reason}"):
        next(found)
