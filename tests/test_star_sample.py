"""The real sample, loaded: every table against counts and rows that somebody else computed."""

from __future__ import annotations

import csv
from datetime import datetime

import pytest
from sqlalchemy import func, select, text

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
    connect,
    create_tables,
    star,
)


def expected(sample, name):
    with (sample / "expected" / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(
    ("model", "count"),
    [
        (StagingEvent, 8056),
        (StagingSong, 71),
        (SongplayFact, 6820),
        (UserDim, 97),
        (SongDim, 71),
        (ArtistDim, 69),
        (TimeDim, 6813),
        (UnmatchedSongplay, 6819),
    ],
    ids=lambda value: getattr(value, "__tablename__", str(value)),
)
def test_every_table_has_as_many_rows_as_it_should(loaded_sample, model, count):
    with loaded_sample.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(model)) == count


def test_one_play_is_of_a_song_in_the_catalogue(loaded_sample):
    matched = select(SongplayFact.song_id, SongplayFact.artist_id).where(
        SongplayFact.song_id.is_not(None)
    )
    with loaded_sample.connect() as connection:
        assert connection.execute(matched).all() == [("SOZCTXZ12AB0182364", "AR5KOSW1187FB35FF4")]


def test_the_plays_are_those_expected(sample, loaded_sample):
    columns = [
        SongplayFact.start_time,
        func.epoch_ms(SongplayFact.start_time),
        SongplayFact.user_id,
        SongplayFact.level,
        SongplayFact.song_id,
        SongplayFact.artist_id,
        SongplayFact.session_id,
        SongplayFact.item_in_session,
        SongplayFact.location,
        SongplayFact.user_agent,
    ]
    with loaded_sample.connect() as connection:
        plays = {tuple(row) for row in connection.execute(select(*columns))}
    assert plays == {
        (
            datetime.fromisoformat(row["start_time_utc"]),
            int(row["ts"]),
            int(row["user_id"]),
            row["level"],
            row["song_id"] or None,
            row["artist_id"] or None,
            int(row["session_id"]),
            int(row["item_in_session"]),
            row["location"],
            row["user_agent"],
        )
        for row in expected(sample, "songplays_subset.csv")
    }


def test_the_instants_are_those_expected_with_week_and_weekday(sample, loaded_sample, rows):
    assert set(rows(loaded_sample, TimeDim)) == {
        (
            datetime.fromisoformat(row["start_time_utc"]),
            *(int(row[part]) for part in ("hour", "day", "iso_week", "month", "year")),
            int(row["iso_weekday"]) % 7,
        )
        for row in expected(sample, "time.csv")
    }


def test_milliseconds_are_kept(loaded_sample):
    of_a_second = func.epoch_ms(TimeDim.start_time) % 1000
    with loaded_sample.connect() as connection:
        assert connection.scalars(select(of_a_second).distinct()).all() == [796]


def test_the_users_are_as_last_seen(sample, loaded_sample):
    columns = (
        UserDim.user_id,
        UserDim.first_name,
        UserDim.last_name,
        UserDim.gender,
        UserDim.level,
    )
    with loaded_sample.connect() as connection:
        users = {tuple(row) for row in connection.execute(select(*columns))}
    assert users == {
        (int(row["user_id"]), row["first_name"], row["last_name"], row["gender"], row["level"])
        for row in expected(sample, "users_latest_all.csv")
    }


def test_a_second_load_changes_nothing(sample, star_rows, loaded_sample):
    engine = connect("duckdb:///:memory:")
    create_tables(engine)
    pipeline = star.pipeline(sample / "log_data", sample / "song_data")
    for _ in range(2):
        with engine.begin() as connection:
            pipeline.run(connection)
    assert star_rows(engine) == star_rows(loaded_sample)
    engine.dispose()


@pytest.mark.parametrize("model", [StagingEvent, StagingSong])
def test_no_staging_column_is_null_in_every_row(loaded_sample, model):
    counts = select(*(func.count(column).label(column.name) for column in model.__table__.columns))
    with loaded_sample.connect() as connection:
        filled = connection.execute(counts).mappings().one()
    assert [name for name, count in filled.items() if count == 0] == []


def test_every_foreign_key_has_its_row(loaded_sample):
    with loaded_sample.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for key in table.foreign_keys:
                there = f"SELECT {key.column.name} FROM {key.column.table.name}"
                orphans = (
                    f"SELECT count(*) FROM {table.name} WHERE {key.parent.name} NOT IN ({there})"
                )
                assert connection.scalar(text(orphans)) == 0, key
