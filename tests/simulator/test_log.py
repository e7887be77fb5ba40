"""The simulated log is one that the service could have written."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from itertools import groupby, pairwise

import pytest

from musicbee_warehouse.simulator import simulate

KEYS = [
    "artist",
    "auth",
    "firstName",
    "gender",
    "itemInSession",
    "lastName",
    "length",
    "level",
    "location",
    "method",
    "page",
    "registration",
    "sessionId",
    "song",
    "status",
    "ts",
    "userAgent",
    "userId",
]
DETAILS = ("firstName", "gender", "lastName", "location", "registration", "userAgent")
SIMULATION = simulate(500, 2000, days=20, seed=3, coverage=0.6, newcomers=0.3)


@pytest.fixture(scope="module")
def events():
    return list(SIMULATION.events())


@pytest.fixture(scope="module")
def sessions(events):
    by_session = defaultdict(list)
    for event in events:
        by_session[event["sessionId"]].append(event)
    return list(by_session.values())


def test_there_is_enough_to_look_at(events):
    assert len(events) > 50_000
    assert {event["auth"] for event in events} == {
        "Logged In",
        "Logged Out",
        "Guest",
        "Cancelled",
    }


def test_events_have_the_18_keys_of_the_log_in_its_order(events):
    assert all(list(event) == KEYS for event in events)


def test_values_have_the_types_of_the_log(events):
    for event in events:
        assert type(event["userId"]) is str
        assert type(event["ts"]) is type(event["sessionId"]) is type(event["status"]) is int
        assert type(event["registration"]) in {float, type(None)}
        assert type(event["length"]) in {float, type(None)}


def test_only_plays_have_a_song(events):
    for event in events:
        has = [event[key] is not None for key in ("artist", "song", "length")]
        assert has == [event["page"] == "NextSong"] * 3


def test_who_is_logged_out_is_not_named(events):
    for event in events:
        named = event["auth"] in {"Logged In", "Cancelled"}
        assert bool(event["userId"]) is named
        assert all((event[key] is not None) is named for key in DETAILS)
        assert event["level"] in {"free", "paid"}


def test_pages_have_their_method_and_status(events):
    redirects = {"Cancel", "Login", "Logout", "Save Settings"}
    for event in events:
        page = event["page"]
        if page == "NextSong":
            expected = ("PUT", 200)
        elif page == "Error":
            expected = ("GET", 404)
        elif page in redirects or page.startswith("Submit "):
            expected = ("PUT", 307)
        else:
            expected = ("GET", 200)
        assert (event["method"], event["status"]) == expected


def test_events_are_in_order_of_time_and_within_the_days(events):
    times = [event["ts"] for event in events]
    assert times == sorted(times)
    first, last = (datetime.fromtimestamp(ts / 1000, UTC).date() for ts in (times[0], times[-1]))
    assert (first, last) == (date(2018, 11, 1), date(2018, 11, 20))


def test_milliseconds_are_kept(events):
    assert len({event["ts"] % 1000 for event in events}) > 500


def test_items_of_a_session_count_up_from_0(sessions):
    for session in sessions:
        assert [event["itemInSession"] for event in session] == list(range(len(session)))


def test_a_session_is_of_one_user(sessions):
    assert all(len({event["userId"] for event in session} - {""}) <= 1 for session in sessions)


def test_a_user_never_changes_but_in_level(events):
    users = defaultdict(set)
    for event in events:
        if event["userId"]:
            users[event["userId"]].add(tuple(event[key] for key in DETAILS))
    assert all(len(details) == 1 for details in users.values())


def test_level_and_login_change_only_by_the_pages_that_change_them(sessions):
    changes = {
        ("level", "free", "paid"): "Submit Upgrade",
        ("level", "paid", "free"): "Submit Downgrade",
        ("auth", "Logged In", "Logged Out"): "Logout",
        ("auth", "Logged Out", "Logged In"): "Login",
        ("auth", "Guest", "Logged In"): "Submit Registration",
        ("auth", "Logged In", "Cancelled"): "Cancel",
    }
    seen = set()
    for session in sessions:
        for before, after in pairwise(session):
            for key in ("level", "auth"):
                change = (key, before[key], after[key])
                if before[key] != after[key]:
                    assert before["page"] == changes[change]
                    seen.add(change)
                else:
                    assert before["page"] not in {
                        page for (what, *_), page in changes.items() if what == key
                    }
    assert seen == set(changes)


def test_levels_last_from_session_to_session(events):
    levels = {}
    for event in events:
        user = event["userId"]
        if not user or event["auth"] != "Logged In":
            continue
        known, session = levels.get(user, (event["level"], None))
        if session != event["sessionId"]:
            assert event["level"] == known
        after = {"Submit Upgrade": "paid", "Submit Downgrade": "free"}
        levels[user] = after.get(event["page"], event["level"]), event["sessionId"]


def test_the_next_song_begins_when_the_song_ends(sessions):
    gaps = [
        after["ts"] - before["ts"] - 1000 * int(before["length"])
        for session in sessions
        for before, after in pairwise(session)
        if before["page"] == after["page"] == "NextSong"
    ]
    assert len(gaps) > 1000
    assert set(gaps) == {0}


def test_a_redirect_comes_a_second_after_its_page(sessions):
    gaps = {
        after["ts"] - before["ts"]
        for session in sessions
        for before, after in pairwise(session)
        if after["status"] == 307
    }
    assert gaps == {1000}


def test_sessions_of_a_user_are_half_an_hour_apart(sessions):
    spans = sorted(
        (max(e["userId"] for e in session), session[0]["ts"], session[-1]["ts"])
        for session in sessions
    )
    for user, own in groupby(spans, key=lambda span: span[0]):
        if user:
            assert all(after[1] - before[2] > 1_799_000 for before, after in pairwise(own))


def test_newcomers_register_before_they_listen(events):
    start = 1000 * datetime(2018, 11, 1, tzinfo=UTC).timestamp()
    registered = {e["userId"]: e["registration"] for e in events if e["userId"]}
    newcomers = {user for user, at in registered.items() if at >= start}
    assert 400 < len(newcomers) <= 600
    assert all(e["registration"] <= e["ts"] for e in events if e["userId"])


def test_who_cancels_is_gone(events):
    gone = {}
    for event in events:
        assert event["userId"] not in gone or gone[event["userId"]] == event["sessionId"]
        if event["auth"] == "Cancelled":
            gone[event["userId"]] = event["sessionId"]
    assert gone


def test_the_covered_share_of_plays_is_of_songs_of_the_catalogue(events):
    catalogue = {
        (song["title"], song["artist_name"], song["duration"]) for song in SIMULATION.songs()
    }
    plays = [(e["song"], e["artist"], e["length"]) for e in events if e["page"] == "NextSong"]
    names = {song[:2] for song in catalogue}
    covered = sum(play in catalogue for play in plays)
    assert abs(covered / len(plays) - 0.6) < 0.02
    assert covered == sum(play[:2] in names for play in plays)


@pytest.mark.parametrize("coverage", [0.0, 1.0])
def test_coverage_can_be_none_or_all(coverage):
    simulation = simulate(10, 20, coverage=coverage)
    names = {(song["title"], song["artist_name"]) for song in simulation.songs()}
    plays = [(e["song"], e["artist"]) for e in simulation.events() if e["page"] == "NextSong"]
    assert {play in names for play in plays} == {bool(coverage)}


def test_without_songs_nothing_is_covered_and_without_users_nothing_happens():
    assert any(event["song"] for event in simulate(0, 10, coverage=1.0).events())
    assert list(simulate(10, 0).events()) == []


def test_everyone_can_be_a_newcomer():
    events = simulate(10, 30, newcomers=1.0).events()
    firsts = {}
    for event in events:
        firsts.setdefault(event["sessionId"], event)
    assert firsts[1]["auth"] == "Guest"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"songs": -1}, "songs is -1: give 0 or more."),
        ({"users": -1}, "users is -1: give 0 or more."),
        ({"days": 0}, "days is 0: give 1 or more."),
        ({"coverage": 1.1}, "coverage is 1.1: give a share from 0 to 1."),
        ({"newcomers": -0.1}, "newcomers is -0.1: give a share from 0 to 1."),
    ],
)
def test_numbers_out_of_range_are_refused(wrong, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        simulate(**wrong)
