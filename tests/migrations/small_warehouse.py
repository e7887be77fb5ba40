"""What a small warehouse of some of the models, with migrations of its own, does and looks like."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from sqlalchemy import text

from alembic import command
from musicbee_warehouse import migrations
from musicbee_warehouse.migrations import design

SCRIPTS = Path(__file__).parents[2] / "alembic"
TABLES = text(
    "SELECT table_name FROM information_schema.tables "
    "WHERE table_schema = current_schema() AND table_name <> 'alembic_version'"
)


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


def write(scripts, upgrade, downgrade="pass"):
    """Write a second migration by hand."""
    script = (
        "import sqlalchemy as sa\nfrom alembic import op\nrevision = '2'\ndown_revision = '1'\n"
        f"def upgrade():\n    {upgrade.strip()}\ndef downgrade():\n    {downgrade}\n"
    )
    (scripts / "versions" / "2_change.py").write_text(script, encoding="utf-8")


def printed(scripts, revisions, *, downgrade=False):
    """Return the SQL of migrations for Redshift; no connection is needed."""
    config = migrations.config(url="redshift://")
    config.set_main_option("script_location", str(scripts))
    config.output_buffer = StringIO()
    (command.downgrade if downgrade else command.upgrade)(config, revisions, sql=True)
    return config.output_buffer.getvalue()


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
    catalogs = (
        "SELECT tablename, * FROM pg_table_def WHERE schemaname = 'public'",
        "SELECT table_name, column_name, column_default FROM information_schema.columns "
        "WHERE table_schema = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) "
        "FROM pg_catalog.pg_constraint WHERE connamespace = 'public'::regnamespace",
        "SELECT objoid::regclass::text, coalesce(attname, ''), description FROM pg_description "
        "LEFT JOIN pg_catalog.pg_attribute ON attrelid = objoid AND attnum = objsubid "
        "WHERE classoid = 'pg_class'::regclass AND objoid > 16384",
        "SELECT relation_name, identity_name, privilege_type FROM svv_relation_privileges "
        "WHERE namespace_name = 'public'",
    )
    found = [sorted(map(str, connection.execute(text(query)))) for query in catalogs]
    return [*found, design.found(connection)]


SCHEMAS = {"duckdb": duckdb_schema, "redshift": redshift_schema}
