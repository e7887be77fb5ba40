"""Draws that give the same number on every platform.

`random.Random.random` and the four operations of arithmetic are the same everywhere; logarithms
and exponentials may differ in their last bit. So each curve here is a table of quantiles, rounded
far above that bit, and a draw is a look-up and an interpolation.
"""

from __future__ import annotations

from itertools import pairwise
from math import exp, log, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_STEPS = 4096


def _table(quantiles: Iterable[float]) -> tuple[float, ...]:
    return tuple(round(quantile, 6) for quantile in quantiles)


# The last step has no end: an exponential is left one mean longer there, a bell four deviations.
EXPONENTIAL = _table(
    [-log(1 - step / _STEPS) for step in range(_STEPS)] + [log(_STEPS) + 1],
)
LOGNORMAL = _table(
    [exp(-4)] + [exp(NormalDist().inv_cdf(step / _STEPS)) for step in range(1, _STEPS)] + [exp(4)],
)


def quantile(table: Sequence[float], share: float) -> float:
    """Return what `share` (0 to under 1) of all draws are below.

    >>> quantile(EXPONENTIAL, 0.5), quantile(LOGNORMAL, 0.5)
    (0.693147, 1.0)
    """
    position = share * (len(table) - 1)
    step = int(position)
    low = table[step]
    return low + (position - step) * (table[step + 1] - low)


def curve(points: Sequence[tuple[float, float]], steps: int = _STEPS) -> tuple[float, ...]:
    """Tabulate quantiles that are known at a few shares, straight lines between them.

    >>> curve([(0, 10), (0.5, 20), (1, 100)], steps=4)
    (10.0, 15.0, 20.0, 60.0, 100.0)
    """
    segments = list(pairwise(points))
    table = []
    for step in range(steps + 1):
        share = step / steps
        (left, low), (right, high) = next(s for s in segments if share <= s[1][0])
        table.append(low + (high - low) * (share - left) / (right - left))
    return _table(table)


class Popularity:
    """Draws of one in `count` things, the first the most popular, with a long tail.

    The weight of rank r falls as (r + 2) ** -0.75, which is how plays fall off in the mission's
    logs: 37 plays of the first song, 28 of the second, 14 of the tenth, and 86 % of the songs
    that were played at all were played once. The sum of that power is a fourth root, so a draw
    is a fourth power: no table, at any count.

    >>> charts = Popularity(1000)
    >>> charts.rank(0.0), charts.rank(0.01), charts.rank(0.5), charts.rank(0.999999)
    (0, 0, 132, 999)
    """

    __slots__ = ("first", "span")

    def __init__(self, count: int) -> None:
        self.first = _fourth_root(2)
        # A hair less than the whole span, or rounding could reach the rank after the last.
        self.span = (_fourth_root(2 + count) - self.first) * (1 - 1e-12)

    def rank(self, share: float) -> int:
        """Return the rank, from 0, that the draw `share` (0 to under 1) falls on."""
        root = self.first + share * self.span
        return int(root * root * root * root - 2)


def _fourth_root(number: float) -> float:
    # Square roots are correctly rounded everywhere (IEEE 754); a power of 0.25 need not be.
    return sqrt(sqrt(number))
