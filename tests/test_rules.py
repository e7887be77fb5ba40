"""The rules of the star, one by one, each on the small files of a folder of tests/data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select

from musicbee_warehouse import (
    ArtistDim,
    SongDim,
    SongplayFact,
    StagingEvent,
    TimeDim,
    UnmatchedSongplay,
    UserDim,
    star,
)

DATA = Path(__file__).parent / "data"


@pytest.fixture
def load(warehouse):
    """Return a function that loads folders of tests/data, one after the other."""

    def run(*folders, events=True, songs=True):
        for folder in folders:
            pipeline = star.pipeline(
                DATA / (folder if events else "nothing") / "log_data",
                DATA / (folder if songs else "nothing") / "song_data",
            )
            with warehouse.begin() as connection:
                pipeline.run(connection)

    return run


@pytest.fixture
def query(warehouse):
    """Return a function that gives the rows of some columns, sorted by the first."""

    def read(*columns):
        with warehouse.connect() as connection:
            return [tuple(row) for row in connection.execute(select(*columns).order_by(columns[0]))]

    return read


PLAYED = (SongplayFact.songplay_id, SongplayFact.song_id, SongplayFact.artist_id)


def test_no_play_is_dropped_and_one_without_a_song_waits(load, query):
    load("plays_without_a_song")
    assert query(*PLAYED) == [
        (1_000_000, "SO1", "AR1"),
        (1_000_001, None, None),
        (1_000_002, None, None),
    ]
    assert query(*UnmatchedSongplay.__table__.columns) == [
        (1_000_001, "Green", "Ann", 200),
        (1_000_002, None, None, None),
    ]


def test_only_next_song_is_a_play(load, query):
    load("plays_without_a_song")
    assert 1_000_003 not in [row[0] for row in query(SongplayFact.songplay_id)]


def test_session_and_item_are_the_key_of_an_event(load, query):
    load("repeated_events", "repeated_events")
    assert query(*PLAYED) == [
        (1_000_000, "SO1", "AR1"),
        (1_000_001, "SO1", "AR1"),
        (2_000_000, "SO1", "AR1"),
    ]


def test_of_several_songs_the_nearest_in_duration_is_played_then_the_smallest_id(load, query):
    load("nearest_duration")
    assert query(*PLAYED) == [
        (1_000_000, "SO1", "AR2"),  # 190 seconds: 200 is nearer than 100
        (1_000_001, "SO2", "AR1"),  # 110 seconds: two of 100, so the smaller id
        (1_000_002, "SO1", "AR2"),  # 150 seconds: as far from either, so the smallest id
        (1_000_003, "SO1", "AR2"),  # no length: all are as far, so the smallest id
        (1_000_004, "SO5", "AR1"),  # a song without a duration is farther than any
    ]


def test_a_play_matches_by_title_and_artist_whatever_its_length(load, query):
    load("both_words_match")
    assert query(*PLAYED) == [
        (1_000_000, None, None),  # the title of another artist
        (1_000_001, None, None),  # another spelling of the title
        (1_000_002, "SO1", "AR1"),
    ]


def test_a_play_matches_the_name_that_its_song_credits(load, query):
    load("credited_names")
    assert query(*PLAYED) == [
        (1_000_000, "SO1", "AR1"),
        (1_000_001, "SO2", "AR1"),
        (1_000_002, None, None),
    ]
    assert query(ArtistDim.artist_id, ArtistDim.name) == [("AR1", "Ann")]


def test_a_play_finds_a_song_that_arrives_after_it(load, query):
    load("plays_without_a_song", songs=False)
    assert query(*PLAYED)[0] == (1_000_000, None, None)
    load("plays_without_a_song", events=False)
    assert query(*PLAYED)[0] == (1_000_000, "SO1", "AR1")
    assert query(UnmatchedSongplay.songplay_id) == [(1_000_001,), (1_000_002,)]


def test_a_play_moves_to_a_nearer_song_that_arrives_after_it(load, query, write_lines, warehouse):
    load("nearest_duration")
    song = {"song_id": "SO8", "artist_id": "AR8", "title": "Blue", "artist_name": "Ann"}
    songs = write_lines("songs.json", [song | {"duration": 151}])
    with warehouse.begin() as connection:
        star.pipeline(DATA / "nothing" / "log_data", songs).run(connection)
    assert query(*PLAYED)[2] == (1_000_002, "SO8", "AR8")
    assert query(*PLAYED)[0] == (1_000_000, "SO1", "AR2")


def test_a_user_is_as_the_latest_event_shows_play_or_not(load, query):
    load("users_as_last_seen")
    assert query(*UserDim.__table__.columns) == [
        (1, "Ada", "Lee", "F", "paid", datetime(2018, 11, 1, 21, 1, 47, 796000)),
        (2, None, None, None, "paid", datetime(2018, 11, 1, 21, 1, 46, 796000)),
    ]


def test_a_play_keeps_the_level_of_its_moment(load, query):
    load("users_as_last_seen")
    assert query(SongplayFact.songplay_id, SongplayFact.level) == [(1_000_000, "free")]


def test_of_a_song_s_versions_a_year_is_preferred_then_title_then_duration(load, query):
    load("song_versions")
    assert query(SongDim.song_id, SongDim.title, SongDim.year, SongDim.duration) == [
        ("SO1", "Z last", 1999, 900),
        ("SO2", "Blue", None, 400),
        ("SO3", "Blue", None, 200),
    ]


def test_of_an_artist_s_versions_coordinates_are_preferred_then_a_location_then_name(load, query):
    load("artist_versions")
    assert query(*ArtistDim.__table__.columns) == [
        ("AR1", "Zoe", None, 0, 7.25),
        ("AR2", "Zoe", "Bonn", None, None),
        ("AR3", "Clea", "York", None, None),
    ]


def test_year_0_and_blank_names_and_places_are_null(load, query):
    load("blanks")
    assert query(*SongDim.__table__.columns) == [
        ("SO1", None, "AR1", None, 200, None),
        ("SO2", None, "AR2", None, 200, None),
    ]
    assert query(ArtistDim.artist_id, ArtistDim.name, ArtistDim.location) == [
        ("AR1", None, None),
        ("AR2", None, None),
    ]
    assert query(UserDim.user_id, UserDim.first_name, UserDim.last_name) == [(1, None, None)]
    assert query(SongplayFact.songplay_id, SongplayFact.location) == [
        (1_000_000, None),
        (1_000_001, None),
    ]


def test_blank_words_match_no_song(load, query):
    load("blanks")
    assert query(*PLAYED) == [(1_000_000, None, None), (1_000_001, None, None)]


def test_numbers_in_text_are_their_text_and_match(load, query):
    load("numbers_in_text")
    assert query(*PLAYED) == [(1_000_000, "SO1", "AR1")]
    assert query(SongDim.title, SongDim.artist_name) == [("1999", "112")]
    assert query(ArtistDim.name, ArtistDim.location) == [("112", "75001")]


def test_instants_are_of_plays_in_utc_with_milliseconds_and_iso_weeks(load, query):
    load("instants")
    assert query(*TimeDim.__table__.columns) == [
        (datetime(1970, 1, 1), 0, 1, 1, 1, 1970, 4),
        (datetime(2018, 12, 31, 23, 59, 59, 999000), 23, 31, 1, 12, 2018, 1),
        (datetime(2020, 12, 31, 23, 59, 59, 999000), 23, 31, 53, 12, 2020, 4),
        (datetime(2021, 1, 3, 1), 1, 3, 53, 1, 2021, 0),
        (datetime(2021, 1, 4), 0, 4, 1, 1, 2021, 1),
    ]


def test_the_id_of_a_play_leaves_room_for_a_million_items(load, query):
    load("repeated_events")
    for songplay_id, session, item in query(
        SongplayFact.songplay_id, SongplayFact.session_id, SongplayFact.item_in_session
    ):
        assert divmod(songplay_id, star.ITEMS_PER_SESSION) == (session, item)


def test_keys_are_not_enforced_on_duckdb_just_as_on_redshift(warehouse):
    row = {"user_id": 1, "last_seen_at": datetime(2018, 11, 1)}
    with warehouse.begin() as connection:
        connection.execute(insert(UserDim), [row, row])
        assert connection.execute(delete(UserDim)).rowcount == 2


def test_staging_is_emptied_before_each_load(load, query):
    load("repeated_events", "instants")
    assert len(query(StagingEvent.ts)) == 6
