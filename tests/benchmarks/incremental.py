"""One new day, loaded into a warehouse of many, side by side with a DuckDB script written by hand.

    python -m tests.benchmarks.incremental [--users 12000] [--days 60] [--songs 15000] [--repeat 5]

The warehouse holds ``--days`` of events and all songs. Then one day more arrives. ``library`` is
``load()`` of the folders, which finds the one new file among all; ``script`` does the same by hand:
it lists the folders, reads the new file, keeps the events whose key is not in the fact table within
the new rows' time, and updates each table. ``full`` is ``load()`` of everything into an empty
warehouse. Each runs in a process of its own, on a copy of the same warehouse, in turns. ``inside``
is the job alone, modules imported and connection open; ``process`` is the whole process. The tables
are compared before a ratio is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from tests.benchmarks.load import EVENTS, PLAYS, STAGED, _select, _walk, fingerprint

NEW_PLAYS = f"""(SELECT p.* FROM {PLAYS} p WHERE songplay_id NOT IN (
    SELECT songplay_id FROM songplay_fact
    WHERE start_time BETWEEN (SELECT min(ts) FROM staging_events)
    AND (SELECT max(ts) FROM staging_events)))"""
SEEN = """SELECT e.user_id, first_name, last_name, gender, level, ts FROM (
    SELECT e.*, row_number() OVER (PARTITION BY e.user_id ORDER BY level DESC) place
    FROM staging_events e JOIN (SELECT user_id, max(ts) ts FROM staging_events
    WHERE user_id IS NOT NULL GROUP BY ALL) USING (user_id, ts)) e WHERE place = 1"""
SCRIPT = (
    f"CREATE TEMP TABLE seen AS {SEEN}",
    f"CREATE TEMP TABLE new_play AS SELECT DISTINCT ON (songplay_id) * FROM {NEW_PLAYS}",
    "DELETE FROM user_dim USING seen "
    "WHERE user_dim.user_id = seen.user_id AND user_dim.last_seen_at < seen.ts",
    "INSERT INTO user_dim SELECT * FROM seen WHERE user_id NOT IN (SELECT user_id FROM user_dim)",
    """INSERT INTO time_dim SELECT ts, hour(ts), day(ts), week(ts), month(ts), year(ts),
        dayofweek(ts) FROM (SELECT DISTINCT ts FROM new_play) WHERE ts NOT IN (
        SELECT start_time FROM time_dim WHERE start_time BETWEEN
        (SELECT min(ts) FROM new_play) AND (SELECT max(ts) FROM new_play))""",
    """INSERT INTO unmatched_songplay SELECT songplay_id, song, artist, length FROM new_play p
        LEFT JOIN song_dim s ON s.title = p.song AND s.artist_name = p.artist
        WHERE s.song_id IS NULL""",
    """INSERT INTO songplay_fact SELECT songplay_id, ts, user_id, level,
        coalesce(s.song_id, n.song.song_id), coalesce(s.artist_id, n.song.artist_id),
        session_id, item_in_session, nullif(location, ''), user_agent, length FROM new_play p
        LEFT JOIN (SELECT title, artist_name, any_value(song_id) song_id,
            any_value(artist_id) artist_id
            FROM song_dim GROUP BY ALL HAVING count(*) = 1) s
        ON s.title = p.song AND s.artist_name = p.artist
        LEFT JOIN (SELECT songplay_id, arg_min(d, (abs(d.duration - length), d.song_id)) song
            FROM new_play p JOIN song_dim d ON d.title = p.song AND d.artist_name = p.artist
            WHERE (d.title, d.artist_name) IN (SELECT (title, artist_name) FROM song_dim
                GROUP BY title, artist_name HAVING count(*) > 1)
            GROUP BY ALL) n USING (songplay_id)""",
)


def library(data: Path, database: Path) -> Callable[[], None]:
    from musicbee_warehouse import connect, load

    engine = connect(f"duckdb:///{database}")
    if database.exists():
        engine.connect().close()

    def job() -> None:
        load(engine, events=data / "log_data", songs=data / "song_data")
        engine.dispose()

    return job


def script(data: Path, database: Path) -> Callable[[], None]:
    settings = {
        "preserve_insertion_order": "false",
        "storage_compatibility_version": "latest",
        "memory_limit": "2GB",
    }
    connection = duckdb.connect(database, config=settings)

    def job() -> None:
        loaded = {uri for (uri,) in connection.execute("SELECT uri FROM loaded_file").fetchall()}
        files = [*_walk(data / "song_data"), *_walk(data / "log_data")]
        sizes = {path: os.stat(path).st_size for path in files}  # noqa: PTH116 - it is quicker
        new = sorted(set(sizes) - loaded)
        assert len(new) == 1
        select = _select(STAGED, new, EVENTS)
        connection.execute(f"CREATE TEMP TABLE staging_events AS {select}")
        connection.execute("BEGIN")
        for statement in SCRIPT:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO loaded_file SELECT unnest($1), 'events', '', 0, '', 0, ''", [new]
        )
        connection.execute("COMMIT")
        connection.close()

    return job


JOBS = {"library": library, "script": script, "full": library}


def run_job(job: str, data: Path, database: Path) -> None:
    ready = JOBS[job](data, database)
    started, cpu = time.perf_counter(), time.process_time()
    ready()
    figures = {
        "inside": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
    }
    print(json.dumps(figures))


def measure(job: str, data: Path, warehouse: Path) -> dict[str, object]:
    """Run a job in a fresh process, on a copy of the warehouse or, when full, on none."""
    with tempfile.TemporaryDirectory(dir=warehouse.parent) as folder:
        database = Path(folder, "warehouse.duckdb")
        if job != "full":
            shutil.copy(warehouse, database)
        command = [sys.executable, "-m", "tests.benchmarks.incremental", "--job", job]
        started = time.perf_counter()
        done = subprocess.run(
            [*command, "--data", data, "--database", database],
            check=True,
            capture_output=True,
            text=True,
        )
        process = time.perf_counter() - started
        return {**json.loads(done.stdout), "process": process, "tables": fingerprint(database)}


def prepare(data: Path, warehouse: Path, chosen: argparse.Namespace) -> None:
    """Write the files, load all days but the last, and leave that as the one that is new."""
    from musicbee_warehouse import connect, load
    from musicbee_warehouse.simulator import simulate

    if not (data / "log_data").exists():
        days = chosen.days + 1
        print(simulate(chosen.songs, chosen.users, days=days, newcomers=0).write(data))
    last = max(_walk(data / "log_data"))
    hidden = Path(f"{last}.hidden")
    Path(last).rename(hidden)
    engine = connect(f"duckdb:///{warehouse}")
    load(engine, events=data / "log_data", songs=data / "song_data")
    engine.dispose()
    hidden.rename(last)


def compare(data: Path, warehouse: Path, repeat: int) -> None:
    runs: dict[str, list[dict[str, object]]] = {job: [] for job in JOBS}
    for turn in range(repeat):
        for job in list(JOBS) if turn % 2 else reversed(JOBS):
            runs[job].append(measure(job, data, warehouse))
    tables = [done["tables"] for each in runs.values() for done in each]
    assert all(table == tables[0] for table in tables), "the tables differ"
    print(f"python {sys.version.split()[0]}, duckdb {duckdb.__version__}, {os.cpu_count()} cores")
    print("rows", {table: rows for table, (rows, _) in tables[0].items()})
    median = {
        job: {
            key: statistics.median(run[key] for run in done) for key in ("inside", "process", "cpu")
        }
        for job, done in runs.items()
    }
    for job, figures in median.items():
        print(
            f"{job:<8} {figures['inside']:6.2f} s inside  {figures['process']:6.2f} s of process  "
            f"{figures['cpu']:6.2f} s of CPU inside"
        )
    for other in ("full", "script"):
        for key in ("inside", "process", "cpu"):
            print(f"library / {other}: {median['library'][key] / median[other][key]:.2f} ({key})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=12_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--songs", type=int, default=15_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--data", type=Path, help="a folder to keep the simulated files in")
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--database", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.job:
        run_job(chosen.job, chosen.data, chosen.database)
        return
    with tempfile.TemporaryDirectory() as folder:
        data, warehouse = chosen.data or Path(folder, "data"), Path(folder, "warehouse.duckdb")
        prepare(data, warehouse, chosen)
        compare(data, warehouse, chosen.repeat)


if __name__ == "__main__":
    main()
