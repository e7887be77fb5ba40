"""Periods: which plays a question looks at, and the calendar by which it counts them.

Days begin at midnight UTC, weeks on Monday, as ISO 8601 has it.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import TIMESTAMP, Date, Integer, and_, cast, extract, func, literal
from sqlalchemy.sql.expression import ColumnElement

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.models import SongplayFact
from musicbee_warehouse.statements.functions import constant

Per = Literal["day", "week", "month"]
"""The step of a calendar."""

Plays = ColumnElement[bool] | None
"""Which plays are looked at: a condition on :class:`SongplayFact`, None for all."""

_MONDAY = "2000-01-03"
_YEAR = re.compile(r"\d{4}")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_WEEK = re.compile(r"\d{4}-W\d{2}")


def during(since: str | date, until: str | date | None = None) -> ColumnElement[bool]:
    """Return the condition that a play began in a period, or from one period to another.

    Args:
        since: a date, or a period in ISO 8601: ``2018``, ``2018-11``, ``2018-W45``, ``2018-11-03``.
        until: the last period that belongs to it, by default the same.

    Raises:
        WarehouseError: if a period is none of these.

    Times are written into the statement as text without a zone, so that Redshift can skip blocks by
    the sort key.

    >>> print(during("2018-11").compile(compile_kwargs={"render_postcompile": True}))
    ... # doctest: +NORMALIZE_WHITESPACE
    songplay_fact.start_time >= '2018-11-01 00:00:00'
    AND songplay_fact.start_time < '2018-12-01 00:00:00'
    """
    (first, _), (_, end) = _bounds(since), _bounds(since if until is None else until)
    if end <= first:
        raise WarehouseError(f"the period from {since} to {until} ends before it begins")
    return and_(SongplayFact.start_time >= _instant(first), SongplayFact.start_time < _instant(end))


def _bounds(period: str | date) -> tuple[date, date]:
    """Return the first day of a period and the first day after it."""
    text = str(period)
    try:
        if _YEAR.fullmatch(text):
            return date(int(text), 1, 1), date(int(text) + 1, 1, 1)
        if found := _MONTH.fullmatch(text):
            year, month = map(int, found.groups())
            return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
        first = date.fromisoformat(text)
    except ValueError:
        raise WarehouseError(
            f"{text!r} is no period; write a year, month, week or day such as 2018, 2018-11, "
            "2018-W45 or 2018-11-03"
        ) from None
    return first, first + timedelta(days=7 if _WEEK.fullmatch(text) else 1)


def _instant(day: date) -> ColumnElement[Any]:
    return literal(datetime.combine(day, time()), TIMESTAMP, literal_execute=True)


def which(plays: Plays) -> tuple[ColumnElement[bool], ...]:
    """Return a condition, or none, for ``where``."""
    return () if plays is None else (plays,)


def first_day(per: Per, moment: Any = SongplayFact.start_time) -> ColumnElement[date]:
    """Return the first day of the period in which a play began.

    >>> print(first_day("week").compile(compile_kwargs={"render_postcompile": True}))
    CAST(date_trunc('week', songplay_fact.start_time) AS DATE)
    """
    known(per)
    return cast(moment if per == "day" else func.date_trunc(constant(per), moment), Date)


def known(per: Per) -> None:
    """Raise a WarehouseError if a step is none of day, week and month."""
    if per not in get_args(Per):
        raise WarehouseError(f"{per!r} is no step of a calendar; give day, week or month")


def ordinal(per: Per, day: ColumnElement[Any]) -> ColumnElement[int]:
    """Return the number of a period by its first day, one more than that of the period before."""
    if per == "month":
        return cast(extract("year", day) * constant(12) + extract("month", day), Integer)
    days = days_between(cast(constant(_MONDAY), Date), day)
    return days if per == "day" else cast(days // constant(7), Integer)


def days_between(earlier: ColumnElement[Any], later: ColumnElement[Any]) -> ColumnElement[int]:
    """Return how many days lie between two dates, negative if they are the other way round."""
    return cast(later - earlier, Integer)
