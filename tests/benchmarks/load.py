"""The load, side by side with DuckDB scripts written by hand that end with the same tables.

    python -m tests.benchmarks.load [--users 10000] [--days 60] [--songs 15000] [--repeat 3]

``library`` is ``load()``; ``best`` the fastest script we could write: temporary staging, small
files concatenated, no order, no keys; ``plain`` the straightforward one: staging in the file, keys
enforced, DuckDB's own glob. Each runs in a process of its own, in turns; the clock runs around the
job alone, once the process has loaded a file. The tables are compared before a ratio is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

EVENTS = {
    "artist": "VARCHAR",
    "auth": "VARCHAR",
    "firstName": "VARCHAR",
    "gender": "VARCHAR",
    "itemInSession": "INTEGER",
    "lastName": "VARCHAR",
    "length": "DOUBLE",
    "level": "VARCHAR",
    "location": "VARCHAR",
    "method": "VARCHAR",
    "page": "VARCHAR",
    "registration": "DOUBLE",
    "sessionId": "BIGINT",
    "song": "VARCHAR",
    "status": "SMALLINT",
    "ts": "BIGINT",
    "userAgent": "VARCHAR",
    "userId": "VARCHAR",
}
SONGS = {
    "num_songs": "INTEGER",
    "song_id": "VARCHAR",
    "title": "VARCHAR",
    "duration": "DOUBLE",
    "year": "SMALLINT",
    "artist_id": "VARCHAR",
    "artist_name": "VARCHAR",
    "artist_latitude": "DOUBLE",
    "artist_longitude": "DOUBLE",
    "artist_location": "VARCHAR",
}
STAGED = """
    artist, auth, firstName first_name, gender, itemInSession item_in_session, lastName last_name,
    length, level, location, method, page, registration, sessionId session_id, song, status,
    epoch_ms(ts) ts, userAgent user_agent, CAST(nullif(userId, '') AS BIGINT) user_id"""
PLAYS = """(SELECT session_id * 1000000 + item_in_session songplay_id, *
    FROM staging_events WHERE page = 'NextSong')"""
STAR = {
    "artist_dim": """SELECT artist_id, nullif(artist_name, ''), nullif(artist_location, ''),
        artist_latitude, artist_longitude FROM (SELECT *, row_number() OVER (PARTITION BY artist_id
        ORDER BY artist_latitude IS NULL, nullif(artist_location, '') IS NULL, artist_name,
        artist_location, artist_latitude, artist_longitude) place FROM staging_songs)
        WHERE place = 1""",
    "song_dim": """SELECT song_id, title, artist_id, nullif(year, 0), duration, artist_name
        FROM staging_songs""",
    "user_dim": """SELECT user_id, first_name, last_name, gender, level, ts FROM (
        SELECT e.*, row_number() OVER (PARTITION BY e.user_id ORDER BY level DESC) place
        FROM staging_events e JOIN (SELECT user_id, max(ts) ts FROM staging_events
        WHERE user_id IS NOT NULL GROUP BY ALL) USING (user_id, ts)) WHERE place = 1""",
    "time_dim": f"""SELECT ts, hour(ts), day(ts), week(ts), month(ts), year(ts), dayofweek(ts)
        FROM (SELECT DISTINCT ts FROM {PLAYS})""",
    "unmatched_songplay": f"""SELECT songplay_id, song, artist, length FROM {PLAYS} p
        LEFT JOIN song_dim s ON s.title = p.song AND s.artist_name = p.artist
        WHERE s.song_id IS NULL""",
    "songplay_fact": f"""SELECT songplay_id, ts, user_id, level,
        coalesce(s.song_id, n.song.song_id), coalesce(s.artist_id, n.song.artist_id),
        session_id, item_in_session, nullif(location, ''), user_agent, length FROM {PLAYS} p
        LEFT JOIN (SELECT title, artist_name, any_value(song_id) song_id,
            any_value(artist_id) artist_id
            FROM song_dim GROUP BY ALL HAVING count(*) = 1) s
        ON s.title = p.song AND s.artist_name = p.artist
        LEFT JOIN (SELECT songplay_id, arg_min(d, (abs(d.duration - length), d.song_id)) song
            FROM {PLAYS} p JOIN song_dim d ON d.title = p.song AND d.artist_name = p.artist
            WHERE (d.title, d.artist_name) IN (SELECT (title, artist_name) FROM song_dim
                GROUP BY title, artist_name HAVING count(*) > 1)
            GROUP BY ALL) n USING (songplay_id)""",
}
KEYS = {
    "artist_dim": "artist_id",
    "song_dim": "song_id",
    "user_dim": "user_id",
    "time_dim": "start_time",
    "unmatched_songplay": "songplay_id",
    "songplay_fact": "songplay_id",
}


def library(data: Path, database: Path) -> None:
    from musicbee_warehouse import connect, load

    engine = connect(f"duckdb:///{database}")
    load(engine, events=data / "log_data", songs=data / "song_data")
    engine.dispose()


def best(data: Path, database: Path) -> None:
    settings = {
        "preserve_insertion_order": "false",
        "storage_compatibility_version": "latest",
        "memory_limit": "2GB",
    }
    _tables(database, keys=False)
    connection = duckdb.connect(database, config=settings)
    with tempfile.NamedTemporaryFile(suffix=".json") as songs:
        for path in _walk(data / "song_data"):
            with open(path, "rb") as file:
                songs.write(file.read() + b"\n")
        songs.flush()
        logs = sorted(_walk(data / "log_data"))
        connection.execute(f"CREATE TEMP TABLE staging_events AS {_select(STAGED, logs, EVENTS)}")
        connection.execute(
            f"CREATE TEMP TABLE staging_songs AS {_select('*', [songs.name], SONGS)}"
        )
    connection.execute("BEGIN")
    # Files may repeat an event: look for one, in the cheapest way, before counting on none.
    repeats = f"SELECT songplay_id FROM {PLAYS} GROUP BY 1 HAVING count(*) > 1"
    assert not connection.execute(repeats).fetchall()
    for table, query in STAR.items():
        connection.execute(f"INSERT INTO {table} {query}")
    connection.execute("COMMIT")
    connection.close()


def plain(data: Path, database: Path) -> None:
    _tables(database, keys=True)
    connection = duckdb.connect(database)
    for table, columns, kinds in (("events", STAGED, EVENTS), ("songs", "*", SONGS)):
        folder = "log_data" if table == "events" else "song_data"
        files = [f"{data}/{folder}/**/*.json"]
        connection.execute(
            f"CREATE OR REPLACE TABLE staging_{table} AS {_select(columns, files, kinds)}"
        )
    connection.execute("BEGIN")
    for table, query in STAR.items():
        connection.execute(f"INSERT INTO {table} {query} ON CONFLICT DO NOTHING")
    connection.execute("COMMIT")
    connection.close()


JOBS: dict[str, Callable[[Path, Path], None]] = {"library": library, "best": best, "plain": plain}


def _select(columns: str, files: list[str], kinds: dict[str, str]) -> str:
    return (
        f"SELECT {columns} FROM read_json({files!r}, format = 'newline_delimited', "
        f"columns = {kinds!r})"
    )


def _tables(database: Path, *, keys: bool) -> None:
    """Make the star's tables as create_tables does, with their primary keys where asked."""
    from musicbee_warehouse import connect, create_tables

    engine = connect(f"duckdb:///{database}")
    create_tables(engine)
    engine.dispose()
    if keys:
        with duckdb.connect(database) as connection:
            for table, key in KEYS.items():
                connection.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({key})")


def _walk(folder: Path | str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _walk(entry.path)
            else:
                yield entry.path


def fingerprint(database: Path) -> dict[str, tuple[int, str]]:
    """Return the rows of each table and a hash of them that doesn't mind their order."""
    with duckdb.connect(database, read_only=True) as connection:
        return {
            table: connection.execute(
                f"SELECT count(*), CAST(sum(hash(t)) AS VARCHAR) FROM {table} t"
            ).fetchone()
            for table in KEYS
        }


def measure(job: str, data: Path) -> dict[str, object]:
    """Run a job in a fresh process and return its seconds, CPU seconds, peak and tables."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "warehouse.duckdb")
        command = [sys.executable, "-m", "tests.benchmarks.load", "--job", job]
        done = subprocess.run(
            [*command, "--data", data, "--database", database],
            check=True,
            capture_output=True,
            text=True,
        )
        return {**json.loads(done.stdout), "tables": fingerprint(database)}


def run_job(job: str, data: Path, database: Path) -> None:
    import musicbee_warehouse

    # What a running process has imported; all of the jobs make their tables by it.
    engine = musicbee_warehouse.connect("duckdb:///:memory:")
    musicbee_warehouse.load(engine, events=next(iter(_walk(data / "log_data"))))
    engine.dispose()
    started, cpu = time.perf_counter(), time.process_time()
    JOBS[job](data, database)
    figures = {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "version": musicbee_warehouse.__version__,
    }
    print(json.dumps(figures))


def compare(data: Path, repeat: int) -> None:
    runs: dict[str, list[dict[str, object]]] = {job: [] for job in JOBS}
    for turn in range(repeat):
        for place in range(len(JOBS)):  # each first in its turn: what a job leaves slows the next
            job = list(JOBS)[(turn + place) % len(JOBS)]
            runs[job].append(measure(job, data))
    tables = [done["tables"] for each in runs.values() for done in each]
    assert all(table == tables[0] for table in tables), "the tables differ"
    print(f"python {sys.version.split()[0]}, duckdb {duckdb.__version__}, {os.cpu_count()} cores")
    print("rows", {table: rows for table, (rows, _) in tables[0].items()})
    median = {
        job: {
            key: statistics.median(run[key] for run in done)
            for key in ("seconds", "cpu", "peak_mb")
        }
        for job, done in runs.items()
    }
    for job, figures in median.items():
        print(
            f"{job:<8} {figures['seconds']:6.2f} s  {figures['cpu']:6.2f} s of CPU  "
            f"{figures['peak_mb']:6.0f} MB at most"
        )
    for other in ("best", "plain"):
        for key in ("seconds", "cpu"):
            ratio = median["library"][key] / median[other][key]
            print(f"library / {other}: {ratio:.2f} ({key})")


def imports(repeat: int = 9) -> None:
    seconds: dict[str, list[float]] = {"sqlalchemy.orm": [], "musicbee_warehouse": []}
    for _ in range(repeat):
        for module, times in seconds.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
            times.append(time.perf_counter() - started)
    orm, ours = (statistics.median(times) for times in seconds.values())
    print(f"import musicbee_warehouse / import sqlalchemy.orm: {ours / orm:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--songs", type=int, default=15_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--data", type=Path, help="a folder to keep the simulated files in")
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--database", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.job:
        run_job(chosen.job, chosen.data, chosen.database)
        return
    with tempfile.TemporaryDirectory() as folder:
        data = chosen.data or Path(folder)
        if not (data / "log_data").exists():
            from musicbee_warehouse.simulator import simulate

            print(simulate(chosen.songs, chosen.users, days=chosen.days, newcomers=0).write(data))
        imports()
        compare(data, chosen.repeat)


if __name__ == "__main__":
    main()
