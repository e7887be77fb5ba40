"""What must hold of the warehouse: broken in every way, and found both ways."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, text

from musicbee_warehouse import UserDim, check, load
from musicbee_warehouse.loading import checks
from musicbee_warehouse.loading.run import count

BROKEN = {
    "songplay_fact.songplay_id is unique": (
        "INSERT INTO songplay_fact SELECT * FROM songplay_fact WHERE song_id IS NOT NULL LIMIT 1"
    ),
    "user_dim.user_id is unique": "INSERT INTO user_dim SELECT * FROM user_dim LIMIT 1",
    "song_dim.song_id is unique": "INSERT INTO song_dim SELECT * FROM song_dim LIMIT 1",
    "artist_dim.artist_id is unique": "INSERT INTO artist_dim SELECT * FROM artist_dim LIMIT 1",
    "time_dim.start_time is unique": "INSERT INTO time_dim SELECT * FROM time_dim LIMIT 1",
    "unmatched_songplay.songplay_id is unique": (
        "INSERT INTO unmatched_songplay SELECT * FROM unmatched_songplay LIMIT 1"
    ),
    "songplay_fact.start_time is in time_dim": "DELETE FROM time_dim WHERE hour = 12",
    "songplay_fact.user_id is in user_dim": (
        "DELETE FROM user_dim WHERE user_id IN (SELECT user_id FROM songplay_fact)"
    ),
    "songplay_fact.song_id is in song_dim": (
        "DELETE FROM song_dim WHERE song_id IN (SELECT song_id FROM songplay_fact)"
    ),
    "songplay_fact.artist_id is in artist_dim": (
        "DELETE FROM artist_dim WHERE artist_id IN (SELECT artist_id FROM songplay_fact)"
    ),
    "song_dim.artist_id is in artist_dim": "DELETE FROM artist_dim",
    "unmatched_songplay.songplay_id is in songplay_fact": (
        "DELETE FROM songplay_fact WHERE song_id IS NULL"
    ),
    "plays = matched + unmatched": "DELETE FROM unmatched_songplay",
    "loaded_file.run_id is in load_run": "DELETE FROM load_run",
}


@pytest.fixture
def loaded(warehouse):
    load(warehouse, events="examples/data/log_data", songs="examples/data/song_data")
    return warehouse


def test_all_holds_after_a_load(loaded):
    assert not [each for each in check(loaded) if each.violations]


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found_and_named_with_examples(loaded, name):
    with loaded.begin() as connection:
        connection.execute(text(BROKEN[name]))
    broken = {each.name: each for each in check(loaded) if each.violations}
    assert name in broken
    assert 1 <= len(broken[name].examples) <= 3


@pytest.mark.parametrize("name", BROKEN)
def test_a_run_finds_it_in_its_few_passes_too(loaded, name):
    """It looks at all rows here, as on a first load."""
    with loaded.connect() as connection:
        connection.execute(text(BROKEN[name]))
        which = [*checks.checks({}, count(connection)), checks.matched_check()]
        found = checks.run_checks(connection, which)
    assert name in {each.name for each in found if each.violations}


def test_a_key_that_all_rows_have_is_found_without_pairing_them_all(loaded):
    """There would be ten thousand million pairs."""
    with loaded.connect() as connection:
        connection.execute(text("DELETE FROM song_dim"))
        rows = "SELECT 'S', 'T', 'A' FROM range(100000)"
        connection.execute(text(f"INSERT INTO song_dim (song_id, title, artist_id) {rows}"))
        found = checks.run_checks(connection, checks.checks({}, count(connection)))
    assert "song_dim.song_id is unique: doesn't hold for 1, such as S" in map(str, found)


GREATEST = 2**63 - 1
KEYS = st.integers(-70, 70) | st.integers(-GREATEST - 1, GREATEST)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(keys=st.lists(KEYS, max_size=60))
@example(keys=[-GREATEST - 1, -1, 0, 31, 32, 63, 64, GREATEST])
@example(keys=[31, 31, 30, 30])
@example(keys=[5] * 3)
def test_numbers_are_unique_if_none_stands_twice(warehouse, keys):
    """A first load marks a bit for each: what stands twice is found, and nothing else."""
    with warehouse.connect() as connection:
        connection.execute(delete(UserDim))
        if keys:
            rows = [{"user_id": key, "last_seen_at": datetime(2018, 11, 1)} for key in keys]
            connection.execute(insert(UserDim).values(rows))
        which = checks.checks({}, count(connection))
        unique = [each for each in which if each.name == "user_dim.user_id is unique"]
        (found,) = checks.run_checks(connection, unique)
    assert found.violations == sum(times > 1 for times in Counter(keys).values())


# On a first load the plays are compared with the staged ones by their number and sums.

ONE = "(SELECT min(songplay_id) FROM songplay_fact)"
LAST = "(SELECT max(songplay_id) FROM songplay_fact)"
DOUBLED = f"INSERT INTO songplay_fact SELECT * FROM songplay_fact WHERE songplay_id = {ONE}"
LOST = f"DELETE FROM songplay_fact WHERE songplay_id = {LAST}"
INVENTED = f"UPDATE songplay_fact SET songplay_id = songplay_id + 1000 WHERE songplay_id = {LAST}"
UNIQUE = "songplay_fact.songplay_id is unique"
THERE = "songplay_fact has each play of the files once"
OTHERS = "songplay_fact has no other plays"


@pytest.fixture
def staged(warehouse, tmp_path):
    """A first load that saw each event twice, and kept its staging."""
    for copy in ("one", "other"):
        shutil.copytree("examples/data/log_data", tmp_path / copy)
    report = load(warehouse, events=tmp_path, songs="examples/data/song_data", keep_staging=True)
    return warehouse, checks.staged_checks(report.events, report.songs, known=False)


@pytest.mark.parametrize(
    ("statements", "broken"),
    [
        ([], set()),
        ([DOUBLED], {UNIQUE}),
        ([LOST], {THERE}),
        ([INVENTED], {THERE, OTHERS}),
        ([DOUBLED, LOST], {UNIQUE, THERE}),
        (["DELETE FROM songplay_fact"], {THERE}),
        (["INSERT INTO songplay_fact SELECT * FROM songplay_fact"], {UNIQUE}),
    ],
)
def test_the_plays_of_a_first_load_are_those_of_the_files(staged, statements, broken):
    engine, which = staged
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT sum(copies) FROM staging_repeats")) > 300
        for statement in statements:
            connection.execute(text(statement))
        found = checks.run_checks(connection, which)
    assert {each.name for each in found if each.violations} == broken


def test_a_play_that_stands_twice_is_found_though_the_repeats_lack_it(staged):
    """As if the statement that finds the repeats were wrong: the sums agree, the keys don't."""
    engine, which = staged
    with engine.connect() as connection:
        connection.execute(text(DOUBLED))
        connection.execute(text(f"DELETE FROM staging_repeats WHERE songplay_id = {ONE}"))
        found = checks.run_checks(connection, [*checks.checks({}, count(connection)), *which])
    assert {each.name for each in found if each.violations} == {UNIQUE}
