"""When listeners listen: the hours of the day and the days of the week."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from math import fsum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY

# How many sessions begin in each hour of the day (UTC), against the mean of 1: a cosine.
_HOURS = (
    *(0.51, 0.39, 0.32, 0.30, 0.32, 0.39, 0.51, 0.65, 0.82, 1.00, 1.18, 1.35),
    *(1.49, 1.61, 1.68, 1.70, 1.68, 1.61, 1.49, 1.35, 1.18, 1.00, 0.82, 0.65),
)
# Monday to Sunday.
_DAYS = (1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.35)


class Rhythm:
    """A clock that runs fast when many listen and slow when few do.

    A listener whose sessions begin at random, evenly by this clock, begins them by day and on
    working days more than at night and at weekends. Both clocks count seconds from the midnight
    (UTC) that `start` begins, and agree over a whole week.

    >>> from datetime import date
    >>> rhythm = Rhythm(date(2018, 11, 1))
    >>> rhythm.clock(7 * 86400.0), rhythm.time(7 * 86400.0)
    (604800.0, 604800.0)
    >>> rhythm.clock(4 * 3600.0) / 3600  # four hours of the night count as not two
    1.8188...
    """

    def __init__(self, start: date) -> None:
        first = start.weekday()
        pace = [_DAYS[(first + day) % 7] * hour for day in range(7) for hour in _HOURS]
        scale = len(pace) / fsum(pace)
        self._pace = [scale * hour for hour in pace]
        self._hours = [0.0, *accumulate(HOUR * hour for hour in self._pace)]
        self._hours[-1] = float(WEEK)

    def clock(self, time: float) -> float:
        """Return what the clock shows at a time."""
        weeks, rest = divmod(time, WEEK)
        hour, second = divmod(rest, HOUR)
        return weeks * WEEK + self._hours[int(hour)] + second * self._pace[int(hour)]

    def time(self, clock: float) -> float:
        """Return the time at which the clock shows this."""
        weeks, rest = divmod(clock, WEEK)
        hour = bisect_right(self._hours, rest) - 1
        return weeks * WEEK + hour * HOUR + (rest - self._hours[hour]) / self._pace[hour]
