"""The whole scripts: read by Redshift's grammar, and kept in golden files to be read in review.

After a change that means to change the SQL: ``pytest tests/test_grammar.py --update-golden``, then
read the difference as a reviewer of the SQL would.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.schema import CreateTable
from sqlfluff.core import FluffConfig, Linter

from musicbee_warehouse import (
    ArtistDim,
    Base,
    Copy,
    CopyOptions,
    Pipeline,
    StagingEvent,
    StagingSong,
    dialect_of,
    star,
    upsert,
)

GOLDEN = Path(__file__).parent / "golden"
REDSHIFT = star.pipeline(
    "s3://musicbee/log_data",
    "s3://musicbee/song_data",
    events_jsonpaths="s3://musicbee-work/staging_events.jsonpaths",
)
DUCKDB = star.pipeline("examples/data/log_data", "examples/data/song_data")
TABLES = [CreateTable(table) for table in Base.metadata.sorted_tables]
OTHERS = Pipeline(
    Copy(
        StagingEvent,
        "s3://musicbee/it's 100%:a\\b.manifest",
        jsonpaths="s3://musicbee/staging_events.jsonpaths",
        iam_role="arn:aws:iam::123456789012:role/musicbee-copy",
        options=CopyOptions(
            manifest=True,
            gzip=True,
            max_errors=10,
            region="eu-west-1",
            compupdate=False,
            statupdate=True,
        ),
    ),
    *upsert(
        ArtistDim,
        select(StagingSong.artist_id, StagingSong.artist_name.label("name")),
        key="artist_id",
    ),
)


@pytest.fixture(scope="module")
def linter():
    return Linter(config=FluffConfig(overrides={"dialect": "redshift"}))


def not_understood(linter, script):
    parsed = linter.parse_string(script)
    assert parsed.tree is not None
    unparsable = [segment.raw for segment in parsed.tree.recursive_crawl("unparsable")]
    return [str(violation) for violation in parsed.violations] + unparsable


@pytest.mark.parametrize(
    "script",
    ["FROM 's3://musicbee' COPY staging_songs;", "SELECT FROM WHERE;", "MERGE staging_songs;"],
)
def test_the_grammar_refuses_what_is_no_sql(linter, script):
    assert not_understood(linter, script) != []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.element.name)
def test_redshift_s_grammar_takes_the_tables(linter, table):
    assert not_understood(linter, f"{table.compile(dialect=dialect_of('redshift'))};") == []


@pytest.mark.parametrize("pipeline", [REDSHIFT, OTHERS], ids=["load", "copy and upsert"])
def test_redshift_s_grammar_takes_the_statements(linter, pipeline):
    assert not_understood(linter, str(pipeline)) == []


@pytest.mark.parametrize("step", range(len(REDSHIFT)), ids=REDSHIFT.names)
def test_redshift_is_given_no_with_before_an_insert_and_no_unnamed_subquery(step):
    statement = str(REDSHIFT[step : step + 1])
    assert "WITH " not in statement
    assert "anon_" not in statement


@pytest.mark.parametrize(("name", "pipeline"), [("redshift", REDSHIFT), ("duckdb", DUCKDB)])
def test_the_script_is_the_golden_one(request, name, pipeline):
    golden = GOLDEN / f"{name}.sql"
    script = pipeline.compile(dialect_of(name)) + "\n"
    if request.config.getoption("update_golden"):
        golden.write_text(script, encoding="utf-8")
    assert script == golden.read_text(encoding="utf-8")
