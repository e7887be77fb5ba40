"""A load on a warehouse whose tables aren't those of the models."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from musicbee_warehouse import connect, create_tables, load, migrations
from musicbee_warehouse.cli import app
from musicbee_warehouse.migrations import BehindError, revision

FILES = {"events": "examples/data/log_data", "songs": "examples/data/song_data"}


@pytest.fixture
def one_behind(monkeypatch):
    """Let there be a migration after those that there are."""
    (newest,) = revision.heads()
    there = {**revision.revisions(), "next": (newest,)}
    monkeypatch.setattr(revision, "revisions", lambda: there)


def test_a_load_on_a_warehouse_behind_the_models_names_the_command(tmp_path, request):
    engine = connect(f"duckdb:///{tmp_path / 'w.duckdb'}")
    create_tables(engine)
    request.getfixturevalue("one_behind")
    with pytest.raises(BehindError, match="run: musicbee-warehouse migrate --url duckdb:///") as no:
        load(engine, **FILES)
    assert "is at revision 0001, behind" in str(no.value)
    assert "needs next" in str(no.value)
    engine.dispose()


def test_a_load_on_a_warehouse_ahead_of_the_models_asks_for_the_newer_version(warehouse):
    with warehouse.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BehindError, match="revision 9999, which this version"):
        load(warehouse, **FILES)


def test_nothing_is_created_in_a_warehouse_that_is_behind(warehouse, request):
    request.getfixturevalue("one_behind")
    with warehouse.begin() as connection:
        connection.execute(text("DROP TABLE load_lock"))
    with pytest.raises(BehindError):
        create_tables(warehouse)
    with warehouse.connect() as connection:
        tables = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'load_lock'"
        assert connection.scalar(text(tables)) == 0


def test_tables_without_a_stamp_are_stamped_if_they_are_those_of_the_models(warehouse):
    with warehouse.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    create_tables(warehouse)
    assert migrations.current(warehouse) == "0001"


def test_tables_without_a_stamp_that_lack_a_column_are_refused(warehouse):
    with warehouse.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
        connection.execute(text("ALTER TABLE song_dim DROP COLUMN title"))
    with pytest.raises(BehindError, match="a table song_dim without the column title"):
        load(warehouse, **FILES)


def test_migrate_migrates_and_says_so(tmp_path):
    url = f"duckdb:///{tmp_path / 'w.duckdb'}"
    done = CliRunner().invoke(app, ["migrate", "--url", url])
    assert (done.exit_code, done.output) == (0, "Migrated from nothing to revision 0001.\n")
    again = CliRunner().invoke(app, ["migrate", "--url", url])
    assert again.output == "The warehouse is at revision 0001 already.\n"


@pytest.mark.parametrize("url", ["redshift+redshift_connector://h/d", "the-name-of-a-cluster"])
def test_migrate_prints_the_sql_and_needs_no_connection(url):
    done = CliRunner().invoke(app, ["migrate", "--sql", "--url", url])
    assert "DISTSTYLE KEY DISTKEY (user_id) SORTKEY (start_time)" in done.output
    assert "RETURNING" not in done.output


def test_migrate_says_in_a_sentence_that_there_is_no_such_revision(tmp_path):
    url = f"duckdb:///{tmp_path / 'w.duckdb'}"
    done = CliRunner().invoke(app, ["migrate", "--url", url, "--revision", "nonesuch"])
    assert done.exit_code == 1
    assert "Can't locate revision identified by 'nonesuch'" in done.output
