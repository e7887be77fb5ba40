"""Migrations on Redshift: all of the models, a failure half-way, locks, grants."""

from __future__ import annotations

import threading
from time import process_time

import pytest
from alembic.config import main as alembic
from model_changes import models
from small_warehouse import SCHEMAS, SCRIPTS, write
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from alembic import command
from musicbee_warehouse import connect, create_tables, migrations
from musicbee_warehouse.migrations import BehindError
from musicbee_warehouse.migrations.errors import MigrationError
from musicbee_warehouse.migrations.revision import VERSION


@pytest.fixture
def engine(redshift_url):
    engine = connect(redshift_url)
    yield engine
    engine.dispose()


@pytest.fixture
def database(redshift_url):
    """Let ``small`` be on Redshift alone."""
    engine = connect(redshift_url)
    yield engine
    engine.dispose()


def schema(engine):
    with engine.connect() as connection:
        return SCHEMAS["redshift"](connection)


def test_upgrade_and_create_tables_make_the_same_schema_and_check_finds_no_difference(engine):
    migrations.script()  # so that Alembic is imported
    started = process_time()
    migrations.upgrade(engine)
    assert process_time() - started < 3
    command.check(migrations.config(engine=engine))
    migrated = schema(engine)
    command.downgrade(migrations.config(engine=engine), "base")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    create_tables(engine)
    assert schema(engine) == migrated
    migrations.upgrade(engine)
    assert schema(engine) == migrated


def test_plain_alembic_works_from_a_checkout(redshift_url, engine, monkeypatch):
    monkeypatch.chdir(SCRIPTS.parent)
    for arguments in ("upgrade head", "check", "current", "history"):
        alembic(["-x", f"url={redshift_url}", *arguments.split()])  # exits if one fails
    assert migrations.current(engine) == "0001"
    monkeypatch.setenv("MUSICBEE_WAREHOUSE_URL", redshift_url)
    alembic(["downgrade", "base"])
    alembic(["upgrade", "head", "--sql"])
    assert migrations.current(engine) is None


def test_a_warehouse_behind_the_models_is_named_without_its_password(engine):
    create_tables(engine)
    with engine.begin() as connection:
        connection.execute(VERSION.update().values(version_num="9999"))
    with pytest.raises(BehindError, match="revision 9999, which this version") as no:
        create_tables(engine)
    assert str(engine.url.password) not in str(no.value)


HALF_WAY = """
    op.add_column('song_dim', sa.Column('mood', sa.String(8), comment='How it feels'))
    op.drop_column('song_dim', 'title')
    op.create_table('playlist', sa.Column('name', sa.String(8)))
    op.drop_constraint('song_dim_artist_id_fkey', 'song_dim', type_='foreignkey')
    op.create_unique_constraint('song_dim_year_key', 'song_dim', ['year'])
    op.alter_column('artist_dim', 'name', new_column_name='known_as')
    op.alter_column('artist_dim', 'location', existing_type=sa.String(512), type_=sa.String(600))
    op.alter_distribution('song_dim', style='EVEN')
    op.alter_sort_key('song_dim', ['year'])
    op.alter_encoding('song_dim', 'mood', 'zstd')
    op.drop_table('staging_songs')
    op.alter_distribution('loaded_file', style='EVEN')
    {last}
"""


def test_a_migration_that_fails_half_way_can_be_run_again(small):
    write(small.scripts, HALF_WAY.format(last="op.execute('SELECT nothing FROM nowhere')"))
    with pytest.raises(DBAPIError, match="nowhere"):
        small.run("upgrade", models(), "head")
    half = schema(small.engine)
    assert "mood" in str(half)
    assert migrations.current(small.engine) == "1"
    write(
        small.scripts, HALF_WAY.format(last="op.add_column('load_run', sa.Column('n', sa.Integer))")
    )
    small.run("upgrade", models(), "head")
    assert migrations.current(small.engine) == "2"
    assert "'n'" in str(schema(small.engine))


def test_statements_that_would_run_twice_are_refused_before_what_commits_them(small):
    write(
        small.scripts,
        "op.execute(\"UPDATE song_dim SET title = title || '!'\")\n"
        "    op.alter_distribution('song_dim', style='EVEN')",
    )
    before = small.rows()
    with pytest.raises(MigrationError, match="would run twice if it failed"):
        small.run("upgrade", models(), "head")
    assert small.rows() == before


def test_statements_after_it_roll_back_when_the_migration_fails(small):
    write(
        small.scripts,
        "op.alter_distribution('song_dim', style='EVEN')\n"
        "    op.execute(\"UPDATE song_dim SET title = title || '!'\")\n"
        "    op.execute('SELECT nothing FROM nowhere')",
    )
    before = small.rows()
    with pytest.raises(DBAPIError):
        small.run("upgrade", models(), "head")
    assert small.rows() == before


def test_a_copy_keeps_grants_comments_and_the_keys_that_refer_to_it(small):
    with small.engine.begin() as connection:
        for statement in (
            "CREATE TABLE load_lock (run_id VARCHAR(32))",  # which the migration then holds
            "CREATE GROUP analysts",
            "CREATE USER reader PASSWORD 'Abc12345'",
            "GRANT SELECT ON artist_dim TO GROUP analysts",
            "GRANT SELECT, DELETE ON artist_dim TO reader",
            "GRANT SELECT ON artist_dim TO PUBLIC",
            "COMMENT ON COLUMN artist_dim.latitude IS 'It''s degrees: 100%'",
        ):
            connection.execute(text(statement.replace(":", r"\:")))
    before, rows = schema(small.engine), small.rows()
    write(
        small.scripts,
        "op.alter_column('artist_dim', 'latitude', existing_type=sa.Double(), "
        "type_=sa.Numeric(9, 6))",
        "op.alter_column('artist_dim', 'latitude', existing_type=sa.Numeric(9, 6), "
        "type_=sa.Double())",
    )
    small.run("upgrade", models(), "head")
    assert "numeric(9,6)" in str(schema(small.engine))
    small.run("downgrade", models(), "1")
    assert schema(small.engine) == before
    assert small.rows() == rows


def test_a_view_on_a_table_that_is_copied_keeps_it_as_it_is(small):
    with small.engine.begin() as connection:
        connection.execute(text("CREATE VIEW titles AS SELECT title FROM song_dim"))
    before, rows = schema(small.engine), small.rows()
    write(
        small.scripts,
        "op.alter_column('song_dim', 'year', existing_type=sa.SmallInteger(), type_=sa.Integer())",
    )
    with pytest.raises(DBAPIError, match="other objects depend on it"):
        small.run("upgrade", models(), "head")
    assert (schema(small.engine), small.rows()) == (before, rows)


@pytest.mark.parametrize(
    ("operation", "refusal"),
    [
        ("op.drop_column('song_dim', 'song_id')", "it is the table's sort key; put op.alter_sort"),
        ("op.drop_column('staging_songs', 'song_id')", "it is the table's distribution key; put"),
        (
            "op.alter_column('song_dim', 'title', existing_type=sa.String(512), "
            "type_=sa.String(8))",
            "song_dim.title can't be narrowed to 8 bytes, its longest value takes 20; shorten",
        ),
        (
            "op.create_table('song_dim', sa.Column('other', sa.Integer))",
            "there is a table song_dim with other columns already; rename or drop it",
        ),
        (
            "op.rebuild_table('load_run', sa.Column('run_id', sa.String(32)), "
            "sa.Column('n', sa.Integer, nullable=False), values={'n': 'NULL'})",
            "load_run.n is new and NOT NULL, and load_run has rows that need a value for it",
        ),
    ],
)
def test_what_the_tables_do_not_allow_is_refused_and_nothing_changes(small, operation, refusal):
    before, rows = schema(small.engine), small.rows()
    write(small.scripts, operation)
    with pytest.raises(MigrationError, match=refusal.replace("(", r"\(")):
        small.run("upgrade", models(), "head")
    assert (schema(small.engine), small.rows()) == (before, rows)


def test_a_migration_waits_for_a_load_to_end(engine):
    create_tables(engine)
    with engine.begin() as connection:
        connection.execute(VERSION.delete())
        connection.execute(text("DROP TABLE staging_overrides"))
    migrated = threading.Event()

    def migrate():
        migrations.upgrade(engine)
        migrated.set()

    with engine.connect() as load:
        load.execute(text("LOCK TABLE load_lock"))
        thread = threading.Thread(target=migrate)
        thread.start()
        assert not migrated.wait(1)
        load.rollback()
    thread.join()
    assert migrated.is_set()
    assert migrations.current(engine) == "0001"


def test_no_load_begins_while_a_migration_is_between_two_transactions(small):
    with small.engine.begin() as connection:
        connection.execute(text("CREATE TABLE load_lock (run_id VARCHAR(32))"))
    write(
        small.scripts,
        "op.alter_distribution('song_dim', style='EVEN')\n"
        "    with op.get_context().autocommit_block():\n"
        "        from sqlalchemy import create_engine, text\n"
        "        from sqlalchemy.exc import DBAPIError\n"
        "        with op.get_bind().engine.connect() as load:\n"
        "            load.execute(text('SET statement_timeout TO 300'))\n"
        "            try:\n"
        "                load.execute(text('LOCK TABLE load_lock'))\n"
        "            except DBAPIError as error:\n"
        "                assert 'cancel' in str(error)\n"
        "            else:\n"
        "                raise AssertionError('a load could begin')",
    )
    small.run("upgrade", models(), "head")


def test_a_migration_can_change_the_table_that_is_locked(engine):
    migrations.upgrade(engine)
    command.downgrade(migrations.config(engine=engine), "base")
    assert migrations.current(engine) is None
