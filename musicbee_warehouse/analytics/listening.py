"""What is played, when and where."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Label,
    Select,
    SmallInteger,
    Subquery,
    cast,
    distinct,
    extract,
    func,
    select,
    union_all,
)
from sqlalchemy.sql.expression import ColumnElement

from musicbee_warehouse.analytics.periods import Per, Plays, first_day, which
from musicbee_warehouse.models import ArtistDim, SongDim, SongplayFact, UnmatchedSongplay, UserDim
from musicbee_warehouse.statements.functions import constant

plays_count = func.count().label("plays")
listeners_count = func.count(distinct(SongplayFact.user_id)).label("listeners")
hours: Label[Any] = (
    func.coalesce(func.sum(SongplayFact.duration), constant(0.0)) / constant(3600.0)
).label("hours")


def whole(number: ColumnElement[Any]) -> ColumnElement[int]:
    """Return a whole number as BIGINT; a sum of them is wider, and not alike on both engines."""
    return cast(number, BigInteger)


def key_figures(
    plays: Plays = None,
) -> Select[tuple[int, int, int, float, int, datetime | None, datetime | None]]:
    """Return the warehouse in one row.

    It has plays, listeners, sessions, hours of music, matched (plays whose song is in the
    catalogue), first_play and last_play (when they began; None without plays).
    """
    first: Label[Any] = func.min(SongplayFact.start_time).label("first_play")
    last: Label[Any] = func.max(SongplayFact.start_time).label("last_play")
    return select(
        plays_count,
        listeners_count,
        func.count(distinct(SongplayFact.session_id)).label("sessions"),
        hours,
        func.count(SongplayFact.song_id).label("matched"),
        first,
        last,
    ).where(*which(plays))


def top_songs(limit: int = 10, *, plays: Plays = None) -> Select[tuple[str, str, int]]:
    """Return the songs played most, by title and artist as the log names them.

    A row is a song, in the catalogue or not: title, artist_name, plays.

    >>> from musicbee_warehouse.analytics import during
    >>> november = top_songs(3, plays=during("2018-11"))
    """
    return _most(limit, plays, "title", "artist_name")


def top_artists(limit: int = 10, *, plays: Plays = None) -> Select[tuple[str, int]]:
    """Return the artists played most, by name as the log credits them.

    A row is an artist's name, in the catalogue or not: artist_name, plays.
    """
    return _most(limit, plays, "artist_name")


def plays_by_hour(plays: Plays = None) -> Select[tuple[int, int, int]]:
    """Return the plays of each hour of the day, 0 to 23 in UTC: hour, plays, listeners."""
    return _by(_part("hour"), plays)


def plays_by_weekday(plays: Plays = None) -> Select[tuple[int, int, int]]:
    """Return the plays of each weekday, 0 for Sunday as in ``time_dim``: weekday, plays, listeners.

    The weekday is computed from ``start_time``: on many plays that is faster than the join of
    ``time_dim``, which holds the same.
    """
    return _by(_part("dow").label("weekday"), plays)


def plays_by_weekday_and_hour(plays: Plays = None) -> Select[tuple[int, int, int]]:
    """Return the plays of each hour of the week: weekday (0 is Sunday), hour (UTC), plays."""
    weekday, hour = _part("dow").label("weekday"), _part("hour")
    return (
        select(weekday, hour, plays_count)
        .where(*which(plays))
        .group_by(weekday, hour)
        .order_by(weekday, hour)
    )


def plays_over_time(
    per: Per = "day", *, plays: Plays = None
) -> Select[tuple[date, int, int, float]]:
    """Return what was heard in each day, week or month that has plays.

    A row is a period, named by its first day: plays, listeners, and hours of music.

    >>> weeks = plays_over_time("week")
    >>> weeks.selected_columns.keys()
    ['week', 'plays', 'listeners', 'hours']
    """
    period = first_day(per).label(per)
    return _by(period, plays).add_columns(hours)


def plays_by_location(
    limit: int = 10, *, plays: Plays = None
) -> Select[tuple[str | None, int, int]]:
    """Return the places with the most plays: location as the log names it, plays, listeners."""
    location = SongplayFact.location
    return (
        select(location, plays_count, listeners_count)
        .where(location.is_not(None), *which(plays))
        .group_by(location)
        .order_by(plays_count.desc(), location)
        .limit(constant(limit))
    )


def plays_by_level(plays: Plays = None) -> Select[tuple[str | None, int, int, float]]:
    """Return the plays of each level, free or paid: level, plays, listeners, hours.

    A listener who changed level in the period counts in both.
    """
    return _by(SongplayFact.level, plays).add_columns(hours)


def plays_by_gender(plays: Plays = None) -> Select[tuple[str | None, int, int]]:
    """Return the plays of each gender that users gave: gender, plays, listeners."""
    return _by(UserDim.gender, plays).join_from(SongplayFact, SongplayFact.user)


def plays_by_decade(plays: Plays = None) -> Select[tuple[int | None, int]]:
    """Return the plays of the catalogue's songs by the decade of their release: decade, plays.

    ``decade`` is its first year; None stands for songs without a year.
    """
    heard = _heard(SongplayFact.song_id, plays)
    ten_years: Label[Any] = cast(SongDim.year // constant(10) * constant(10), SmallInteger).label(
        "decade"
    )
    return (
        select(ten_years, whole(func.sum(heard.c.plays)).label("plays"))
        .join_from(SongDim, heard, heard.c.song_id == SongDim.song_id)
        .group_by(ten_years)
        .order_by(ten_years.nulls_last())
    )


def artist_map(
    limit: int = 500, *, plays: Plays = None
) -> Select[tuple[str, str, str | None, float, float, int]]:
    """Return where the most played artists of the catalogue come from, of those with a place.

    A row is an artist: artist_id, name, location, latitude and longitude in degrees, plays.
    """
    heard = _heard(SongplayFact.artist_id, plays)
    return (
        select(
            ArtistDim.artist_id,
            ArtistDim.name,
            ArtistDim.location,
            ArtistDim.latitude,
            ArtistDim.longitude,
            heard.c.plays,
        )
        .join(heard, heard.c.artist_id == ArtistDim.artist_id)
        .where(ArtistDim.latitude.is_not(None), ArtistDim.longitude.is_not(None))
        .order_by(heard.c.plays.desc(), ArtistDim.artist_id)
        .limit(constant(limit))
    )


def _part(name: str) -> ColumnElement[int]:
    """Return a part of the instant at which a play began, of one type on both engines."""
    return cast(extract(name, SongplayFact.start_time), SmallInteger).label(name)


def _by(what: Any, plays: Plays) -> Select[Any]:
    return (
        select(what, plays_count, listeners_count)
        .where(*which(plays))
        .group_by(what)
        .order_by(what.nulls_last())
    )


def _heard(key: Any, plays: Plays) -> Subquery:
    """Return how often each song or artist of the catalogue was played, by its key.

    Plays are counted before words are joined to them: the words are long and the plays are many.
    """
    return (
        select(key, plays_count)
        .where(key.is_not(None), *which(plays))
        .group_by(key)
        .subquery("heard")
    )


def _most(limit: int, plays: Plays, *names: str) -> Select[Any]:
    """Return the words that are played most, of songs in the catalogue and of songs not in it.

    A play is matched by equal words, so the catalogue's words are the log's. What has no name can't
    be in a ranking.
    """
    heard = _heard(SongplayFact.song_id, plays)
    known = select(*(SongDim.__table__.c[name] for name in names), heard.c.plays)
    words = [UnmatchedSongplay.__table__.c[name] for name in names]
    waiting = select(*words, plays_count).where(*which(plays)).group_by(*words)
    if plays is not None:
        waiting = waiting.join_from(UnmatchedSongplay, UnmatchedSongplay.songplay)
    counted = union_all(
        known.join_from(SongDim, heard, heard.c.song_id == SongDim.song_id), waiting
    ).subquery("counted")
    keys = [counted.c[name] for name in names]
    total = whole(func.sum(counted.c.plays)).label("plays")
    return (
        select(*keys, total)
        .where(*(key.is_not(None) for key in keys))
        .group_by(*keys)
        .order_by(total.desc(), *keys)
        .limit(constant(limit))
    )
