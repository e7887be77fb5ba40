"""Which paths are data, and the days they are of."""

from __future__ import annotations

from datetime import date

import pytest

from musicbee_warehouse.loading.names import ENDINGS, days, in_period, is_data, is_leaving


@pytest.mark.parametrize(
    "path",
    [
        "log_data/",
        "log_data/2018/11/",
        "log_data_$folder$",
        "log_data/2018_$folder$",
        ".events.json",
        "._2018-11-01-events.json",
        ".ipynb_checkpoints/2018-11-01-events-checkpoint.json",
        "log_data/.ipynb_checkpoints/a.json",
        ".git/a.json",
        "__MACOSX/a.json",
        "log_data/__MACOSX/2018/a.json",
        "manifest",
        "manifest.json",
        "load/run-7_manifest.json",
        "load/events.manifest",
        "unloaded_manifest",
        "Manifest.JSON",
        "log_json_path.json",
        "events_jsonpaths.json",
        "events-jsonpath.json",
        "log.jsonpaths",
    ],
)
def test_what_tools_leave_is_passed_over(path):
    assert is_leaving(path)
    assert not is_data(path)


@pytest.mark.parametrize(
    "path",
    [
        "2018-11-01-events.json",
        "log_data/2018/11/2018-11-01-events.json",
        "song_data/A/B/C/TRABCEI128F424C983.json",
        "manifest/a.json",
        "jsonpaths/a.json",
        "a.b.json",
        "_a.json",
        "the manifesto.json",
        *(f"a{ending}" for ending in ENDINGS),
    ],
)
def test_json_is_data(path):
    assert is_data(path)


@pytest.mark.parametrize("path", ["README.md", "a.csv", "a", "a.json.bak", "a.gz", "a.json/b.txt"])
def test_another_ending_is_no_data_but_no_leaving_either(path):
    assert not is_data(path)
    assert not is_leaving(path)


def of(first: str, last: str | None = None) -> tuple[date, date]:
    return date.fromisoformat(first), date.fromisoformat(last or first)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("2018-11-05-events.json", of("2018-11-05")),
        ("events-2018-11-05T13.json", of("2018-11-05")),
        ("2018-11-events.json", of("2018-11-01", "2018-11-30")),
        ("log_data/2018/11/2018-11-05-events.json", of("2018-11-05")),
        ("log_data/2018/11/events.json", of("2018-11-01", "2018-11-30")),
        ("log_data/2018/11/05/events.json", of("2018-11-05")),
        ("log_data/2018/11/05/23/events.json", of("2018-11-05")),
        ("2018/02/a.json", of("2018-02-01", "2018-02-28")),
        ("2020/02/a.json", of("2020-02-01", "2020-02-29")),
        ("dt=2018-11-05/a.json", of("2018-11-05")),
        ("2018-11/a.json", of("2018-11-01", "2018-11-30")),
        ("log_data/2018/11/", of("2018-11-01", "2018-11-30")),
        ("2018/2018-11-05-events.json", of("2018-11-05")),
        # the arrival of a late file, its first date, is where it lies
        ("log_data/2018/11/2018-11-08-late-2018-11-05-events.json", of("2018-11-08")),
        # the folder is right where the name contradicts it, so that each file is of one period
        ("log_data/2018/11/2018-12-01-events.json", of("2018-11-01", "2018-11-30")),
        ("log_data/2018/11/archive/2017/05/a.json", of("2018-11-01", "2018-11-30")),
    ],
)
def test_a_path_says_its_days(path, expected):
    assert days(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "song_data/A/B/C/TRABCEI128F424C983.json",
        "log_data/events.json",
        "log_data/2018/events.json",
        "log_data/2018/13/events.json",
        "log_data/2018/11/31/events.json",
        "log_data/12018/11/events.json",
        "log_data/0018/11/events.json",
        "2018-13-events.json",
        "2018-02-30-events.json",
        "120181-11-05.json",
        "a2018-11-05.json",
        "2018-1105.json",
        "20181105.json",
        "part-00000-0123abcd-2018-11ab-8000-001122334455.json",
        "part-00000-0123abcd-2018-1105-8000-001122334455.json",
        "a.json",
        "",
    ],
)
def test_a_path_without_a_date_is_in_every_period(path):
    assert days(path) is None
    assert in_period(path, since=date(2030, 1, 1), until=date(2030, 1, 2))


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, True),
        ("2018-11-05", "2018-11-05", True),
        ("2018-11-05", None, True),
        (None, "2018-11-05", True),
        ("2018-11-06", None, False),
        (None, "2018-11-04", False),
        ("2018-11-06", "2018-11-04", False),
    ],
)
def test_both_ends_of_a_period_are_in_it(since, until, expected):
    period = {
        "since": date.fromisoformat(since) if since else None,
        "until": date.fromisoformat(until) if until else None,
    }
    assert in_period("2018/11/2018-11-05-events.json", **period) is expected


def test_a_file_of_a_month_is_in_if_one_of_its_days_is():
    path = "log_data/2018/11/events.json"
    assert in_period(path, since=date(2018, 11, 30))
    assert in_period(path, until=date(2018, 11, 1))
    assert not in_period(path, since=date(2018, 12, 1))
    assert not in_period(path, until=date(2018, 10, 31))
