"""A load that dies at any instant leaves the warehouse whole, and the next one ends the work.

The instants are random but seeded; where they fall in a load depends on the machine.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from random import Random

import duckdb
import pytest
from sqlalchemy import text

from musicbee_warehouse import connect, load
from musicbee_warehouse.loading import check
from musicbee_warehouse.simulator import simulate

TABLES = ("artist_dim", "song_dim", "user_dim", "time_dim", "songplay_fact", "unmatched_songplay")
STATE = " UNION ALL ".join(
    f"SELECT '{table}', count(*), CAST(sum(hash(t)) AS VARCHAR) FROM {table} t" for table in TABLES
)
FILES = "SELECT parse_filename(uri), etag FROM loaded_file"
BATCH = 60_000
KILLS = 70
KILLS_OF_CHANGES = 20
LOADER = f"""
import sys
from musicbee_warehouse import connect, load
database, data = sys.argv[1:]
engine = connect(f"duckdb:///{{database}}")
print("ready", flush=True)
load(engine, events=f"{{data}}/events", songs=f"{{data}}/songs", batch_bytes={BATCH})
"""


def write(folder, *, songs, days, seed):
    """Write a folder of events, a file a day, and of songs, all in three files."""
    simulation = simulate(songs=songs, users=60, days=days, seed=seed)
    simulation.write(folder)
    (folder / "log_data").rename(folder / "nested")
    (folder / "events").mkdir()
    (folder / "songs").mkdir()
    for path in (folder / "nested").rglob("*.json"):
        path.rename(folder / "events" / path.name)
    songs = list(simulation.songs())
    for part in range(3):
        lines = "".join(json.dumps(song) + "\n" for song in songs[part::3])
        (folder / "songs" / f"{part}.json").write_text(lines)
    shutil.rmtree(folder / "nested")
    shutil.rmtree(folder / "song_data")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data"), songs=300, days=20, seed=1)


@pytest.fixture(scope="module")
def states(data, tmp_path_factory):
    """The right star of each number of files, in the order in which they are loaded."""
    folder = tmp_path_factory.mktemp("states")
    engine = connect(f"duckdb:///{folder}/warehouse.duckdb")
    found = {frozenset(): {}}
    for kind in ("songs", "events"):
        (folder / kind).mkdir()
        for path in sorted((data / kind).iterdir()):
            shutil.copy(path, folder / kind)
            load(engine, **{kind: folder / kind})
            with engine.connect() as connection:
                files = frozenset(map(tuple, connection.execute(text(FILES))))
                found[files] = rows(connection.execute(text(STATE)))
    engine.dispose()
    return found


def rows(result) -> dict[str, tuple]:
    return {table: (count, digest) for table, count, digest in result if count}


def read(database) -> tuple[frozenset, dict]:
    """Return which files a warehouse says it holds, and its star, as another process sees them."""
    if not database.exists():
        return frozenset(), {}
    with duckdb.connect(database, read_only=True) as connection:
        tables = {name for (name,) in connection.execute("SHOW TABLES").fetchall()}
        if "loaded_file" not in tables:
            assert not tables & set(TABLES)
            return frozenset(), {}
        files = frozenset(connection.execute(FILES).fetchall())
        return files, rows(connection.execute(STATE).fetchall())


def loading(database, data, seconds: float) -> float | None:
    """Load in a process of its own and kill it after some seconds; return how long it took."""
    command = [sys.executable, "-c", LOADER, str(database), str(data)]
    with subprocess.Popen(command, stdout=-1, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        started = time.monotonic()
        try:
            assert process.wait(timeout=seconds) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            return None
        return time.monotonic() - started


def finish(database, data) -> None:
    engine = connect(f"duckdb:///{database}")
    load(engine, events=data / "events", songs=data / "songs")
    assert [str(each) for each in check(engine) if each.violations] == []
    engine.dispose()


@pytest.mark.slow
def test_a_load_killed_at_any_instant_is_finished_by_the_next(data, states, tmp_path):
    chance = Random(4)
    whole = loading(tmp_path / "undisturbed.duckdb", data, 300)
    right = read(tmp_path / "undisturbed.duckdb")
    assert states[right[0]] == right[1]
    kills, seen = 0, set()
    while kills < KILLS:
        database = tmp_path / f"{kills}.duckdb"
        for _ in range(chance.choice([1, 1, 2, 3])):
            kills += loading(database, data, chance.uniform(0, whole)) is None
            files, star = read(database)
            assert states[files] == star
            seen.add(len(files))
        finish(database, data)
        assert read(database) == right
        database.unlink()
    assert len(seen) > 3, f"all loads were killed before or after all batches: {seen}"


@pytest.mark.slow
def test_a_load_of_changed_files_killed_at_any_instant_replaces_all_or_nothing(data, tmp_path):
    chance, changed = Random(5), shutil.copytree(data, tmp_path / "changed")
    former, new = tmp_path / "former.duckdb", tmp_path / "new.duckdb"
    finish(former, changed)
    for path in changed.rglob("*.json"):
        path.write_text(
            path.read_text().replace('"paid"', '"free"').replace('"year": 1', '"year": 2')
        )
    shutil.copy(former, new)
    started = time.monotonic()
    finish(new, changed)
    whole = time.monotonic() - started
    right = read(new)
    kills, seen = 0, set()
    script = LOADER.replace(f"batch_bytes={BATCH}", "batch_bytes=None")
    while kills < KILLS_OF_CHANGES:
        database = tmp_path / "killed.duckdb"
        shutil.copy(former, database)
        command = [sys.executable, "-c", script, str(database), str(changed)]
        with subprocess.Popen(command, stdout=-1, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0, whole))
            kills += process.poll() is None
            process.kill()
        found = read(database)
        assert found in (read(former), right)
        seen.add(found == right)
        finish(database, changed)
        assert read(database) == right
    assert False in seen


def test_a_reader_never_sees_a_part_of_a_run(data, states, tmp_path):
    engine = connect(f"duckdb:///{tmp_path}/warehouse.duckdb")
    load(engine, songs=data / "songs")
    seen, done = {}, threading.Event()

    def look() -> None:
        while not done.is_set():
            with engine.connect() as connection, connection.begin():
                files = frozenset(map(tuple, connection.execute(text(FILES))))
                seen[files] = rows(connection.execute(text(STATE)))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        load(engine, events=data / "events", batch_bytes=BATCH)
    finally:
        done.set()
        thread.join()
    engine.dispose()
    assert {files: states[files] for files in seen} == seen
    assert len(seen) > 1
