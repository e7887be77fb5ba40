"""Time every question at ten million plays, against SQL written by hand, side by side.

``python -m tests.benchmarks.questions [--plays 10000000] [--rounds 5] [NAME...]`` makes a warehouse
of rows that DuckDB generates by SQL, asks each question and its rival in turn, and prints the best
seconds of a question, and the best processor seconds of both and their ratio: what else runs on the
machine disturbs these less. Rows must be equal. It ends with 1 if a limit is missed.
"""

from __future__ import annotations

import argparse
import sys
from math import isclose
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Executable, text

from musicbee_warehouse import connect, create_tables
from musicbee_warehouse.analytics import QUESTIONS

USERS, SONGS, ARTISTS, DAYS = 50_000, 100_000, 10_000, 91

ROWS = """
INSERT INTO artist_dim
SELECT 'AR' || lpad(i::varchar, 16, '0'), 'Artist ' || i, 'Place ' || i % 500,
       CASE WHEN i % 3 = 0 THEN hash(i) % 140 - 60.0 END,
       CASE WHEN i % 3 = 0 THEN hash(-i) % 360 - 180.0 END
FROM range({artists}) t(i);

INSERT INTO song_dim (song_id, title, artist_id, year, duration, artist_name)
SELECT 'SO' || lpad(i::varchar, 16, '0'), 'Song ' || i,
       'AR' || lpad((i % {artists})::varchar, 16, '0'),
       CASE WHEN i % 10 > 2 THEN 1960 + hash(i) % 58 END, 120.0 + hash(i) % 200,
       'Artist ' || i % {artists}
FROM range({songs}) t(i);

CREATE TEMP TABLE play AS
WITH item AS (
    SELECT i, i // 40 AS block, i % 40 AS place, hash(i // 40) % 39 + 1 AS cut
    FROM range({plays}) t(i)
), session AS (
    SELECT i, 2 * block + (place >= cut)::int AS session_id,
           CASE WHEN place >= cut THEN place - cut ELSE place END AS item_in_session
    FROM item
)
SELECT session_id, item_in_session,
       (hash(session_id) % 1000003 / 1000003.0) ** 2 * {users} AS luck,
       timestamp '2018-10-01' + to_seconds((hash(-session_id) % (86400 * ({days} - 1)))::bigint)
           + to_milliseconds((item_in_session * 240000 + i % 1000)::bigint) AS start_time,
       ((hash(i) % 1000003 / 1000003.0) ** 3 * {songs} * 2.9)::bigint AS song
FROM session;

INSERT INTO songplay_fact
    (songplay_id, start_time, user_id, level, song_id, artist_id, session_id, item_in_session,
     location, user_agent, duration)
SELECT session_id * 1000000 + item_in_session, start_time, luck::bigint,
       CASE WHEN hash(luck::bigint + session_id // 250000 * 7) % 4 = 0 THEN 'paid' ELSE 'free' END,
       CASE WHEN song < {songs} THEN 'SO' || lpad(song::varchar, 16, '0') END,
       CASE WHEN song < {songs} THEN 'AR' || lpad((song % {artists})::varchar, 16, '0') END,
       session_id, item_in_session, 'City ' || hash(luck::bigint) % 300 || ', ST',
       'Mozilla/5.0 (Windows NT 6.' || luck::bigint % 4 || ') AppleWebKit/537.36 Chrome/'
           || 30 + luck::bigint % 12 || '.0.' || luck::bigint % 40 || ' Safari/537.36',
       120.0 + hash(song) % 200
FROM play ORDER BY start_time;

INSERT INTO unmatched_songplay
SELECT session_id * 1000000 + item_in_session, 'Song ' || song, 'Artist ' || song % {artists},
       120.0 + hash(song) % 200
FROM play WHERE song >= {songs};

INSERT INTO time_dim
SELECT DISTINCT start_time, hour(start_time), day(start_time), week(start_time), month(start_time),
       year(start_time), dayofweek(start_time)
FROM play;

INSERT INTO user_dim
SELECT user_id, 'First ' || user_id, 'Last ' || user_id,
       CASE user_id % 2 WHEN 0 THEN 'F' ELSE 'M' END,
       arg_max(level, start_time), max(start_time)
FROM songplay_fact GROUP BY user_id;
"""


def fill(engine: Engine, plays: int) -> None:
    """Make a quarter of plays, with repeat listeners, hits, sessions and songs nobody has."""
    create_tables(engine)
    script = ROWS.format(plays=plays, users=USERS, songs=SONGS, artists=ARTISTS, days=DAYS)
    with engine.begin() as connection:
        for statement in filter(str.strip, script.split(";")):
            connection.execute(text(statement.replace(":", r"\:")))


RIVALS = {
    "key_figures": """
        SELECT count(*), count(DISTINCT user_id), count(DISTINCT session_id),
               coalesce(sum(duration), 0.0) / 3600.0, count(song_id),
               min(start_time), max(start_time)
        FROM songplay_fact""",
    "top_songs": """
        WITH matched AS (
            SELECT song_id, count(*) AS plays
            FROM songplay_fact WHERE song_id IS NOT NULL GROUP BY song_id
        )
        SELECT title, artist_name, sum(plays)::bigint AS plays FROM (
            SELECT title, artist_name, plays FROM matched JOIN song_dim USING (song_id)
            UNION ALL
            SELECT title, artist_name, count(*) FROM unmatched_songplay GROUP BY 1, 2
        ) WHERE title IS NOT NULL AND artist_name IS NOT NULL
        GROUP BY 1, 2 ORDER BY plays DESC, title, artist_name LIMIT 10""",
    "top_artists": """
        WITH matched AS (
            SELECT song_id, count(*) AS plays
            FROM songplay_fact WHERE song_id IS NOT NULL GROUP BY song_id
        )
        SELECT artist_name, sum(plays)::bigint AS plays FROM (
            SELECT artist_name, plays FROM matched JOIN song_dim USING (song_id)
            UNION ALL
            SELECT artist_name, count(*) FROM unmatched_songplay GROUP BY 1
        ) WHERE artist_name IS NOT NULL GROUP BY 1 ORDER BY plays DESC, artist_name LIMIT 10""",
    "plays_over_time": """
        SELECT start_time::date AS day, count(*), count(DISTINCT user_id), sum(duration) / 3600.0
        FROM songplay_fact GROUP BY day ORDER BY day""",
    "plays_by_hour": """
        SELECT hour(start_time) AS hour, count(*), count(DISTINCT user_id)
        FROM songplay_fact GROUP BY hour ORDER BY hour""",
    "plays_by_weekday": """
        SELECT dayofweek(start_time) AS weekday, count(*), count(DISTINCT user_id)
        FROM songplay_fact GROUP BY weekday ORDER BY weekday""",
    "plays_by_weekday_and_hour": """
        SELECT dayofweek(start_time) AS weekday, hour(start_time) AS hour, count(*)
        FROM songplay_fact GROUP BY weekday, hour ORDER BY weekday, hour""",
    "plays_by_location": """
        SELECT location, count(*) AS plays, count(DISTINCT user_id)
        FROM songplay_fact WHERE location IS NOT NULL
        GROUP BY location ORDER BY plays DESC, location LIMIT 10""",
    "plays_by_level": """
        SELECT level, count(*), count(DISTINCT user_id), sum(duration) / 3600.0
        FROM songplay_fact GROUP BY level ORDER BY level""",
    "plays_by_gender": """
        SELECT gender, count(*), count(DISTINCT user_id)
        FROM songplay_fact JOIN user_dim USING (user_id) GROUP BY gender ORDER BY gender""",
    "plays_by_decade": """
        SELECT year // 10 * 10 AS decade, sum(plays)::bigint FROM song_dim JOIN (
            SELECT song_id, count(*) AS plays
            FROM songplay_fact WHERE song_id IS NOT NULL GROUP BY song_id
        ) USING (song_id) GROUP BY decade ORDER BY decade""",
    "artist_map": """
        SELECT artist_id, name, location, latitude, longitude, plays FROM artist_dim JOIN (
            SELECT artist_id, count(*) AS plays
            FROM songplay_fact WHERE artist_id IS NOT NULL GROUP BY artist_id
        ) USING (artist_id) WHERE latitude IS NOT NULL AND longitude IS NOT NULL
        ORDER BY plays DESC, artist_id LIMIT 500""",
    "active_users": """
        SELECT start_time::date AS day, count(DISTINCT user_id)
        FROM songplay_fact GROUP BY day ORDER BY day""",
    "stickiness": """
        WITH visit AS (
            SELECT user_id, day, lag(day) OVER user AS before, lead(day) OVER user AS after
            FROM (SELECT DISTINCT user_id, start_time::date AS day FROM songplay_fact)
            WINDOW user AS (PARTITION BY user_id ORDER BY day)
        ), move AS (
            SELECT day, 1 AS visits, (coalesce(day - before > 30, true))::int AS change FROM visit
            UNION ALL
            SELECT day + 30, 0, -1 FROM visit WHERE coalesce(after - day > 30, true)
        ), daily AS (
            SELECT day, sum(visits)::bigint AS daily_users,
                   sum(sum(change)) OVER (ORDER BY day)::bigint AS users
            FROM move GROUP BY day
        )
        SELECT day, daily_users, users, daily_users / users
        FROM daily WHERE daily_users > 0 ORDER BY day""",
    "new_and_returning": """
        WITH visit AS (
            SELECT week, lag(week) OVER (PARTITION BY user_id ORDER BY week) AS before FROM (
                SELECT DISTINCT user_id, date_trunc('week', start_time)::date AS week
                FROM songplay_fact
            )
        )
        SELECT week, count(*) FILTER (before IS NULL), count(*) FILTER (week - before = 7),
               count(*) FILTER (week - before > 7)
        FROM visit GROUP BY week ORDER BY week""",
    "cohort_retention": """
        WITH active AS (
            SELECT DISTINCT user_id, date_trunc('week', start_time)::date AS week FROM songplay_fact
        ), aged AS (
            SELECT week, min(week) OVER (PARTITION BY user_id) AS cohort FROM active
        )
        SELECT cohort, (week - cohort) // 7 AS age, count(*),
               count(*) / max(count(*)) OVER (PARTITION BY cohort)
        FROM aged GROUP BY cohort, age ORDER BY cohort, age""",
    "top_listeners": """
        SELECT user_id, first_name, last_name, plays, hours FROM user_dim JOIN (
            SELECT user_id, count(*) AS plays, sum(duration) / 3600.0 AS hours
            FROM songplay_fact GROUP BY user_id
        ) USING (user_id) ORDER BY plays DESC, user_id LIMIT 10""",
    "listening_by_decile": """
        SELECT decile, count(*), sum(plays)::bigint, sum(plays) / sum(sum(plays)) OVER () FROM (
            SELECT ntile(10) OVER (ORDER BY plays DESC, user_id) AS decile, plays FROM (
                SELECT user_id, count(*) AS plays FROM songplay_fact GROUP BY user_id
            )
        ) GROUP BY decile ORDER BY decile""",
    "sessions": """
        SELECT session_id, user_id, min(start_time) AS began, max(start_time) AS last_play,
               datediff('second', began, last_play), count(*)
        FROM songplay_fact GROUP BY session_id, user_id ORDER BY began, session_id""",
    "session_figures": """
        WITH held AS (
            SELECT count(*) AS plays,
                   datediff('second', min(start_time), max(start_time)) / 60 AS minutes
            FROM songplay_fact GROUP BY session_id, user_id
        )
        SELECT count(*), avg(plays), avg(minutes), median(minutes) FROM held""",
    "sessions_by_length": """
        WITH held AS (
            SELECT count(*) AS plays FROM songplay_fact GROUP BY session_id, user_id
        ), sized AS (
            SELECT CASE WHEN plays <= 1 THEN '1' WHEN plays <= 4 THEN '2-4'
                        WHEN plays <= 9 THEN '5-9' WHEN plays <= 19 THEN '10-19'
                        WHEN plays <= 49 THEN '20-49' ELSE '50 and more' END AS songs, plays
            FROM held
        )
        SELECT songs, count(*), count(*) / sum(count(*)) OVER ()
        FROM sized GROUP BY songs ORDER BY min(plays)""",
    "level_history": """
        WITH seen AS (
            SELECT user_id, level, start_time AS seen_at, songplay_id
            FROM songplay_fact WHERE level IS NOT NULL
            UNION ALL
            SELECT user_id, level, last_seen_at, 9223372036854775807
            FROM user_dim WHERE level IS NOT NULL
        ), island AS (
            SELECT user_id, level, seen_at AS valid_from FROM seen
            QUALIFY coalesce(level <> lag(level) OVER (
                PARTITION BY user_id ORDER BY seen_at, songplay_id), true)
        )
        SELECT user_id, level, valid_from,
               lead(valid_from) OVER (PARTITION BY user_id ORDER BY valid_from)
        FROM island ORDER BY user_id, valid_from""",
    "conversions": """
        WITH seen AS (
            SELECT user_id, level, start_time AS seen_at, songplay_id
            FROM songplay_fact WHERE level IS NOT NULL
            UNION ALL
            SELECT user_id, level, last_seen_at, 9223372036854775807
            FROM user_dim WHERE level IS NOT NULL
        ), beside AS (
            SELECT level, seen_at, lag(level) OVER (
                PARTITION BY user_id ORDER BY seen_at, songplay_id) AS before FROM seen
        )
        SELECT date_trunc('month', seen_at)::date AS month,
               count(*) FILTER (before = 'free' AND level = 'paid'),
               count(*) FILTER (before = 'paid' AND level = 'free')
        FROM beside WHERE before <> level GROUP BY month ORDER BY month""",
    "catalogue_coverage": """
        SELECT start_time::date AS day, count(*), count(song_id), count(song_id) / count(*)
        FROM songplay_fact GROUP BY day ORDER BY day""",
    "catalogue_gaps": """
        SELECT title, artist_name, count(*) AS plays, count(DISTINCT user_id)
        FROM unmatched_songplay JOIN songplay_fact USING (songplay_id)
        GROUP BY title, artist_name ORDER BY plays DESC, title, artist_name LIMIT 10""",
    "unplayed_songs": """
        SELECT song_id, title, artist_name, year FROM song_dim
        ANTI JOIN songplay_fact USING (song_id) ORDER BY song_id LIMIT 10""",
    "listeners_by_user_agent": """
        SELECT user_agent, user_id, count(*)
        FROM songplay_fact GROUP BY user_agent, user_id ORDER BY user_agent, user_id""",
}
"""What a hand writes for DuckDB alone, by the names of the questions."""

LIMIT_SECONDS, LIMIT_RATIO, NOISE_SECONDS = 2.0, 1.1, 0.01


class Timed(NamedTuple):
    """The seconds until all rows are there, and the seconds that processors worked for it."""

    seconds: float
    work: float


def timed(connection: Connection, statement: Executable) -> tuple[Timed, list[tuple[Any, ...]]]:
    """Return how long a statement takes, and its rows."""
    started, worked = perf_counter(), process_time()
    rows = connection.execute(statement).all()
    took = Timed(perf_counter() - started, process_time() - worked)
    return took, [tuple(row) for row in rows]


def alike(one: Any, other: Any) -> bool:
    """Tell whether two values are equal, floats to nine digits: sums depend on their order."""
    if isinstance(one, float) or isinstance(other, float):
        return isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


def compare(connection: Connection, name: str, rounds: int) -> tuple[Timed, Timed]:
    """Ask a question and its rival in turn, and return the best times of each."""
    question, rival = QUESTIONS[name](), text(RIVALS[name].replace(":", r"\:"))
    times: tuple[list[Timed], list[Timed]] = ([], [])
    for _ in range(rounds):
        (ours, rows), (theirs, expected) = timed(connection, question), timed(connection, rival)
        times[0].append(ours)
        times[1].append(theirs)
        same = len(rows) == len(expected) and all(
            alike(a, b)
            for row, other in zip(rows, expected, strict=True)
            for a, b in zip(row, other, strict=True)
        )
        assert same, f"{name}: the rows differ from those of the SQL written by hand"
    ours, theirs = (Timed(*map(min, zip(*each, strict=True))) for each in times)
    return ours, theirs


def main() -> int:
    """Run the benchmark and return how many limits were missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", default=list(QUESTIONS))
    parser.add_argument("--plays", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    missed = 0
    with TemporaryDirectory(prefix="musicbee-questions-") as folder:
        engine = connect(f"duckdb:///{Path(folder, 'questions.duckdb')}")
        fill(engine, options.plays)
        print(f"{'question':<28}{'seconds':>9}{'work':>9}{'by hand':>9}{'ratio':>7}")
        with engine.connect() as connection:
            for name in options.names:
                ours, theirs = compare(connection, name, options.rounds)
                slow = ours.seconds > LIMIT_SECONDS
                slow |= ours.work > theirs.work * LIMIT_RATIO + NOISE_SECONDS
                missed += slow
                times = f"{ours.seconds:>9.3f}{ours.work:>9.3f}{theirs.work:>9.3f}"
                ratio = f"{ours.work / theirs.work:>7.2f}{'  missed' if slow else ''}"
                print(f"{name:<28}{times}{ratio}", flush=True)
        engine.dispose()
    return missed


if __name__ == "__main__":
    sys.exit(bool(main()))
