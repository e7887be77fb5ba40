"""Time every question at ten million plays, against SQL written by hand, side by side.

``python -m tests.benchmarks.questions [--plays 10000000] [--rounds 3] [NAME...]`` makes a warehouse
of rows that DuckDB generates by SQL, asks each question and its rival in turn, and prints the best
of each. A question's rows must equal its rival's. It ends with 1 if a limit is missed.
"""

from __future__ import annotations

from sqlalchemy import Engine, text

from musicbee_warehouse import create_tables

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
