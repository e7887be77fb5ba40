"""Alembic from the checkout, run as a user runs it, and the functions that run it for him."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import process_time

import pytest
from alembic.script import ScriptDirectory
from small_warehouse import SCHEMAS
from sqlalchemy import text

from alembic import command
from musicbee_warehouse import Base, connect, create_tables, migrations
from musicbee_warehouse.migrations.errors import MigrationError
from musicbee_warehouse.migrations.revision import heads, revisions

ROOT = Path(__file__).parents[2]


@pytest.fixture
def engine():
    engine = connect("duckdb:///:memory:")
    yield engine
    engine.dispose()


def alembic(*arguments, url):
    done = subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "MUSICBEE_WAREHOUSE_URL": url},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def schema(engine):
    with engine.connect() as connection:
        return SCHEMAS[engine.dialect.name](connection)


def test_plain_alembic_works_from_a_checkout(tmp_path):
    url = f"duckdb:///{tmp_path / 'w.duckdb'}"
    alembic("-x", f"url={url}", "upgrade", "head", url="")
    assert "No new upgrade operations" in alembic("check", url=url)
    assert "(head)" in alembic("current", url=url)
    assert "Create the tables" in alembic("history", url=url)
    alembic("downgrade", "base", url=url)
    engine = connect(url)
    assert migrations.current(engine) is None
    engine.dispose()


def test_upgrade_makes_the_schema_that_create_tables_makes(engine):
    other = connect("duckdb:///:memory:")
    migrations.upgrade(engine)
    create_tables(other)
    assert schema(engine) == schema(other)
    assert migrations.current(engine) == migrations.current(other) == heads()[-1]
    assert len(schema(engine)[1]) == len(Base.metadata.tables) + 1
    other.dispose()


def test_what_create_tables_made_can_be_migrated_and_what_was_migrated_is_made(engine):
    create_tables(engine)
    migrations.upgrade(engine)
    create_tables(engine)
    before = schema(engine)
    migrations.upgrade(engine)
    assert schema(engine) == before


def test_an_upgrade_from_an_empty_database_is_quick(engine):
    other = connect("duckdb:///:memory:")
    migrations.upgrade(other)  # so that Alembic and pandas are imported
    other.dispose()
    started = process_time()
    migrations.upgrade(engine)
    assert process_time() - started < 3


def test_a_downgrade_removes_every_table_and_an_upgrade_makes_them_again(engine):
    migrations.upgrade(engine)
    before = schema(engine)
    command.downgrade(migrations.config(engine=engine), "base")
    assert [row.table_name for row in schema(engine)[1]] == ["alembic_version"]
    migrations.upgrade(engine)
    assert schema(engine) == before


def test_an_unknown_revision_is_an_error_of_ours(engine):
    with pytest.raises(MigrationError, match="Can't locate revision identified by 'nonesuch'"):
        migrations.upgrade(engine, "nonesuch")


def test_tables_of_others_are_left_alone(engine):
    migrations.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE an_analysts_own (x INTEGER)"))
    command.check(migrations.config(engine=engine))


def test_the_revisions_read_without_alembic_are_those_that_alembic_reads():
    directory = ScriptDirectory.from_config(migrations.config())
    assert set(revisions()) == {script.revision for script in directory.walk_revisions()}
    assert heads() == sorted(directory.get_heads())
