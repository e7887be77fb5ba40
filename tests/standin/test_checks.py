"""What is checked at the end of a session: statements by the grammar, and everything for secrets.

The fixture ``cloud`` makes the checks; here is shown that they would find something.
"""

from __future__ import annotations

import logging

import pytest
from sqlalchemy.exc import DBAPIError

from musicbee_warehouse import InputError, connect
from standin.asked import Statement, Statements
from standin.fixtures import problems
from standin.grammar import shape, unparsable
from standin.leaks import leaks, listening


def test_a_statement_that_the_grammar_does_not_know_is_found():
    found = unparsable([Statement("SELEC 1", 1), Statement("SELECT 1", 1)])
    assert len(found) == 1
    assert found[0].startswith("SELEC 1\n")


@pytest.mark.parametrize(
    "statement",
    [
        Statement("SELEC 1", 1, error="syntax error", state="42601"),
        Statement("SELEC 1", 1, of_stand_in=True),
        Statement("SELECT '\"t\"'::regclass::oid", 1),
        Statement("SHOW transaction isolation level", 1),
    ],
)
def test_what_is_exempt_is_not_held_against_the_grammar(statement):
    assert unparsable([statement]) == []


def test_a_failure_of_another_kind_is_no_exemption():
    assert unparsable([Statement("SELEC 1", 1, error="x", state="XX000")]) != []


def test_statements_of_one_shape_are_parsed_once():
    few = shape("INSERT INTO t VALUES (1, 'a', f(2))")
    many = shape("INSERT  INTO t VALUES (12, 'b', f(3)),\n(4, 'it''s', f(5)), ($1, '', f($3))")
    assert few == many == "INSERT INTO t VALUES (1, '', f(1))"


def test_what_was_understood_once_is_not_parsed_again(monkeypatch):
    understood = {}
    assert unparsable([Statement("SELECT 1", 1)], understood) == []
    monkeypatch.setattr("sqlfluff.core.Linter.parse_string", None)
    assert unparsable([Statement("SELECT  2", 2)], understood) == []
    assert list(understood.values()) == [True]


def test_what_was_not_understood_is_parsed_again():
    understood = {}
    for _ in range(2):
        assert unparsable([Statement("SELEC 1", 1)], understood) != []


def test_a_secret_is_found_and_not_told():
    assert leaks(["password=s3cret", "none"], ["s3cret", ""]) == ["password=***"]


def test_loggers_are_heard_with_their_tracebacks():
    with listening() as logged:
        try:
            raise ValueError("s3cret")
        except ValueError:
            logging.getLogger("musicbee_warehouse.loading").debug("failed", exc_info=True)
        logging.getLogger("sqlalchemy.engine").info("SELECT 'other'")
    assert len(leaks(logged, ["s3cret"])) == 1
    assert len(leaks(logged, ["other"])) == 1


def test_errors_are_heard_though_somebody_catches_them(redshift_url):
    engine = connect(redshift_url)
    with listening() as logged:
        with pytest.raises(InputError):
            raise InputError("s3cret", file="a.json")
        with pytest.raises(DBAPIError), engine.connect() as connection:
            connection.exec_driver_sql("SELECT other_secret")
    engine.dispose()
    told = leaks(logged, ["s3cret", "other_secret"])
    assert "a.json: ***" in told
    assert len([text for text in told if 'column "***" does not exist' in text]) == 2


@pytest.mark.parametrize(
    "statement",
    [
        Statement("SELECT 'open sesame'", 1),
        Statement("SELECT $1", 1, parameters=("open sesame",)),
        Statement("SELECT 1", 1, error="no open sesame"),
    ],
)
def test_the_session_fails_on_a_secret_in_a_statement(statement):
    (problem,) = problems(Statements([statement]), [], {"open sesame"})
    assert problem.startswith("a secret was told: ")
    assert "sesame" not in problem


def test_the_session_fails_on_a_secret_in_output():
    assert problems(Statements(), ["open sesame"], {"open sesame"}) == ["a secret was told: ***"]


def test_the_warehouse_s_password_and_the_key_are_known_as_secrets(cloud):
    assert cloud.warehouse.password in cloud.secrets
    assert cloud.environment["AWS_SECRET_ACCESS_KEY"] in cloud.secrets
