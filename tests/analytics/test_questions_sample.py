"""The answers on the real sample, against figures that were counted without this project."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import SAWarning

from musicbee_warehouse import SongplayFact, TimeDim
from musicbee_warehouse.analytics import (
    QUESTIONS,
    active_users,
    catalogue_coverage,
    catalogue_gaps,
    cohort_retention,
    conversions,
    devices,
    during,
    key_figures,
    level_history,
    listening_by_decile,
    new_and_returning,
    plays_by_gender,
    plays_by_hour,
    plays_by_level,
    plays_by_location,
    plays_by_weekday,
    plays_by_weekday_and_hour,
    plays_over_time,
    session_figures,
    sessions,
    sessions_by_length,
    stickiness,
    top_artists,
    top_listeners,
    top_songs,
    unplayed_songs,
)

BY_HOUR = [155, 154, 117, 109, 136, 162, 183, 179, 207, 270, 312, 336]
BY_HOUR += [308, 324, 432, 477, 542, 494, 498, 367, 360, 280, 217, 201]


@pytest.fixture(scope="module")
def ask(loaded_sample):
    """Return a function that gives the rows of a question as tuples."""

    def rows(question):
        with loaded_sample.connect() as connection:
            return [tuple(row) for row in connection.execute(question)]

    return rows


@pytest.fixture(scope="module")
def plays(ask):
    """Return the plays, to count them again in plain Python."""
    columns = ("user_id", "start_time", "level", "session_id", "duration")
    return ask(select(*(SongplayFact.__table__.c[name] for name in columns)))


def test_the_key_figures(ask):
    [(plays, listeners, sessions, hours, matched, first, last)] = ask(key_figures())
    assert (plays, listeners, sessions, matched) == (6820, 96, 776, 1)
    assert hours == pytest.approx(467.98881850833)
    assert first == datetime(2018, 11, 1, 21, 1, 46, 796000)
    assert last == datetime(2018, 11, 30, 19, 54, 24, 796000)


def test_the_songs_played_most_are_there_whether_or_not_the_catalogue_has_them(ask):
    assert [(title, plays) for title, _, plays in ask(top_songs(5))] == [
        ("You're The One", 37),
        ("Undo", 28),
        ("Revelry", 27),
        ("Sehr kosmisch", 21),
        ("Horn Concerto No. 4 in E flat K495: II. Romance (Andante cantabile)", 19),
    ]
    assert ("Setanta matins", "Elena", 1) in ask(top_songs(10_000))


def test_the_artists_played_most(ask):
    assert ask(top_artists(5)) == [
        ("Coldplay", 58),
        ("Kings Of Leon", 55),
        ("Dwight Yoakam", 38),
        ("The Black Keys", 36),
        ("Florence + The Machine", 35),
    ]


def test_the_songs_of_all_ranks_have_all_plays(ask):
    assert sum(plays for *_, plays in ask(top_songs(10_000))) == 6820
    assert sum(plays for *_, plays in ask(top_artists(10_000))) == 6820


def test_the_users_who_listen_most(ask):
    assert [row[:4] for row in ask(top_listeners(5))] == [
        (49, "Chloe", "Cuevas", 689),
        (80, "Tegan", "Levine", 665),
        (97, "Kate", "Harrell", 557),
        (15, "Lily", "Koch", 463),
        (44, "Aleena", "Kirby", 397),
    ]


def test_the_places_with_the_most_plays(ask):
    assert [(place, plays) for place, plays, _ in ask(plays_by_location(5))] == [
        ("San Francisco-Oakland-Hayward, CA", 691),
        ("Portland-South Portland, ME", 665),
        ("Lansing-East Lansing, MI", 557),
        ("Chicago-Naperville-Elgin, IL-IN-WI", 475),
        ("Atlanta-Sandy Springs-Roswell, GA", 456),
    ]


def test_the_plays_of_each_weekday_hour_and_week(ask):
    assert [row[:2] for row in ask(plays_by_weekday())] == list(
        enumerate([396, 1014, 1071, 1364, 1052, 1295, 628])
    )
    assert [row[:2] for row in ask(plays_by_hour())] == list(enumerate(BY_HOUR))
    weeks = {week.isocalendar().week: plays for week, plays, *_ in ask(plays_over_time("week"))}
    assert weeks == {44: 410, 45: 1257, 46: 1958, 47: 1711, 48: 1484}


def test_the_hours_of_the_week_add_up_to_hours_and_to_weekdays(ask):
    by_hour, by_weekday = defaultdict(int), defaultdict(int)
    for weekday, hour, plays in ask(plays_by_weekday_and_hour()):
        by_hour[hour] += plays
        by_weekday[weekday] += plays
    assert [by_hour[hour] for hour in range(24)] == BY_HOUR
    assert [by_weekday[day] for day in range(7)] == [396, 1014, 1071, 1364, 1052, 1295, 628]


def test_a_weekday_and_an_hour_are_those_of_time_dim(ask):
    for question, column in (
        (plays_by_weekday(), TimeDim.weekday),
        (plays_by_hour(), TimeDim.hour),
    ):
        computed = question.join(SongplayFact.time).add_columns(column).group_by(column)
        assert all(first == last for first, *_, last in ask(computed))


def test_the_plays_of_each_level_and_gender(ask):
    assert {level: plays for level, plays, *_ in ask(plays_by_level())} == {
        "paid": 5591,
        "free": 1229,
    }
    assert {gender: plays for gender, plays, _ in ask(plays_by_gender())} == {"F": 4887, "M": 1933}


@pytest.mark.parametrize("per", ["day", "week", "month"])
def test_active_users_are_those_counted_in_python(ask, plays, per):
    first = {
        "day": lambda day: day,
        "week": lambda day: day - timedelta(days=day.weekday()),
        "month": lambda day: day.replace(day=1),
    }[per]
    users = defaultdict(set)
    for user, start, *_ in plays:
        users[first(start.date())].add(user)
    counted = sorted((period, len(each)) for period, each in users.items())
    assert ask(active_users(per)) == counted
    assert [(period, listeners) for period, _, listeners, _ in ask(plays_over_time(per))] == counted


@pytest.mark.parametrize("days", [1, 7, 30])
def test_stickiness_is_that_counted_in_python(ask, plays, days):
    users = defaultdict(set)
    for user, start, *_ in plays:
        users[start.date()].add(user)
    expected = []
    for day in sorted(users):
        window = [users[day - timedelta(days=back)] for back in range(days)]
        month = len(set().union(*window))
        expected.append((day, len(users[day]), month, pytest.approx(len(users[day]) / month)))
    assert ask(stickiness(days)) == expected


def test_new_and_returning_listeners_are_all_active_ones(ask):
    weeks = ask(new_and_returning("week"))
    assert [(week, sum(kinds)) for week, *kinds in weeks] == ask(active_users("week"))
    assert sum(new for _, new, _, _ in weeks) == 96
    assert weeks[0][1:] == (41, 0, 0)
    assert weeks[2] == (date(2018, 11, 12), 9, 48, 3)


def test_a_cohort_is_whole_at_age_0_and_cohorts_of_a_week_are_its_active_users(ask):
    cohorts = ask(cohort_retention("week"))
    assert [share for _, age, _, share in cohorts if age == 0] == [1.0] * 5
    active = defaultdict(int)
    for cohort, age, listeners, _ in cohorts:
        active[cohort + timedelta(weeks=age)] += listeners
    assert sorted(active.items()) == ask(active_users("week"))
    assert (date(2018, 11, 5), 1, 17, 0.5) in cohorts


def test_tenths_of_the_listeners_have_all_plays(ask):
    tenths = ask(listening_by_decile())
    assert [tenth for tenth, *_ in tenths] == list(range(1, 11))
    assert [listeners for _, listeners, *_ in tenths] == [10] * 6 + [9] * 4
    assert sum(plays for *_, plays, _ in tenths) == 6820
    assert sum(share for *_, share in tenths) == pytest.approx(1)


def test_sessions_hold_all_plays_and_last_as_counted_in_python(ask, plays):
    starts = defaultdict(list)
    for user, start, _, session, _ in plays:
        starts[session, user].append(start)
    held = {(session, user): tuple(rest) for session, user, *rest in ask(sessions())}
    assert held == {
        key: (min(times), max(times), (max(times) - min(times)).seconds, len(times))
        for key, times in starts.items()
    }
    [(count, mean_plays, mean_minutes, median_minutes)] = ask(session_figures())
    lengths = sorted((max(times) - min(times)).seconds / 60 for times in starts.values())
    assert (count, mean_plays) == (776, pytest.approx(6820 / 776))
    assert mean_minutes == pytest.approx(sum(lengths) / 776)
    assert median_minutes == pytest.approx((lengths[387] + lengths[388]) / 2)


def test_sessions_by_length_go_from_short_to_long(ask):
    assert [row[:2] for row in ask(sessions_by_length())] == [
        ("1", 284),
        ("2-4", 274),
        ("5-9", 77),
        ("10-19", 45),
        ("20-49", 57),
        ("50 and more", 39),
    ]


def test_the_level_history_has_the_106_rows_of_all_events_and_their_levels(ask, sample):
    with (sample.parent / "sparkify" / "expected" / "user_level_history.csv").open() as file:
        expected = [
            (int(row["user_id"]), row["level"], datetime.fromisoformat(row["valid_from_utc"]))
            for row in csv.DictReader(file)
        ]
    history = ask(level_history())
    assert len(history) == 106
    assert [row[:2] for row in history] == [
        row[:2] for row in sorted(expected, key=lambda r: (r[0], r[2]))
    ]


def test_a_level_begins_at_the_first_play_that_has_it_and_ends_with_the_next(ask, sample):
    with (sample / "expected" / "user_level_history.csv").open() as file:
        seen = defaultdict(list)
        for row in csv.DictReader(file):
            seen[int(row["user_id"])].append(datetime.fromisoformat(row["valid_from_utc"]))
    history = defaultdict(list)
    for user, _, since, until in ask(level_history()):
        history[user].append((since, until))
    for user, levels in history.items():
        for (since, until), event in zip(levels, sorted(seen[user]), strict=True):
            assert since >= event
            assert until is None or until > since
        assert [until for _, until in levels[:-1]] == [since for since, _ in levels[1:]]
        assert levels[-1][1] is None


def test_nine_changes_of_level_are_eight_upgrades_and_a_downgrade(ask):
    assert ask(conversions("month")) == [(date(2018, 11, 1), 8, 1)]
    weeks = ask(conversions("week"))
    assert (sum(up for _, up, _ in weeks), sum(down for *_, down in weeks)) == (8, 1)


def test_the_catalogue_lacks_all_songs_but_one(ask):
    assert ask(catalogue_coverage("month")) == [
        (date(2018, 11, 1), 6820, 1, pytest.approx(1 / 6820))
    ]
    assert ask(catalogue_gaps(1)) == [("You're The One", "Dwight Yoakam", 37, 22)]
    assert sum(plays for *_, plays, _ in ask(catalogue_gaps(10_000))) == 6819
    assert len(ask(unplayed_songs(100))) == 70


def test_devices_hold_all_plays_and_listeners(loaded_sample):
    with loaded_sample.connect() as connection:
        used = devices(connection)
    assert sum(use.plays for use in used) == 6820
    assert sum(use.listeners for use in used) == 96
    plays = defaultdict(int)
    for use in used:
        plays[use.device.kind] += use.plays
    assert set(plays) <= {"computer", "phone", "tablet"}
    assert plays["computer"] > plays["phone"] > plays["tablet"]


@pytest.mark.parametrize(
    "name", sorted(set(QUESTIONS) - {"level_history", "conversions", "unplayed_songs"})
)
def test_a_condition_on_plays_is_heeded_before_anything_is_counted(ask, nearly, name):
    assert ask(QUESTIONS[name](plays=SongplayFact.user_id == -1)) == {
        "key_figures": [(0, 0, 0, 0.0, 0, None, None)],
        "session_figures": [(0, None, None, None)],
    }.get(name, [])
    everyone = SongplayFact.user_id > 0
    assert ask(QUESTIONS[name](plays=everyone)) == nearly(ask(QUESTIONS[name]()))


def test_with_a_condition_the_songs_of_other_plays_are_unplayed(ask):
    assert len(ask(unplayed_songs(100, plays=SongplayFact.user_id == -1))) == 71


def test_questions_compose_with_periods_conditions_and_limits(ask):
    paid = plays_by_weekday(during("2018-W46") & (SongplayFact.level == "paid"))
    evening = paid.where(SongplayFact.start_time >= datetime(2018, 11, 14, 18)).limit(2)
    assert 0 < sum(plays for _, plays, _ in ask(evening)) < sum(n for _, n, _ in ask(paid)) < 1958
    assert len(ask(evening)) == 2
    answer = level_history().subquery("answer")
    assert len(ask(select(answer).where(answer.c.user_id == 15))) == 3
    by_time_dim = plays_by_level().join(SongplayFact.time).where(TimeDim.weekday == 0)
    assert sum(plays for _, plays, *_ in ask(by_time_dim)) == 396


def test_a_condition_on_plays_that_a_question_counted_already_is_warned_of(ask):
    with pytest.warns(SAWarning, match="cartesian product"):
        ask(top_songs().where(SongplayFact.level == "paid"))


def test_periods_take_whole_years_months_weeks_and_days(ask):
    def plays(*period):
        return ask(key_figures(during(*period)))[0][0]

    assert plays("2018") == plays("2018-11") == plays("2018-10", "2018-12") == 6820
    assert plays("2018-W46") == 1958
    assert plays("2018-11-15") == plays(date(2018, 11, 15)) == 479
    assert plays("2018-11-14", "2018-11-15") == 390 + 479
    assert plays("2018-12") == plays("2017") == 0
