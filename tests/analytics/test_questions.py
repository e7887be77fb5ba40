"""The questions as SQL: what Redshift's grammar takes, and what a warehouse of nothing answers."""

from __future__ import annotations

import re
import subprocess
import sys
from inspect import getdoc

import pytest
from sqlalchemy import Select
from sqlfluff.core import FluffConfig, Linter

from musicbee_warehouse import Pipeline, WarehouseError, analytics, dialect_of
from musicbee_warehouse.analytics import (
    QUESTIONS,
    Device,
    active_users,
    cohort_retention,
    during,
    new_and_returning,
    read_user_agent,
)

PERIODS = ("active_users", "cohort_retention", "conversions", "new_and_returning")
VARIANTS = {
    **{name: question() for name, question in QUESTIONS.items()},
    **{
        f"{name} {per}": QUESTIONS[name](per)
        for name in PERIODS
        for per in ("day", "week", "month")
    },
    "top_songs in a period": QUESTIONS["top_songs"](3, plays=during("2018-11")),
    "stickiness in a period": QUESTIONS["stickiness"](7, plays=during("2018-11-03", "2018-12-09")),
}
LACKING = r"FILTER *\(|DISTINCT ON|generate_series|LATERAL|string_agg|IS DISTINCT FROM|now\(|anon_"


def script(question, dialect="redshift"):
    return Pipeline(question).compile(dialect_of(dialect))


@pytest.fixture(scope="module")
def linter():
    return Linter(config=FluffConfig(overrides={"dialect": "redshift"}))


@pytest.mark.parametrize("name", VARIANTS)
def test_redshift_s_grammar_takes_the_question(linter, name):
    parsed = linter.parse_string(script(VARIANTS[name]))
    unparsable = [segment.raw for segment in parsed.tree.recursive_crawl("unparsable")]
    assert [str(violation) for violation in parsed.violations] + unparsable == []


@pytest.mark.parametrize("name", VARIANTS)
def test_the_question_needs_nothing_that_redshift_lacks(name):
    assert re.findall(LACKING, script(VARIANTS[name]), re.IGNORECASE) == []


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("dialect", ["redshift", "duckdb"])
def test_the_question_has_no_parameters(name, dialect):
    compiled = VARIANTS[name].compile(
        dialect=dialect_of(dialect), compile_kwargs={"render_postcompile": True}
    )
    assert compiled.construct_params() == {}


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_empty_warehouse_answers_without_rows_or_with_zeros(warehouse, name):
    with warehouse.connect() as connection:
        rows = connection.execute(QUESTIONS[name]()).all()
    assert [tuple(row) for row in rows] == {
        "key_figures": [(0, 0, 0, 0.0, 0, None, None)],
        "session_figures": [(0, None, None, None)],
    }.get(name, [])


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_says_what_a_row_is_and_names_every_column(name):
    question = QUESTIONS[name]
    text = " ".join(getdoc(question).split())
    assert isinstance(question(), Select)
    assert text.startswith("Return ")
    undocumented = {"per", "day", "week", "month"}
    for column in question().selected_columns.keys():  # noqa: SIM118 - no dict
        assert column in undocumented or re.search(rf"\b{column}\b", text), column
    assert getattr(analytics, name) is question


def test_questions_are_many():
    assert len(QUESTIONS) >= 15


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("2018-13", "no period"), ("November", "no period"), ("2018-02-30", "no period")],
)
def test_a_wrong_period_is_named(wrong, said):
    with pytest.raises(WarehouseError, match=said):
        during(wrong)


def test_a_period_that_ends_before_it_begins_is_refused():
    with pytest.raises(WarehouseError, match="ends before it begins"):
        during("2018-11", "2018-10")


@pytest.mark.parametrize("question", [active_users, new_and_returning, cohort_retention])
def test_a_step_that_no_calendar_has_is_refused(question):
    with pytest.raises(WarehouseError, match="'year' is no step of a calendar"):
        question("year")


def test_a_period_is_written_as_text_without_a_zone():
    condition = during("2018-W45").compile(compile_kwargs={"render_postcompile": True})
    assert re.findall(r"'[^']*'", str(condition)) == [
        "'2018-11-05 00:00:00'",
        "'2018-11-12 00:00:00'",
    ]


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (
            '"Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) '
            'Chrome/36.0.1985.143 Safari/537.36"',
            Device("Chrome", "Windows", "computer"),
        ),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux i686; rv:31.0) Gecko/20100101 Firefox/31.0",
            Device("Firefox", "Ubuntu", "computer"),
        ),
        (
            '"Mozilla/5.0 (iPhone; CPU iPhone OS 7_1_2 like Mac OS X) AppleWebKit/537.51.2 (KHTML, '
            'like Gecko) Version/7.0 Mobile/11D257 Safari/9537.53"',
            Device("Mobile Safari", "iOS", "phone"),
        ),
        (
            '"Mozilla/5.0 (iPad; CPU OS 7_1_2 like Mac OS X) AppleWebKit/537.51.2 (KHTML, like '
            'Gecko) Version/7.0 Mobile/11D257 Safari/9537.53"',
            Device("Mobile Safari", "iOS", "tablet"),
        ),
        (None, Device("unknown", "unknown", "unknown")),
        ("", Device("unknown", "unknown", "unknown")),
    ],
)
def test_a_user_agent_is_read(agent, device):
    assert read_user_agent(agent) == device


def test_asking_imports_neither_pandas_nor_a_chart():
    code = (
        "import sys; from musicbee_warehouse import connect, create_tables\n"
        "from musicbee_warehouse.analytics import QUESTIONS, during\n"
        "engine = connect('duckdb:///:memory:'); create_tables(engine)\n"
        "with engine.connect() as connection:\n"
        "    for question in QUESTIONS.values(): connection.execute(question()).all()\n"
        "    connection.execute(QUESTIONS['top_songs'](3, plays=during('2018'))).all()\n"
        "print(sorted({'pandas', 'altair', 'jinja2', 'ua_parser'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
