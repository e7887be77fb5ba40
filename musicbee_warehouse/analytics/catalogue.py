"""The catalogue against what is played: what it covers, what it lacks, what nobody plays."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Select, func, select

from musicbee_warehouse.analytics.listeners import share
from musicbee_warehouse.analytics.listening import listeners_count, plays_count
from musicbee_warehouse.analytics.periods import Per, Plays, first_day, which
from musicbee_warehouse.models import SongDim, SongplayFact, UnmatchedSongplay
from musicbee_warehouse.statements.functions import constant


def catalogue_coverage(
    per: Per = "day", *, plays: Plays = None
) -> Select[tuple[date, int, int, float]]:
    """Return how much of what is played the catalogue knows.

    A row is a period with plays, named by its first day: plays, matched (those whose song is in the
    catalogue), and the share of these, 0 to 1.
    """
    period = first_day(per).label(per)
    matched = func.count(SongplayFact.song_id)
    return (
        select(period, plays_count, matched.label("matched"), share(matched, func.count()))
        .where(*which(plays))
        .group_by(period)
        .order_by(period)
    )


def catalogue_gaps(
    limit: int = 10, *, plays: Plays = None
) -> Select[tuple[str | None, str | None, int, int]]:
    """Return the songs played most of those that the catalogue lacks, to know what to add first.

    A row is a song in the words of the log: title, artist_name, plays, listeners.
    """
    words = (UnmatchedSongplay.title, UnmatchedSongplay.artist_name)
    return (
        select(*words, plays_count, listeners_count)
        .join_from(UnmatchedSongplay, UnmatchedSongplay.songplay)
        .where(*which(plays))
        .group_by(*words)
        .order_by(plays_count.desc(), *(word.nulls_last() for word in words))
        .limit(constant(limit))
    )


def unplayed_songs(
    limit: int = 10, *, plays: Plays = None
) -> Select[tuple[str, str | None, str | None, int | None]]:
    """Return songs of the catalogue that nobody played: song_id, title, artist_name, year."""
    played = (
        select(SongplayFact.song_id)
        .distinct()
        .where(SongplayFact.song_id.is_not(None), *which(plays))
    )
    heard = played.subquery("heard")
    return (
        select(SongDim.song_id, SongDim.title, SongDim.artist_name, SongDim.year)
        .outerjoin(heard, heard.c.song_id == SongDim.song_id)
        .where(heard.c.song_id.is_(None))
        .order_by(SongDim.song_id)
        .limit(constant(limit))
    )
