"""The keys of other tables that refer to a table, to be dropped and created around its copy."""

from __future__ import annotations

from collections.abc import Iterable

from alembic.operations import MigrateOperation, ops
from sqlalchemy import Connection, ForeignKeyConstraint, MetaData, Table, inspect

from musicbee_warehouse.migrations.operations import RebuildTableOp


def reflected(connection: Connection, name: str) -> tuple[Table, list[Table]]:
    """Return a table as it is in the database, and all the tables of its schema."""
    metadata = MetaData()
    metadata.reflect(connection)
    inspector = inspect(connection)
    table = metadata.tables[name]
    table.comment = inspector.get_table_comment(name)["text"]
    return table, list(metadata.tables.values())


def around(copy: RebuildTableOp, tables: Iterable[Table]) -> list[MigrateOperation]:
    """Return a copy with what must be dropped before it and created after it.

    Redshift, like PostgreSQL, drops no table to which a foreign key refers.
    """
    keys = referring(copy.table_name, tables)
    return [
        *(ops.DropConstraintOp.from_constraint(key) for key in keys),
        copy,
        *(ops.CreateForeignKeyOp.from_constraint(key) for key in keys),
    ]


def referring(name: str, tables: Iterable[Table]) -> list[ForeignKeyConstraint]:
    """Return the foreign keys that refer to a table from others."""
    keys = [key for table in tables for key in table.foreign_key_constraints if table.name != name]
    # Alembic reflects a key once and adds it once more.
    named = {str(key.name): key for key in keys if key.referred_table.name == name}
    return [named[each] for each in sorted(named)]
