"""Draws, clocks and moves, each by itself."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicbee_warehouse.simulator.chance import EXPONENTIAL, LOGNORMAL, Popularity, quantile
from musicbee_warehouse.simulator.machine import Machine
from musicbee_warehouse.simulator.rhythm import Rhythm

shares = st.floats(0, 1, exclude_max=True)
starts = st.dates(date(2000, 1, 1), date(2030, 1, 1))


@given(st.integers(1, 10**9), shares)
def test_a_rank_is_one_of_them(count, share):
    assert 0 <= Popularity(count).rank(share) < count


@given(st.integers(1, 10**9))
def test_the_last_draw_is_of_the_last_rank(count):
    charts = Popularity(count)
    assert charts.rank(0.0) == 0
    assert charts.rank(1 - 2**-53) == count - 1


def test_popularity_falls_as_a_power():
    random = Random(1).random
    ranks = [Popularity(100_000).rank(random()) for _ in range(100_000)]
    expected = (3**0.25 - 2**0.25) / (100_002**0.25 - 2**0.25)
    assert ranks.count(0) / len(ranks) == pytest.approx(expected, rel=0.1)
    assert ranks.count(0) > ranks.count(3) > ranks.count(30) > ranks.count(300)


@pytest.mark.parametrize(("table", "mean"), [(EXPONENTIAL, 1.0), (LOGNORMAL, 1.6487)])
def test_tables_have_the_mean_of_their_curve(table, mean):
    shares = [(step + 0.5) / 100_000 for step in range(100_000)]
    assert sum(quantile(table, share) for share in shares) / len(shares) == pytest.approx(
        mean, rel=0.01
    )


@given(shares, shares)
def test_quantiles_rise(one, other):
    low, high = sorted((one, other))
    assert quantile(EXPONENTIAL, low) <= quantile(EXPONENTIAL, high)
    assert quantile(LOGNORMAL, low) <= quantile(LOGNORMAL, high)


@given(starts, st.floats(0, 4e7))
def test_the_clock_can_be_read_both_ways(start, time):
    rhythm = Rhythm(start)
    assert rhythm.time(rhythm.clock(time)) == pytest.approx(time, abs=1e-3)


@given(starts)
def test_the_clock_is_slow_on_sundays(start):
    rhythm = Rhythm(start)
    sunday = next(day for day in range(7) if (start + timedelta(day)).weekday() == 6)
    paces = [rhythm.clock(86400.0 * (day + 1)) - rhythm.clock(86400.0 * day) for day in range(7)]
    assert paces.index(min(paces)) == sunday
    assert sum(paces) == pytest.approx(7 * 86400)


def test_chances_of_a_page_are_not_more_than_one():
    for state in Machine().states.values():
        assert len(state.destinations) == len(state.cumulative) + 1
        assert not state.cumulative or state.cumulative[-1] <= 1 + 1e-9


def test_every_page_can_be_reached():
    machine = Machine()
    open_states = [
        machine.entry(*visitor, 0.0)
        for visitor in (("Guest", "free"), ("Logged In", "free"), ("Logged In", "paid"))
    ]
    reached = set()
    while open_states:
        state = open_states.pop()
        if state in reached:
            continue
        reached.add(state)
        open_states += [following for following in state.destinations if following]
    assert reached == set(machine.states.values())
