"""Who listens: active users, how they come back, and who listens most."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import (
    Double,
    Integer,
    Select,
    Subquery,
    case,
    cast,
    func,
    select,
    union_all,
)
from sqlalchemy.sql.expression import ColumnElement

from musicbee_warehouse.analytics.listening import hours, listeners_count, plays_count, whole
from musicbee_warehouse.analytics.periods import (
    Per,
    Plays,
    days_between,
    first_day,
    ordinal,
    which,
)
from musicbee_warehouse.models import SongplayFact, UserDim
from musicbee_warehouse.statements.functions import constant


def active_users(per: Per = "day", *, plays: Plays = None) -> Select[tuple[date, int]]:
    """Return the users who played something in each day, week or month that has plays.

    A row is a period, named by its first day: listeners. Per day they are known as DAU, per week as
    WAU, per month as MAU.
    """
    period = first_day(per).label(per)
    return select(period, listeners_count).where(*which(plays)).group_by(period).order_by(period)


def stickiness(days: int = 30, *, plays: Plays = None) -> Select[tuple[date, int, int, float]]:
    """Return how much of a month's audience comes on a day: each day's users over the last days'.

    A row is a day with plays: day, daily_users, users (who played on it or in the ``days - 1`` days
    before), and the share of the former in the latter, 0 to 1. Until the log is ``days`` long, the
    share is too high.

    A user counts from a day of play until ``days`` later, unless another play comes before that; so
    the users of any day are a running sum of those who came less those who went.
    """
    visit = _visits("day", plays)
    span = constant(days)
    is_new = visit.c.before.is_(None) | (days_between(visit.c.before, visit.c.day) > span)
    is_last = visit.c.after.is_(None) | (days_between(visit.c.day, visit.c.after) > span)
    moves = union_all(
        select(
            visit.c.day,
            constant(1).label("visits"),
            case((is_new, constant(1)), else_=constant(0)).label("change"),
        ),
        select(
            (visit.c.day + span).label("day"),
            constant(0).label("visits"),
            constant(-1).label("change"),
        ).where(is_last),
    ).subquery("moves")
    on_day = (
        select(
            moves.c.day,
            whole(func.sum(moves.c.visits)).label("daily_users"),
            whole(func.sum(moves.c.change)).label("change"),
        )
        .group_by(moves.c.day)
        .subquery("on_day")
    )
    running = whole(func.sum(on_day.c.change).over(order_by=on_day.c.day, rows=(None, 0)))
    audience = select(on_day.c.day, on_day.c.daily_users, running.label("users")).subquery(
        "audience"
    )
    return (
        select(audience, share(audience.c.daily_users, audience.c.users))
        .where(audience.c.daily_users > constant(0))
        .order_by(audience.c.day)
    )


def new_and_returning(
    per: Per = "week", *, plays: Plays = None
) -> Select[tuple[date, int, int, int]]:
    """Return the listeners of each period by whether they had played before.

    A row is a period, named by its first day: ``new`` listeners, whose first play it holds; those
    ``kept`` from the period just before; and those who came ``back`` after a pause.
    """
    visit = _visits(per, plays)
    is_next = ordinal(per, visit.c[per]) - ordinal(per, visit.c.before) == constant(1)
    kinds = {
        "new": visit.c.before.is_(None),
        "kept": is_next,
        "back": visit.c.before.is_not(None) & ~is_next,
    }
    counts = [func.count(case((met, visit.c.user_id))).label(name) for name, met in kinds.items()]
    return select(visit.c[per], *counts).group_by(visit.c[per]).order_by(visit.c[per])


def cohort_retention(
    per: Per = "week", *, plays: Plays = None
) -> Select[tuple[date, int, int, float]]:
    """Return how many of those who began to listen in a period came again in each later one.

    A row is a cohort in a period: cohort (the first day of the period of its first plays), age (in
    periods, 0 for the first), listeners, and their share in the cohort, 0 to 1. A period in which
    nobody of a cohort listened has no row.
    """
    active = _active(per, plays)
    first = func.min(active.c[per]).over(partition_by=active.c.user_id)
    aged = select(active.c.user_id, active.c[per], first.label("cohort")).subquery("aged")
    age = (ordinal(per, aged.c[per]) - ordinal(per, aged.c.cohort)).label("age")
    counted = (
        select(aged.c.cohort, age, func.count().label("listeners"))
        .group_by(aged.c.cohort, age)
        .subquery("counted")
    )
    everyone = func.max(counted.c.listeners).over(partition_by=counted.c.cohort)
    return select(counted, share(counted.c.listeners, everyone)).order_by(
        counted.c.cohort, counted.c.age
    )


def top_listeners(
    limit: int = 10, *, plays: Plays = None
) -> Select[tuple[int, str | None, str | None, int, float]]:
    """Return the users who played most: user_id, first_name, last_name, plays, hours of music."""
    names = (UserDim.user_id, UserDim.first_name, UserDim.last_name)
    heard = (
        select(SongplayFact.user_id, plays_count, hours)
        .where(*which(plays))
        .group_by(SongplayFact.user_id)
        .subquery("heard")
    )
    return (
        select(*names, heard.c.plays, heard.c.hours)
        .join(heard, heard.c.user_id == UserDim.user_id)
        .order_by(heard.c.plays.desc(), UserDim.user_id)
        .limit(constant(limit))
    )


def listening_by_decile(plays: Plays = None) -> Select[tuple[int, int, int, float]]:
    """Return how listening is spread over listeners, ten groups from the most to the least active.

    A row is a tenth of the listeners: decile (1 plays most), listeners, plays, and the share of all
    plays, 0 to 1.
    """
    heard = (
        select(SongplayFact.user_id, plays_count)
        .where(*which(plays))
        .group_by(SongplayFact.user_id)
        .subquery("heard")
    )
    tenth = func.ntile(constant(10)).over(order_by=(heard.c.plays.desc(), heard.c.user_id))
    ranked = select(cast(tenth, Integer).label("decile"), heard.c.plays).subquery("ranked")
    group = (
        select(
            ranked.c.decile,
            func.count().label("listeners"),
            whole(func.sum(ranked.c.plays)).label("plays"),
        )
        .group_by(ranked.c.decile)
        .subquery("tenth")
    )
    return select(group, share(group.c.plays, func.sum(group.c.plays).over())).order_by(
        group.c.decile
    )


def share(part: ColumnElement[Any], total: ColumnElement[Any]) -> ColumnElement[float]:
    """Return the share of a part in a total, 0 to 1, as a double on both engines."""
    ratio: ColumnElement[Any] = cast(part, Double) / cast(total, Double)
    return ratio.label("share")


def _active(per: Per, plays: Plays) -> Subquery:
    """Return in which periods each user played something: user_id and the period's first day."""
    return (
        select(SongplayFact.user_id, first_day(per).label(per))
        .where(*which(plays))
        .distinct()
        .subquery("active")
    )


def _visits(per: Per, plays: Plays) -> Subquery:
    """Return the periods of each user, with the user's period before and the one after."""
    active = _active(per, plays)
    user, day = active.c.user_id, active.c[per]
    return select(
        active,
        func.lag(day).over(partition_by=user, order_by=day).label("before"),
        func.lead(day).over(partition_by=user, order_by=day).label("after"),
    ).subquery("visit")
