"""The operations as text for Redshift, and what is refused there, with a remedy."""

from __future__ import annotations

from functools import cache

import pytest
from model_changes import models
from small_warehouse import Small, printed, write
from sqlalchemy import text
from sqlalchemy.exc import ArgumentError
from sqlfluff.core import FluffConfig, Linter

from musicbee_warehouse import connect, migrations
from musicbee_warehouse.migrations.errors import MigrationError


@pytest.fixture
def script(scripts):
    """Return a function that prints a migration written by hand, as Redshift's SQL."""

    def print_it(upgrade):
        write(scripts, upgrade)
        text = printed(scripts, "1:2")
        assert not_understood(text) == []
        return text

    return print_it


def not_understood(script):
    """Return what Redshift's grammar doesn't take of a script, one piece an entry."""
    parsed = linter().parse_string(script)
    assert parsed.tree is not None
    unparsable = [segment.raw for segment in parsed.tree.recursive_crawl("unparsable")]
    return [str(violation) for violation in parsed.violations] + unparsable


@cache
def linter():
    return Linter(config=FluffConfig(overrides={"dialect": "redshift"}))


def test_the_grammar_takes_the_migrations_of_the_warehouse():
    assert not_understood(migrations.script()) == []


def statements(script):
    """Return the statements of a script, without the bookkeeping of Alembic."""
    lines = [line for line in script.splitlines() if line and not line.startswith("--")]
    found = [each.strip() for each in " ".join(lines).split(";")]
    return [each for each in found if each and "alembic_version" not in each]


OUTSIDE = ["BEGIN", "COMMIT", "{}", "BEGIN", "COMMIT"]
"""A statement outside of the transaction of its migration."""


@pytest.mark.parametrize(
    ("operation", "sql"),
    [
        (
            "op.alter_distribution('song_dim', style='KEY', key='artist_id')",
            "ALTER TABLE song_dim ALTER DISTSTYLE KEY DISTKEY artist_id",
        ),
        (
            "op.alter_distribution('song_dim', style='all')",
            "ALTER TABLE song_dim ALTER DISTSTYLE ALL",
        ),
        (
            "op.alter_sort_key('song_dim', ['artist_id', 'year'])",
            "ALTER TABLE song_dim ALTER COMPOUND SORTKEY (artist_id, year)",
        ),
        (
            "op.alter_sort_key('song_dim', 'NONE')",
            "ALTER TABLE song_dim ALTER SORTKEY NONE",
        ),
        (
            "op.alter_sort_key('song_dim', 'AUTO')",
            "ALTER TABLE song_dim ALTER SORTKEY NONE; ALTER TABLE song_dim ALTER SORTKEY AUTO",
        ),
        (
            "op.alter_encoding('song_dim', 'title', 'LZO')",
            "ALTER TABLE song_dim ALTER COLUMN title ENCODE lzo",
        ),
        (
            "op.alter_column('song_dim', 'title', existing_type=sa.String(64), "
            "type_=sa.String(128))",
            "ALTER TABLE song_dim ALTER COLUMN title TYPE VARCHAR(128)",
        ),
    ],
)
def test_what_redshift_refuses_in_a_transaction_is_printed_outside_of_it(script, operation, sql):
    assert "; ".join(statements(script(operation))) == "; ".join(OUTSIDE).format(sql)


@pytest.mark.parametrize(
    ("operation", "sql"),
    [
        (
            "op.add_column('song_dim', sa.Column('mood', sa.String(8), redshift_encode='zstd'))",
            "ALTER TABLE song_dim ADD COLUMN mood VARCHAR(8) ENCODE zstd",
        ),
        (
            "op.alter_column('song_dim', 'title', new_column_name='start')",
            'ALTER TABLE song_dim RENAME COLUMN title TO "start"',
        ),
        ("op.drop_column('song_dim', 'title')", "ALTER TABLE song_dim DROP COLUMN title"),
    ],
)
def test_the_others_are_printed_in_the_transaction(script, operation, sql):
    assert statements(script(operation)) == ["BEGIN", sql, "COMMIT"]


def test_a_copy_of_a_table_is_printed_as_one_transaction(script):
    printed_script = script(
        "op.rebuild_table('song_dim', sa.Column('song_id', sa.String(64), nullable=False), "
        "sa.Column('year', sa.Integer), sa.PrimaryKeyConstraint('song_id', name='song_dim_pkey'), "
        "comment='A song', values={'year': 'CAST(year AS INTEGER)'}, redshift_diststyle='ALL')"
    )
    assert statements(printed_script) == [
        "BEGIN",
        "CREATE TABLE song_dim__copy (     song_id VARCHAR(64) NOT NULL,      year INTEGER ) "
        "DISTSTYLE ALL",
        "INSERT INTO song_dim__copy (song_id, year) SELECT   song_id,   CAST(year AS INTEGER) "
        "FROM song_dim",
        "DROP TABLE song_dim",
        "ALTER TABLE song_dim__copy RENAME TO song_dim",
        "ALTER TABLE song_dim ADD CONSTRAINT song_dim_pkey PRIMARY KEY (song_id)",
        "COMMENT ON TABLE song_dim IS 'A song'",
        "COMMIT",
    ]
    assert "-- users' rights to song_dim must be granted again" in printed_script


REFUSED = {
    "op.alter_column('song_dim', 'title', nullable=False)": (
        "Redshift can't SET NOT NULL on song_dim.title; make the table anew by op.rebuild_table"
    ),
    "op.alter_column('song_dim', 'title', server_default='x')": (
        "Redshift can't change the default of song_dim.title; make the table anew"
    ),
    "op.add_column('song_dim', sa.Column('n', sa.Integer, nullable=False))": (
        "Redshift adds no column that is NOT NULL without a default, such as song_dim.n; give it "
    ),
    "op.create_index('by_title', 'song_dim', ['title'])": (
        "Redshift has no indexes, so by_title can't be made; sort the table by the column instead"
    ),
    "op.create_check_constraint('old', 'song_dim', 'year > 1900')": (
        "Redshift has no CHECK, so old can't be put on song_dim; prove it in a load instead"
    ),
    "op.create_table('t', sa.Column('n', sa.Integer), sa.CheckConstraint('n > 0', name='pos'))": (
        "Redshift has no CHECK, so pos can't be put on t"
    ),
    "op.create_table('t', sa.Column('n', sa.Integer, index=True))": "Redshift has no indexes",
    "op.alter_distribution('song_dim', style='KEY')": "style KEY needs key, but key is None",
    "op.alter_distribution('song_dim', style='ALL', key='year')": "style ALL takes no key",
    "op.alter_distribution('song_dim', style='ROUND')": "style is 'ROUND'; give KEY, ALL, EVEN",
}


@pytest.mark.parametrize("operation", REFUSED)
def test_what_redshift_cannot_do_is_refused_with_a_remedy(script, operation):
    with pytest.raises((MigrationError, ArgumentError)) as refusal:
        script(operation)
    assert str(refusal.value).startswith(REFUSED[operation])


@pytest.mark.parametrize(
    "operation",
    [
        "op.alter_distribution('song_dim', style='EVEN')",
        "op.alter_sort_key('song_dim', ['year'])",
        "op.alter_encoding('song_dim', 'title', 'lzo')",
        "op.create_primary_key('p', 'staging_songs', ['song_id'])",
        "op.create_foreign_key('f', 'song_dim', 'load_run', ['title'], ['run_id'])",
        "op.drop_constraint('song_dim_pkey', 'song_dim', type_='primary')",
    ],
)
def test_duckdb_has_no_use_for_it_and_says_so(caplog, scripts, operation):
    caplog.set_level("DEBUG", "musicbee_warehouse.migrations")
    engine = connect("duckdb:///:memory:")
    small = Small(engine, scripts)
    small.run("upgrade", models(), "head")
    before = small.schema()
    write(scripts, operation)
    small.run("upgrade", models(), "head")
    assert small.schema() == before
    assert "DuckDB has no use for" in caplog.text
    engine.dispose()


def test_a_copy_of_a_table_can_be_made_on_duckdb_too(scripts):
    engine = connect("duckdb:///:memory:")
    small = Small(engine, scripts)
    small.run("upgrade", models(), "head")
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO song_dim (song_id, artist_id) VALUES ('S', 'A')"))
    write(
        scripts,
        "op.rebuild_table('song_dim', sa.Column('key', sa.String(64), nullable=False), "
        "sa.Column('year', sa.Integer), sa.PrimaryKeyConstraint('key', name='song_dim_pkey'), "
        "comment='A song', values={'key': 'song_id', 'year': '1900 + 86'})",
    )
    small.run("upgrade", models(), "head")
    assert small.rows()["song_dim"] == [{"key": "S", "year": 1986}]
    assert ("song_dim", "A song") in small.schema()[1]
    engine.dispose()
