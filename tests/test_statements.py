"""insert_from and upsert: their text on both engines, their refusals, and what they do to rows."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, literal, select
from sqlalchemy.exc import ArgumentError

from musicbee_warehouse import (
    ArtistDim,
    SongDim,
    StagingSong,
    dialect_of,
    insert_from,
    upsert,
)

BOTH = pytest.mark.parametrize(
    "dialect", [dialect_of("redshift"), dialect_of("duckdb")], ids=lambda d: d.name
)
STAGED = select(StagingSong.artist_id, StagingSong.artist_name.label("name"))


def spell(statement, dialect):
    return " ".join(str(statement.compile(dialect=dialect)).split())


@BOTH
def test_insert_from_pairs_columns_by_name(dialect):
    query = select(StagingSong.artist_name.label("name"), StagingSong.artist_id)
    assert spell(insert_from(ArtistDim, query), dialect) == (
        "INSERT INTO artist_dim (name, artist_id) "
        "SELECT staging_songs.artist_name AS name, staging_songs.artist_id FROM staging_songs"
    )


@BOTH
def test_upsert_deletes_by_key_then_inserts(dialect):
    assert [
        spell(statement, dialect) for statement in upsert(ArtistDim, STAGED, key="artist_id")
    ] == [
        "DELETE FROM artist_dim USING (SELECT staging_songs.artist_id AS artist_id, "
        "staging_songs.artist_name AS name FROM staging_songs) AS fresh "
        "WHERE artist_dim.artist_id = fresh.artist_id",
        "INSERT INTO artist_dim (artist_id, name) "
        "SELECT staging_songs.artist_id, staging_songs.artist_name AS name FROM staging_songs",
    ]


def test_a_model_and_its_table_are_the_same_target():
    by_model, by_table = insert_from(ArtistDim, STAGED), insert_from(ArtistDim.__table__, STAGED)
    assert str(by_model) == str(by_table)


@pytest.mark.parametrize("make", [insert_from, lambda *both: upsert(*both, key="artist_id")])
def test_a_misspelt_column_is_named(make):
    query = select(StagingSong.artist_id, StagingSong.artist_name.label("nmae"))
    with pytest.raises(ArgumentError, match="artist_dim has no column nmae; it has artist_id"):
        make(ArtistDim, query)


def test_a_misspelt_key_is_named():
    with pytest.raises(ArgumentError, match="artist_dim has no column artist"):
        upsert(ArtistDim, STAGED, key="artist")


def test_a_key_that_the_query_lacks_is_named():
    query = select(StagingSong.artist_name.label("name"))
    with pytest.raises(ArgumentError, match="the query has no column artist_id"):
        upsert(ArtistDim, query, key="artist_id")


def test_what_is_no_table_is_refused():
    with pytest.raises(ArgumentError):
        insert_from("artist_dim", STAGED)


@pytest.fixture
def artists(warehouse):
    """Return a warehouse with two artists, and songs of one of them and of a third."""
    with warehouse.begin() as connection:
        connection.execute(
            insert(ArtistDim),
            [{"artist_id": "AR1", "name": "old"}, {"artist_id": "AR2", "name": "kept"}],
        )
        connection.execute(
            insert(StagingSong),
            [
                {"song_id": "SO1", "artist_id": "AR1", "artist_name": "new"},
                {"song_id": "SO3", "artist_id": "AR3", "artist_name": "added"},
            ],
        )
    return warehouse


def names(engine):
    with engine.connect() as connection:
        return dict(connection.execute(select(ArtistDim.artist_id, ArtistDim.name)).all())


def test_upsert_replaces_adds_and_leaves(artists):
    with artists.begin() as connection:
        for statement in upsert(ArtistDim, STAGED, key="artist_id"):
            connection.execute(statement)
    assert names(artists) == {"AR1": "new", "AR2": "kept", "AR3": "added"}


def test_upsert_twice_is_upsert_once(artists):
    with artists.begin() as connection:
        for statement in upsert(ArtistDim, STAGED, key="artist_id") * 2:
            connection.execute(statement)
    assert names(artists) == {"AR1": "new", "AR2": "kept", "AR3": "added"}


def test_upsert_of_nothing_deletes_nothing(artists):
    with artists.begin() as connection:
        for statement in upsert(ArtistDim, STAGED.where(literal(False)), key="artist_id"):
            connection.execute(statement)
    assert names(artists) == {"AR1": "old", "AR2": "kept"}


def test_insert_from_runs_anew_for_another_target(artists, rows):
    """A statement that is cached by its shape alone would fill the first table twice."""
    songs = select(StagingSong.song_id, StagingSong.artist_id)
    with artists.begin() as connection:
        connection.execute(insert_from(ArtistDim, STAGED.where(StagingSong.artist_id == "AR3")))
        connection.execute(insert_from(SongDim, songs))
    assert len(names(artists)) == 3
    assert [row[0] for row in rows(artists, SongDim)] == ["SO1", "SO3"]
