"""Free and paid: who had which level when, and who changed."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import TIMESTAMP, Select, Subquery, case, func, select, union_all

from musicbee_warehouse.analytics.periods import Per, first_day
from musicbee_warehouse.models import SongplayFact, UserDim
from musicbee_warehouse.statements.functions import constant

_AFTER_ALL_PLAYS = 2**63 - 1


def level_history() -> Select[tuple[int, str, datetime, datetime | None]]:
    """Return the levels that each user has had, one after the other.

    A row is a user at a level: user_id, level, valid_from (when it was first seen), valid_to (when
    the next level was first seen, None for the present one). It is seen in the user's plays and, as
    ``user_dim`` tells it, in the user's latest event, so that users without a play are there too.

    >>> history = level_history()
    >>> of_one = history.where(history.selected_columns.user_id == 15)
    """
    changing = _changing()
    seen = _seen()
    steady = (
        select(
            seen.c.user_id,
            func.min(seen.c.level).label("level"),
            func.min(seen.c.seen_at, type_=TIMESTAMP).label("valid_from"),
        )
        .group_by(seen.c.user_id)
        .having(func.min(seen.c.level) == func.max(seen.c.level))
    )
    island = union_all(
        steady, select(changing.c.user_id, changing.c.level, changing.c.valid_from)
    ).subquery("island")
    until = func.lead(island.c.valid_from, type_=TIMESTAMP).over(
        partition_by=island.c.user_id, order_by=island.c.valid_from
    )
    history = select(island, until.label("valid_to")).subquery("history")
    return select(history).order_by(history.c.user_id, history.c.valid_from)


def conversions(per: Per = "month") -> Select[tuple[date, int, int]]:
    """Return the changes of level in each day, week or month that has any.

    A row is a period, named by its first day: how often users ``upgraded`` from free to paid, and
    ``downgraded`` from paid to free. A user may do both.
    """
    island = _changing()
    period = first_day(per, island.c.valid_from).label(per)
    changes = {
        "upgraded": (constant("free"), constant("paid")),
        "downgraded": (constant("paid"), constant("free")),
    }
    counts = [
        func.count(case(((island.c.before == a) & (island.c.level == b), constant(1)))).label(name)
        for name, (a, b) in changes.items()
    ]
    return (
        select(period, *counts)
        .where(island.c.before.is_not(None))
        .group_by(period)
        .order_by(period)
    )


def _seen() -> Subquery:
    """Return when users were seen at which level: in their plays, and at last."""
    return union_all(
        select(
            SongplayFact.user_id,
            SongplayFact.level,
            SongplayFact.start_time.label("seen_at"),
            SongplayFact.songplay_id,
        ).where(SongplayFact.level.is_not(None)),
        select(
            UserDim.user_id,
            UserDim.level,
            UserDim.last_seen_at.label("seen_at"),
            constant(_AFTER_ALL_PLAYS).label("songplay_id"),
        ).where(UserDim.level.is_not(None)),
    ).subquery("seen")


def _changing() -> Subquery:
    """Return where the level of a user differs from the one before, or is the first.

    Of users who had two levels: they are few, and to look for changes is to sort all that was seen.
    """
    known, seen = _seen().alias("known"), _seen()
    mixed = (
        select(known.c.user_id)
        .group_by(known.c.user_id)
        .having(func.min(known.c.level) != func.max(known.c.level))
        .subquery("mixed")
    )
    before = func.lag(seen.c.level).over(
        partition_by=seen.c.user_id, order_by=(seen.c.seen_at, seen.c.songplay_id)
    )
    beside = (
        select(
            seen.c.user_id, seen.c.level, seen.c.seen_at.label("valid_from"), before.label("before")
        )
        .join(mixed, mixed.c.user_id == seen.c.user_id)
        .subquery("beside")
    )
    return (
        select(beside)
        .where(beside.c.before.is_(None) | (beside.c.before != beside.c.level))
        .subquery("changing")
    )
