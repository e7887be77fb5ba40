"""The catalogue holds what song files hold."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from musicbee_warehouse.simulator import simulate
from musicbee_warehouse.simulator.catalogue import catalogue

KEYS = {
    "num_songs",
    "artist_id",
    "artist_latitude",
    "artist_longitude",
    "artist_location",
    "artist_name",
    "song_id",
    "title",
    "duration",
    "year",
}


@pytest.fixture(scope="module")
def songs():
    return list(simulate(10_000, seed=1).songs())


def test_songs_have_the_10_keys(songs):
    assert all(set(song) == KEYS for song in songs)


def test_songs_and_artists_have_ids_of_their_own(songs):
    assert len({song["song_id"] for song in songs}) == len(songs)
    assert all(re.fullmatch("SO[A-Z]{5}[0-9A-F]{11}", song["song_id"]) for song in songs)
    assert all(re.fullmatch("AR[A-Z]{5}[0-9A-F]{11}", song["artist_id"]) for song in songs)
    assert len({song.track_id for song in catalogue(10_000, seed=1)}) == len(songs)


def test_two_seeds_share_no_ids(songs):
    others = {song["song_id"] for song in simulate(10_000, seed=2).songs()}
    assert others.isdisjoint(song["song_id"] for song in songs)


def test_an_artist_is_described_in_one_way(songs):
    artists = defaultdict(set)
    for song in songs:
        artists[song["artist_id"]].add(
            tuple(song[key] for key in sorted(KEYS) if key.startswith("artist_"))
        )
    assert all(len(descriptions) == 1 for descriptions in artists.values())
    assert 0.6 < len(artists) / len(songs) < 0.68


def test_years_places_and_coordinates_are_as_often_missing_as_in_the_published_set(songs):
    def share(missing):
        return sum(map(missing, songs)) / len(songs)

    assert share(lambda song: song["year"] == 0) == pytest.approx(0.3, abs=0.03)
    assert share(lambda song: song["artist_location"] == "") == pytest.approx(0.45, abs=0.03)
    assert share(lambda song: song["artist_latitude"] is None) == pytest.approx(0.65, abs=0.03)
    assert all(
        (song["artist_latitude"] is None) == (song["artist_longitude"] is None) for song in songs
    )
    assert all(song["year"] == 0 or 1960 < song["year"] <= 2010 for song in songs)


def test_durations_are_seconds_of_five_decimals(songs):
    assert all(20 <= song["duration"] <= 1800 for song in songs)
    assert all(round(song["duration"], 5) == song["duration"] for song in songs)


def test_some_names_are_numbers_and_some_are_not_ascii(songs):
    names = {song["artist_name"] for song in songs}
    assert any(name.isdecimal() for name in names)
    assert any(not name.isascii() for name in names)


def test_a_larger_catalogue_begins_as_a_smaller_one(songs):
    assert list(simulate(100, seed=1).songs()) == songs[:100]
