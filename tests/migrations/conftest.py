"""A small warehouse on either engine, with migrations of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from changes import ROWS, models
from sqlalchemy import inspect, text

from alembic import command
from musicbee_warehouse import connect, migrations
from musicbee_warehouse.migrations import design

SCRIPTS = Path(__file__).parents[2] / "alembic"
TABLES = text(
    "SELECT table_name FROM information_schema.tables "
    "WHERE table_schema = current_schema() AND table_name <> 'alembic_version'"
)


@pytest.fixture(scope="session")
def first(tmp_path_factory):
    """Return a folder of migrations whose first, by autogenerate, makes the small models."""
    scripts = tmp_path_factory.mktemp("migrations") / "alembic"
    (scripts / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako"):
        shutil.copy(SCRIPTS / name, scripts)
    engine = connect("duckdb:///:memory:")
    Small(engine, scripts).propose(models(), "1")
    engine.dispose()
    return scripts


@pytest.fixture(params=["duckdb"])
def small(first, tmp_path):
    """Return a warehouse of the small models, with a few rows."""
    url = "duckdb:///:memory:"
    engine = connect(url)
    warehouse = Small(engine, shutil.copytree(first, tmp_path / "alembic"))
    warehouse.run("upgrade", models(), "head")
    with engine.begin() as connection:
        for table, rows in ROWS.items():
            connection.execute(models().tables[table].insert().inline(), rows)
    yield warehouse
    engine.dispose()


class Small:
    """A warehouse with migrations of its own."""

    def __init__(self, engine, scripts):
        self.engine, self.scripts = engine, scripts

    @property
    def name(self):
        return self.engine.dialect.name

    def run(self, name, metadata, *arguments, **options):
        """Run a command of Alembic, that compares with the models given."""
        config = migrations.config(engine=self.engine, metadata=metadata)
        config.set_main_option("script_location", str(self.scripts))
        return getattr(command, name)(config, *arguments, **options)

    def propose(self, metadata, revision="2"):
        """Write a migration by autogenerate, and return the names of its operations."""
        diffs = []
        self.run(
            "revision",
            metadata,
            "Change",
            autogenerate=True,
            rev_id=revision,
            process_revision_directives=lambda _, __, found: diffs.extend(
                found[0].upgrade_ops.as_diffs()
            ),
        )
        return [name_of(diff) for diff in diffs]

    def write(self, upgrade, downgrade="pass", revision="2"):
        """Write a migration by hand."""
        path = self.scripts / "versions" / f"{revision}_change.py"
        path.write_text(
            "import sqlalchemy as sa\nfrom alembic import op\n"
            f"revision = {revision!r}\ndown_revision = '1'\n"
            f"def upgrade():\n    {upgrade}\ndef downgrade():\n    {downgrade}\n",
            encoding="utf-8",
        )

    def text(self, revision="2"):
        """Return the text of a migration."""
        (path,) = (self.scripts / "versions").glob(f"{revision}_*.py")
        return path.read_text(encoding="utf-8")

    def rows(self):
        """Return the rows of all tables, each a dictionary of its values."""
        with self.engine.connect() as connection:
            return {table: read(connection, table) for table in connection.scalars(TABLES).all()}

    def schema(self):
        """Return all that the catalog tells of the tables."""
        with self.engine.connect() as connection:
            return SCHEMAS[self.name](connection)


def name_of(diff):
    """Return what a difference is called, where Alembic gives a tuple or a list of tuples."""
    name = diff[0] if isinstance(diff[0], str) else diff[0][0]
    return "modify" if name.startswith("modify") else name


def read(connection, table):
    rows = connection.execute(text(f"SELECT * FROM {table} ORDER BY 1")).mappings()
    return [dict(row) for row in rows]


def duckdb_schema(connection):
    catalogs = (
        "SELECT table_name, column_name, data_type, is_nullable, column_default, comment "
        "FROM duckdb_columns() WHERE NOT internal ORDER BY ALL",
        "SELECT table_name, comment FROM duckdb_tables() ORDER BY ALL",
        "SELECT table_name, constraint_text FROM duckdb_constraints() ORDER BY ALL",
    )
    return [connection.execute(text(query)).all() for query in catalogs]


def redshift_schema(connection):
    inspector, designs = inspect(connection), design.found(connection)
    return {table: described(inspector, table, designs[table]) for table in designs}


def described(inspector, table, placed):
    columns = {
        column["name"]: (str(column["type"]), *map(column.get, ("nullable", "default", "comment")))
        for column in inspector.get_columns(table)
    }
    keys = [
        inspector.get_pk_constraint(table),
        *inspector.get_foreign_keys(table),
        *inspector.get_unique_constraints(table),
    ]
    return columns, sorted(map(str, keys)), inspector.get_table_comment(table), placed


SCHEMAS = {"duckdb": duckdb_schema, "redshift": redshift_schema}
