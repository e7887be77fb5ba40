"""Questions to the star, as SQLAlchemy selects to print, extend and run on either engine."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select

from musicbee_warehouse.models import ArtistDim, SongDim, SongplayFact, TimeDim

_plays = func.count().label("plays")


def top_songs(limit: int = 10) -> Select[Any]:
    """Return the songs of the catalogue played most: title, artist as credited, plays.

    >>> print(top_songs(3).with_only_columns(SongDim.title))
    SELECT song_dim.title
    FROM songplay_fact JOIN song_dim ON song_dim.song_id = songplay_fact.song_id
    GROUP BY song_dim.song_id, song_dim.title, song_dim.artist_name
    ORDER BY count(*) DESC, song_dim.song_id
     LIMIT :param_1
    """
    return (
        select(SongDim.title, SongDim.artist_name, _plays)
        .join_from(SongplayFact, SongplayFact.song)
        .group_by(SongDim.song_id, SongDim.title, SongDim.artist_name)
        .order_by(func.count().desc(), SongDim.song_id)
        .limit(limit)
    )


def top_artists(limit: int = 10) -> Select[Any]:
    """Return the artists of the catalogue played most: name, location, plays."""
    return (
        select(ArtistDim.name, ArtistDim.location, _plays)
        .join_from(SongplayFact, SongplayFact.artist)
        .group_by(ArtistDim.artist_id, ArtistDim.name, ArtistDim.location)
        .order_by(func.count().desc(), ArtistDim.artist_id)
        .limit(limit)
    )


def plays_by_weekday() -> Select[Any]:
    """Return the plays of each weekday, 0 for Sunday, with the users who played: up to 7 rows."""
    users = func.count(SongplayFact.user_id.distinct()).label("users")
    return (
        select(TimeDim.weekday, _plays, users)
        .join_from(SongplayFact, SongplayFact.time)
        .group_by(TimeDim.weekday)
        .order_by(TimeDim.weekday)
    )
