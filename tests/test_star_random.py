"""The star against an oracle, by brute force: small random inputs, in any order and any grouping.

A world is one small input: a handful of events and song versions whose values come from tiny
domains, so that they collide all the time. The worlds of a load share no key and no word, so each
is a case of its own; they are loaded together because that is quick. Seeds are fixed.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest
from oracle import star_of
from sqlalchemy import text

from musicbee_warehouse import Base, star

DAY = 24 * 60 * 60 * 1000
NEW_YEAR_S_EVE = int(datetime(2008, 12, 31, tzinfo=UTC).timestamp() * 1000)

PEOPLE = [
    ("Ada", "Lee", "F"),
    ("Ada", "Lee", None),
    ("Ada", "Roy", "F"),
    ("Bob", "", "M"),
    (" ", "Lee", "M"),
    (None, None, ""),
]

LOADS = (
    *((seed, 1) for seed in range(20)),
    *((seed, 10) for seed in range(20, 26)),
    *((seed, 120) for seed in range(26, 32)),
)
"""Seed and number of worlds: alone, a world shows what happens when nothing else is staged."""


def make_world(chance, world):
    """Return the events and the song versions of a world, with duplicates."""
    titles = [f"{world} Blue", f"{world} Red"][: chance.randint(1, 2)]
    names = [f"{world} Ann", f"{world} ann"]
    words = [
        (title, name) for title in [*titles, *titles, "", None] for name in [*names, " ", None]
    ]
    people = chance.choice([[("Ada", "Lee", "F")], PEOPLE])
    keys = [(world * 10 + session, item) for session in (0, 1) for item in (0, 1, 2, 3)]
    events = [
        make_event(chance, world, key, words, people)
        for key in chance.sample(keys, chance.randint(0, len(keys)))
    ]
    songs = [make_song(chance, world, words) for _ in range(chance.randint(0, 6))]
    return with_duplicates(chance, events), with_duplicates(chance, songs)


def make_event(chance, world, key, words, people):
    is_play = chance.random() < 0.7
    user = str(world * 10 + chance.randint(1, 2))
    first_name, last_name, gender = chance.choice(people)
    title, artist = chance.choice(words)
    return {
        "sessionId": key[0],
        "itemInSession": key[1],
        "page": "NextSong" if is_play else "Home",
        "ts": NEW_YEAR_S_EVE + world * 3 * DAY + chance.choice([0, 1, 999, DAY // 2, DAY, 2 * DAY]),
        "userId": user if is_play else chance.choice([user, "", None]),
        "level": chance.choice(["free", "paid", "", None]),
        "firstName": first_name,
        "lastName": last_name,
        "gender": gender,
        "song": title,
        "artist": artist,
        "length": chance.choice([100, 104.5, 110.25, None]),
        "location": chance.choice(["Bonn", "", "  ", None]),
        "userAgent": chance.choice(["Bee/1.0", "", None]),
    }


def make_song(chance, world, words):
    title, artist_name = chance.choice(words)
    return {
        "song_id": f"SO{world}-{chance.randint(1, 4)}",
        "artist_id": f"AR{world}-{chance.randint(1, 2)}",
        "title": title,
        "artist_name": artist_name,
        "year": chance.choice([0, 1999, 2001, None]),
        "duration": chance.choice([100, 104.5, 109, None]),
        "artist_location": chance.choice(["Bonn", "Cork", "", None]),
        "artist_latitude": chance.choice([0, 50.5, None]),
        "artist_longitude": chance.choice([0, 7.25, None]),
    }


def with_duplicates(chance, objects):
    return objects + chance.choices(objects, k=chance.randint(0, 2)) if objects else []


def deal(chance, objects, runs):
    """Return each run's two files of objects, all in random order."""
    files = [[[], []] for _ in range(runs)]
    for value in chance.sample(objects, len(objects)):
        files[chance.randrange(runs)][chance.randrange(2)].append(value)
    return files


def write_files(chance, folder, files):
    """Write a folder of files; a key that is null may as well be absent."""
    folder.mkdir(parents=True)
    for name, objects in enumerate(files):
        lines = [
            json.dumps({k: v for k, v in value.items() if v is not None or chance.random() < 0.5})
            for value in objects
        ]
        (folder / f"{name}.json").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("seed", "worlds"), LOADS)
def test_the_star_is_the_oracle_s_whatever_the_order_and_the_grouping(
    warehouse, star_rows, tmp_path, seed, worlds
):
    chance = Random(seed)
    events, songs = [], []
    for world in range(seed * 1000, seed * 1000 + worlds):
        more_events, more_songs = make_world(chance, world)
        events += more_events
        songs += more_songs
    runs = chance.randint(1, 4)
    dealt = zip(deal(chance, events, runs), deal(chance, songs, runs), strict=True)
    for run, (event_files, song_files) in enumerate(dealt):
        pipeline = star.pipeline(
            write_files(chance, tmp_path / f"{run}" / "events", event_files),
            write_files(chance, tmp_path / f"{run}" / "songs", song_files),
        )
        with warehouse.begin() as connection:
            pipeline.run(connection)
    assert differences(star_rows(warehouse), star_of(events, songs)) == {}
    assert orphans(warehouse) == {}


def differences(found, right):
    """Return, for each table that isn't right, the rows too many, too few and those twice there."""
    wrong = {}
    for name, rows in found.items():
        extra, missing = set(rows) - right[name], right[name] - set(rows)
        repeated = {row for row, count in Counter(rows).items() if count > 1}
        if extra or missing or repeated:
            wrong[name] = {"extra": extra, "missing": missing, "repeated": repeated}
    return wrong


def orphans(engine):
    """Return, for each foreign key that has any, the number of rows that refer to nothing."""
    keys = [key for table in Base.metadata.sorted_tables for key in table.foreign_keys]
    lost = {}
    with engine.connect() as connection:
        for key in keys:
            query = (
                f"SELECT count(*) FROM {key.parent.table.name} AS child "
                f"ANTI JOIN {key.column.table.name} AS parent "
                f"ON parent.{key.column.name} = child.{key.parent.name} "
                f"WHERE child.{key.parent.name} IS NOT NULL"
            )
            if count := connection.scalar(text(query)):
                lost[str(key)] = count
    return lost
