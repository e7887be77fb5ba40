"""Alembic from the checkout, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from musicbee_warehouse import Base, connect, create_tables

ROOT = Path(__file__).parents[1]

SCHEMA = text(
    "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
    "WHERE table_name <> 'alembic_version' ORDER BY 1, ordinal_position"
)
COMMENTS = text(
    "SELECT table_name, comment FROM duckdb_tables() "
    "WHERE table_name <> 'alembic_version' ORDER BY 1"
)


def alembic(*arguments: str, url: str = "") -> str:
    environment = {**os.environ, "MUSICBEE_WAREHOUSE_URL": url}
    done = subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def schema(url: str) -> tuple[list[object], list[object]]:
    engine = connect(url)
    with engine.connect() as connection:
        found = (
            [tuple(row) for row in connection.execute(SCHEMA)],
            [tuple(row) for row in connection.execute(COMMENTS)],
        )
    engine.dispose()
    return found


def test_upgrade_makes_the_schema_that_create_tables_makes(tmp_path):
    migrated, created = (f"duckdb:///{tmp_path / name}" for name in ("a.duckdb", "b.duckdb"))
    alembic("upgrade", "head", url=migrated)
    engine = connect(created)
    create_tables(engine)
    engine.dispose()
    assert schema(migrated) == schema(created)
    assert len(schema(migrated)[1]) == len(Base.metadata.tables)


def test_check_is_clean_right_after_an_upgrade_and_downgrade_removes_all(tmp_path):
    url = f"duckdb:///{tmp_path / 'w.duckdb'}"
    alembic("-x", f"url={url}", "upgrade", "head")
    assert "No new upgrade operations" in alembic("check", url=url)
    alembic("downgrade", "base", url=url)
    assert schema(url) == ([], [])


def test_redshift_ddl_is_that_of_the_models():
    script = alembic("-x", "url=redshift+redshift_connector://h/d", "upgrade", "head", "--sql")
    assert "DISTSTYLE KEY DISTKEY (user_id) SORTKEY (start_time)" in script
    assert "CONSTRAINT songplay_fact_user_id_fkey FOREIGN KEY(user_id)" in script
    assert "RETURNING" not in script
