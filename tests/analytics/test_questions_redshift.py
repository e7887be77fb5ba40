"""The answers on the stand-in for Redshift, against those of DuckDB on the same rows."""

from __future__ import annotations

import pandas as pd
import pytest

from musicbee_warehouse import Base, SongplayFact, connect, create_tables
from musicbee_warehouse.analytics import QUESTIONS, devices, during, frame
from musicbee_warehouse.analytics.report import report_page

PERIODS = {
    "active_users": ("day", "week", "month"),
    "catalogue_coverage": ("week", "month"),
    "cohort_retention": ("day", "week", "month"),
    "conversions": ("day", "week", "month"),
    "new_and_returning": ("day", "week", "month"),
    "plays_over_time": ("day", "week", "month"),
}
ASKED = {
    **{name: question() for name, question in QUESTIONS.items()},
    **{f"{name} {per}": QUESTIONS[name](per) for name, all_ in PERIODS.items() for per in all_},
    "stickiness of a week": QUESTIONS["stickiness"](7),
    "songs of a week": QUESTIONS["top_songs"](50, plays=during("2018-W46")),
    "gaps of paying users": QUESTIONS["catalogue_gaps"](50, plays=SongplayFact.level == "paid"),
    "hours of the first": QUESTIONS["plays_by_hour"](during("2018-11-01", "2018-11-09")).limit(5),
}
TABLES = [t for t in Base.metadata.sorted_tables if not t.name.startswith(("staging", "load"))]


@pytest.fixture(scope="module", params=["simulated", "loaded_sample"])
def engines(request, cloud):
    """Return two engines with the same rows: DuckDB, and a database of the stand-in."""
    duckdb = request.getfixturevalue(request.param)
    database = cloud.new_database()
    redshift = connect(cloud.url(database))
    create_tables(redshift)
    with duckdb.connect() as source, redshift.begin() as target:
        for table in TABLES:
            if rows := [dict(row) for row in source.execute(table.select()).mappings()]:
                target.execute(table.insert(), rows)
    yield duckdb, redshift
    redshift.dispose()
    cloud.databases.drop(database)


@pytest.fixture(scope="module")
def answers(engines):
    """Return a function that gives the rows of a question on DuckDB and on the stand-in."""

    def both(question):
        for engine in engines:
            with engine.connect() as connection:
                yield [tuple(row) for row in connection.execute(question)]

    return both


@pytest.mark.parametrize("name", ASKED)
def test_a_question_has_the_same_answer_on_both_engines(answers, nearly, name):
    here, there = answers(ASKED[name])
    assert here
    assert [list(map(type, row)) for row in there] == [list(map(type, row)) for row in here]
    assert there == nearly(here)


def test_devices_are_the_same_on_both_engines(engines):
    here, there = (devices(engine) for engine in engines)
    assert here == there


def test_pandas_reads_the_same_frame_from_both_engines(engines):
    here, there = (pd.read_sql(QUESTIONS["plays_over_time"]("week"), each) for each in engines)
    pd.testing.assert_frame_equal(here, there)
    here, there = (frame(QUESTIONS["top_songs"](), each, "polars") for each in engines)
    assert here.equals(there)


def test_the_report_of_redshift_shows_what_duckdb_shows(engines):
    here, there = (report_page(engine) for engine in engines)
    figures = [page[page.index("<dl") : page.index("</dl>")] for page in (here, there)]
    assert figures[0] == figures[1]
    assert here.count('class="wide"') == there.count('class="wide"') >= 11
