"""The models: what each engine's DDL says, how wide columns are, and the ORM on rows."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from sqlalchemy import String, func, select
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTable

from musicbee_warehouse import (
    ArtistDim,
    Base,
    SongDim,
    SongplayFact,
    StagingEvent,
    StagingSong,
    TimeDim,
    UnmatchedSongplay,
    UserDim,
    dialect_of,
    jsonpaths,
    star,
)
from musicbee_warehouse.models import json_key

TABLES = Base.metadata.sorted_tables
STAR = [table for table in TABLES if not table.name.startswith(("staging", "load"))]
STAGING = [StagingEvent, StagingSong]
EACH_TABLE = pytest.mark.parametrize("table", TABLES, ids=str)


def ddl(table, dialect):
    return " ".join(str(CreateTable(table).compile(dialect=dialect_of(dialect))).split())


# DDL -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("staging_events", "DISTSTYLE KEY DISTKEY (user_id) SORTKEY (ts)"),
        ("songplay_fact", "DISTSTYLE KEY DISTKEY (user_id) SORTKEY (start_time)"),
        ("user_dim", "DISTSTYLE KEY DISTKEY (user_id) SORTKEY (user_id)"),
        ("song_dim", "DISTSTYLE ALL SORTKEY (song_id)"),
        ("artist_dim", "DISTSTYLE ALL SORTKEY (artist_id)"),
        ("time_dim", "DISTSTYLE ALL SORTKEY (start_time)"),
        ("unmatched_songplay", "DISTSTYLE KEY DISTKEY (songplay_id)"),
        ("staging_songs", "DISTSTYLE KEY DISTKEY (song_id)"),
    ],
)
def test_redshift_is_told_how_to_spread_and_sort_a_table(name, options):
    assert ddl(Base.metadata.tables[name], "redshift").endswith(") " + options)


def test_staging_and_fact_share_the_type_of_their_distribution_key():
    """Or the insert would move every row between nodes."""
    staged, fact = StagingEvent.__table__.c.user_id, SongplayFact.__table__.c.user_id
    assert str(staged.type) == str(fact.type) == str(UserDim.__table__.c.user_id.type)


@EACH_TABLE
def test_every_column_has_an_encoding_on_redshift(table):
    assert ddl(table, "redshift").count(" ENCODE ") == len(table.columns)


@EACH_TABLE
def test_the_first_sort_column_stays_raw(table):
    """Encoded, it would make range-restricted scans slower."""
    sort_key = table.dialect_options["redshift"]["sortkey"]
    if sort_key is not None:
        assert " ENCODE raw" in ddl_of_column(table, sort_key)


def ddl_of_column(table, name):
    lines = str(CreateTable(table).compile(dialect=dialect_of("redshift"))).splitlines()
    return next(line for line in lines if line.strip().startswith(name + " "))


@EACH_TABLE
def test_duckdb_is_told_nothing_of_redshift(table):
    for word in ("DIST", "SORTKEY", "ENCODE", "KEY", "CONSTRAINT", "REFERENCES"):
        assert word not in ddl(table, "duckdb")


@pytest.mark.parametrize("table", STAR, ids=str)
def test_redshift_is_told_the_keys(table):
    text = ddl(table, "redshift")
    assert text.count("PRIMARY KEY") == 1
    assert text.count("FOREIGN KEY") == len(table.foreign_keys)


def test_the_fact_table_names_its_dimensions():
    referred = {key.column.table.name for key in SongplayFact.__table__.foreign_keys}
    assert referred == {"user_dim", "song_dim", "artist_dim", "time_dim"}


@EACH_TABLE
def test_text_is_as_wide_as_it_says(table):
    """Without a length Redshift would take 256 bytes."""
    for column in table.columns:
        if isinstance(column.type, String):
            assert f"{column.name} VARCHAR({column.type.length})" in ddl(table, "redshift")


# Staging ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", STAGING)
def test_every_staging_column_has_a_key_of_its_own(model):
    keys = [json_key(column) for column in model.__table__.columns]
    assert len(set(keys)) == len(keys) == {StagingEvent: 18, StagingSong: 10}[model]


@pytest.mark.parametrize("model", STAGING)
def test_jsonpaths_are_in_the_order_of_the_columns(model):
    paths = [f"$['{json_key(column)}']" for column in model.__table__.columns]
    assert jsonpaths(model) == {"jsonpaths": paths}


def test_jsonpaths_are_those_published_with_the_sample(sample):
    published = json.loads((sample / "log_json_path.json").read_text())
    assert published.keys() == jsonpaths(StagingEvent).keys()
    assert set(published["jsonpaths"]) == set(jsonpaths(StagingEvent)["jsonpaths"])


@pytest.mark.parametrize("model", STAGING)
def test_text_is_half_as_long_again_as_any_in_the_sample(loaded_sample, model):
    columns = [c for c in model.__table__.columns if isinstance(c.type, String)]
    with loaded_sample.connect() as connection:
        longest = connection.execute(select(*(func.max(func.strlen(c)) for c in columns))).one()
    tight = {
        column.name: (bytes_, column.type.length)
        for column, bytes_ in zip(columns, longest, strict=True)
        if bytes_ * 1.5 > column.type.length
    }
    assert tight == {}


@pytest.mark.parametrize(
    ("staged", "kept"),
    [
        (StagingSong.title, SongDim.title),
        (StagingSong.song_id, SongDim.song_id),
        (StagingSong.artist_id, SongDim.artist_id),
        (StagingSong.artist_name, SongDim.artist_name),
        (StagingSong.artist_id, ArtistDim.artist_id),
        (StagingSong.artist_name, ArtistDim.name),
        (StagingSong.artist_location, ArtistDim.location),
        (StagingEvent.first_name, UserDim.first_name),
        (StagingEvent.last_name, UserDim.last_name),
        (StagingEvent.gender, UserDim.gender),
        (StagingEvent.level, UserDim.level),
        (StagingEvent.level, SongplayFact.level),
        (StagingEvent.location, SongplayFact.location),
        (StagingEvent.user_agent, SongplayFact.user_agent),
        (StagingSong.song_id, SongplayFact.song_id),
        (StagingSong.artist_id, SongplayFact.artist_id),
        (StagingEvent.song, UnmatchedSongplay.title),
        (StagingEvent.artist, UnmatchedSongplay.artist_name),
    ],
    ids=str,
)
def test_what_copy_takes_no_later_step_refuses(staged, kept):
    assert kept.type.length >= staged.type.length


# The ORM ---------------------------------------------------------------------------------------

SONG = {"song_id": "SO1", "artist_id": "AR1", "title": "Blue", "artist_name": "Ann"}
PLAY = {"sessionId": 7, "page": "NextSong", "ts": 1541106106796, "userId": "39"}
PLAYS = [
    PLAY | {"itemInSession": 0, "song": "Blue", "artist": "Ann"},
    PLAY | {"itemInSession": 1, "song": "Red", "artist": "Bob"},
]


@pytest.fixture
def session(warehouse, write_lines):
    """Return a session on a warehouse with a matched play and an unmatched one."""
    pipeline = star.pipeline(write_lines("events.json", PLAYS), write_lines("songs.json", [SONG]))
    with warehouse.begin() as connection:
        pipeline.run(connection)
    with Session(warehouse) as session:
        yield session


def test_a_play_leads_to_its_dimensions(session):
    play = session.get_one(SongplayFact, 7_000_000)
    assert play.user.user_id == 39
    assert play.song.title == "Blue"
    assert play.artist.name == "Ann"
    assert play.time.start_time == datetime(2018, 11, 1, 21, 1, 46, 796000)
    assert play.unmatched is None


def test_an_unmatched_play_leads_to_its_words(session):
    play = session.get_one(SongplayFact, 7_000_001)
    assert (play.song, play.artist) == (None, None)
    assert (play.unmatched.title, play.unmatched.artist_name) == ("Red", "Bob")
    assert play.unmatched.songplay is play


@pytest.mark.parametrize(
    ("model", "key", "plays"),
    [
        (UserDim, 39, [7_000_000, 7_000_001]),
        (SongDim, "SO1", [7_000_000]),
        (ArtistDim, "AR1", [7_000_000]),
        (TimeDim, datetime(2018, 11, 1, 21, 1, 46, 796000), [7_000_000, 7_000_001]),
    ],
)
def test_a_dimension_leads_back_to_its_plays(session, model, key, plays):
    found = session.get_one(model, key).songplays
    assert sorted(play.songplay_id for play in found) == plays


def test_a_song_and_its_artist_lead_to_each_other(session):
    song = session.get_one(SongDim, "SO1")
    assert song.artist.songs == [song]


def test_a_row_shows_its_columns(session):
    assert repr(session.get_one(SongDim, "SO1")) == (
        "SongDim(song_id='SO1', title='Blue', artist_id='AR1', year=None, duration=None, "
        "artist_name='Ann')"
    )
