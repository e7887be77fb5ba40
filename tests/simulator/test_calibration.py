"""The simulated log against the mission's own: how far apart are they?"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest

from musicbee_warehouse.simulator import simulate

SAMPLE = Path("../shared/data/sparkify/log_data")
PLAYS = 6820  # in the sample; the more plays, the more often a song is among them

pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason=f"the sample is not in {SAMPLE}")


@dataclass(frozen=True)
class Shape:
    """What a log looks like, in numbers that don't depend on how long it is."""

    events: int
    pages: Counter
    hours: Counter
    weekdays: Counter
    again: dict[str, float]
    session_lengths: dict[str, list[int]]
    sessions_per_user: list[int]
    plays_per_song: list[int]


def shape(events) -> Shape:
    pages, hours, weekdays, plays = Counter(), Counter(), Counter(), Counter()
    sessions = defaultdict(list)
    users = defaultdict(set)
    for event in events:
        at = datetime.fromtimestamp(event["ts"] / 1000, UTC)
        pages[event["page"]] += 1
        hours[at.hour] += 1
        weekdays[at.weekday()] += 1
        sessions[event["sessionId"]].append((event["itemInSession"], event["page"], event["level"]))
        if event["userId"]:
            users[event["userId"]].add(event["sessionId"])
        if event["page"] == "NextSong" and plays.total() < PLAYS:
            plays[event["artist"], event["song"]] += 1
    again, lengths, seen = Counter(), defaultdict(list), Counter()
    for session in sessions.values():
        session.sort()
        lengths[session[0][2]].append(len(session))
        seen.update(level for _, page, level in session if page == "NextSong")
        again.update(
            level
            for (_, page, level), (_, following, _) in pairwise(session)
            if page == following == "NextSong"
        )
    return Shape(
        events=sum(pages.values()),
        pages=pages,
        hours=hours,
        weekdays=weekdays,
        again={level: again[level] / seen[level] for level in seen},
        session_lengths=dict(lengths),
        sessions_per_user=sorted(map(len, users.values())),
        plays_per_song=sorted(plays.values(), reverse=True),
    )


@cache
def real() -> Shape:
    return shape(
        json.loads(line)
        for file in sorted(SAMPLE.rglob("*.json"))
        for line in file.read_text().splitlines()
    )


@cache
def simulated(users: int = 1000, seed: int = 1) -> Shape:
    """A month as the sample's, by ten times the users, so that chance blurs it less."""
    return shape(simulate(14896, users, seed=seed, coverage=0.05, newcomers=0).events())


def distance(one: Counter, other: Counter) -> float:
    """The share of one that would have to move to make it like the other."""
    return 0.5 * sum(abs(one[k] / one.total() - other[k] / other.total()) for k in one | other)


def kolmogorov(one: list[int], other: list[int]) -> float:
    """The most that the shares of two lists that are at most some number differ."""

    def share(values: list[int], most: int) -> float:
        return sum(value <= most for value in values) / len(values)

    return max(abs(share(one, most) - share(other, most)) for most in {*one, *other})


def report(name, real_one, simulated_one):
    print(f"{name}: {real_one:.4f} in the sample, {simulated_one:.4f} simulated")


def test_pages_have_the_sample_s_shares():
    apart = distance(real().pages, simulated().pages)
    print(f"pages: {apart:.4f} apart")
    assert apart < 0.02


@pytest.mark.parametrize(("level", "stated"), [("free", 0.5), ("paid", 0.92)])
def test_a_song_follows_a_song_as_often(level, stated):
    ours = simulated().again[level]
    report(f"NextSong after NextSong, {level}", real().again[level], ours)
    assert ours == pytest.approx(real().again[level], abs=0.01)
    assert ours == pytest.approx(stated, abs=0.01)


@pytest.mark.parametrize("level", ["free", "paid"])
def test_sessions_are_as_long(level):
    theirs, ours = (sorted(s.session_lengths[level]) for s in (real(), simulated()))
    report(f"events in a {level} session", mean(theirs), mean(ours))
    assert mean(ours) == pytest.approx(mean(theirs), rel=0.1)
    assert kolmogorov(theirs, ours) < 0.08


def test_days_have_the_sample_s_hours():
    apart = distance(real().hours, simulated().hours)
    print(f"hours of the day: {apart:.4f} apart")
    assert apart < 0.09


def test_weeks_have_the_sample_s_days():
    # Thanksgiving, a quiet Thursday, is a fortieth of the sample's events.
    apart = distance(real().weekdays, simulated().weekdays)
    print(f"days of the week: {apart:.4f} apart")
    assert apart < 0.09


def test_users_have_as_many_sessions():
    theirs, ours = real().sessions_per_user, simulated().sessions_per_user
    report("sessions of a user", mean(theirs), mean(ours))
    print(f"sessions of a user: {kolmogorov(theirs, ours):.4f} apart")
    assert mean(ours) == pytest.approx(mean(theirs), rel=0.2)
    assert kolmogorov(theirs, ours) < 0.12


def test_some_songs_are_played_as_much_more_than_others():
    theirs, ours = real().plays_per_song, simulated().plays_per_song
    assert sum(ours) == sum(theirs) == PLAYS
    for name, tail in (
        ("the first song's share of plays", lambda plays: plays[0] / PLAYS),
        ("the first ten songs' share of plays", lambda plays: sum(plays[:10]) / PLAYS),
        ("songs that were played, per play", lambda plays: len(plays) / PLAYS),
        ("songs played once, of songs played", lambda plays: plays.count(1) / len(plays)),
    ):
        report(name, tail(theirs), tail(ours))
    assert ours[0] / PLAYS == pytest.approx(theirs[0] / PLAYS, abs=0.003)
    assert sum(ours[:10]) / PLAYS == pytest.approx(sum(theirs[:10]) / PLAYS, abs=0.01)
    assert len(ours) / PLAYS == pytest.approx(len(theirs) / PLAYS, abs=0.1)
    assert ours.count(1) / len(ours) == pytest.approx(theirs.count(1) / len(theirs), abs=0.05)


def test_the_distances_tell_other_logs_apart():
    # Were the bounds above so wide that anything passes, a log of free users only would.
    assert distance(real().pages, Counter(NextSong=1)) > 0.1
    assert distance(real().hours, Counter(range(24))) > 0.15
    assert distance(real().weekdays, Counter(range(7))) > 0.12
    assert kolmogorov(real().session_lengths["paid"], real().session_lengths["free"]) > 0.4
