"""Sessions: how long people listen at a stretch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Double, Select, case, cast, extract, func, select
from sqlalchemy.sql.expression import ColumnElement

from musicbee_warehouse.analytics.listeners import share
from musicbee_warehouse.analytics.listening import plays_count
from musicbee_warehouse.analytics.periods import Plays, which
from musicbee_warehouse.models import SongplayFact
from musicbee_warehouse.statements.functions import constant

_LENGTHS = ("1", "2-4", "5-9", "10-19", "20-49", "50 and more")
_UP_TO = (1, 4, 9, 19, 49)


def sessions(plays: Plays = None) -> Select[tuple[int, int, datetime, datetime, int, int]]:
    """Return the sessions in which something was played.

    A row is a session of a user: session_id, user_id, began and last_play (when its first and last
    play began), the seconds between these, and plays. There may be many: filter, limit or count.

    >>> from sqlalchemy import func, select
    >>> held = sessions().subquery("held")
    >>> longest = select(func.max(held.c.plays))
    """
    began, last = func.min(SongplayFact.start_time), func.max(SongplayFact.start_time)
    return (
        select(
            SongplayFact.session_id,
            SongplayFact.user_id,
            began.label("began"),
            last.label("last_play"),
            (_second(last) - _second(began)).label("seconds"),
            plays_count,
        )
        .where(*which(plays))
        .group_by(SongplayFact.session_id, SongplayFact.user_id)
        .order_by(began, SongplayFact.session_id)
    )


def session_figures(plays: Plays = None) -> Select[tuple[int, float, float, float]]:
    """Return how long sessions are, in one row: sessions, mean_plays, mean_minutes, median_minutes.

    Minutes are those from the beginning of the first play to that of the last: 0 with one play. The
    means and the median are None without sessions.
    """
    held = sessions(plays).order_by(None).subquery("held")
    minutes = cast(held.c.seconds, Double) / constant(60.0)
    return select(
        func.count().label("sessions"),
        func.avg(cast(held.c.plays, Double), type_=Double).label("mean_plays"),
        func.avg(minutes, type_=Double).label("mean_minutes"),
        func.percentile_cont(constant(0.5)).within_group(minutes).label("median_minutes"),
    ).select_from(held)


def sessions_by_length(plays: Plays = None) -> Select[tuple[str, int, float]]:
    """Return how many sessions have how many plays.

    A row is a class of sessions, from short to long: songs (such as ``5-9``), sessions, and their
    share in all, 0 to 1.
    """
    held = (
        select(SongplayFact.session_id, plays_count)
        .where(*which(plays))
        .group_by(SongplayFact.session_id, SongplayFact.user_id)
        .subquery("held")
    )
    songs = case(
        *(
            (held.c.plays <= constant(most), constant(name))
            for most, name in zip(_UP_TO, _LENGTHS, strict=False)
        ),
        else_=constant(_LENGTHS[-1]),
    )
    sized = (
        select(
            songs.label("songs"),
            func.count().label("sessions"),
            func.min(held.c.plays).label("fewest"),
        )
        .group_by(songs)
        .subquery("sized")
    )
    return select(
        sized.c.songs, sized.c.sessions, share(sized.c.sessions, func.sum(sized.c.sessions).over())
    ).order_by(sized.c.fewest)


def _second(moment: ColumnElement[Any]) -> ColumnElement[int]:
    """Return an instant in whole seconds since 1970: Redshift's EPOCH of a TIMESTAMP has no more.

    https://docs.aws.amazon.com/redshift/latest/dg/r_EXTRACT_function.html
    """
    return cast(extract("epoch", func.date_trunc(constant("second"), moment)), BigInteger)
