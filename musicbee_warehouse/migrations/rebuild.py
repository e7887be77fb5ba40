"""Replace a table by a copy of another shape, for what a database can't alter in place.

All of it is one transaction, on Redshift too: a table is created and filled, the old one dropped,
and the copy takes its name, keys, comments and grants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alembic.ddl.base import RenameTable
from alembic.ddl.impl import DefaultImpl
from sqlalchemy import Column, DefaultClause, MetaData, String, Table, exists, select
from sqlalchemy.schema import CreateTable, DropTable

from musicbee_warehouse.migrations.errors import MigrationError
from musicbee_warehouse.pipeline import dialect_of

MISSING = "NULL"
"""What a rebuilt table holds in a new column that has no default."""


def conversions(before: Table, after: Table, renamed: Mapping[str, str]) -> dict[str, str]:
    """Return SQL over a table as it is for each column that isn't copied as it stands.

    ``renamed`` tells the old name of a column by its new one.

    >>> from sqlalchemy import BigInteger, Integer, MetaData
    >>> before = Table("t", MetaData(), Column("a", Integer), Column("b", String(9)))
    >>> after = Table("t", MetaData(), Column("a", BigInteger), Column("c", String(9)))
    >>> conversions(before, after, {"c": "b"})
    {'a': 'CAST(a AS BIGINT)', 'c': 'b'}
    """
    return {
        column.name: value
        for column in after.columns
        if (value := _value(before, column, renamed.get(column.name, column.name)))
        != _quoted(column.name)
    }


def _value(before: Table, column: Column[Any], source: str) -> str:
    if source not in before.columns:
        return MISSING if column.server_default is None else _default(column)
    if is_text(column) and is_text(before.columns[source]):
        return _quoted(source)  # a cast would cut what is too long
    spell = dialect_of("redshift").type_compiler_instance.process
    if spell(column.type) == spell(before.columns[source].type):
        return _quoted(source)
    return f"CAST({_quoted(source)} AS {spell(column.type)})"


def is_text(column: Column[Any]) -> bool:
    """Tell whether a column is a VARCHAR, whose width alone may change."""
    return isinstance(column.type, String)


def _default(column: Column[Any]) -> str:
    assert isinstance(column.server_default, DefaultClause)  # noqa: S101 - Redshift knows no other
    default = column.server_default.arg
    return f"'{default}'" if isinstance(default, str) else str(default)


def _quoted(name: str) -> str:
    return dialect_of("redshift").identifier_preparer.quote(name)


def rebuild(
    impl: DefaultImpl, table: Table, values: Mapping[str, str], grants: Sequence[str] = ()
) -> None:
    """Replace a table by its new shape, with the rows that it has.

    Args:
        impl: Alembic's spelling of operations for the database.
        table: the new shape.
        values: SQL over the table as it is, for columns that aren't copied as they stand.
        grants: statements that give users their rights again.

    Raises:
        MigrationError: if rows are there and a new column that is NOT NULL has nothing for them.
    """
    _require_values(impl, table, values)
    copy = _bare(table, f"{table.name}__copy")
    names = ", ".join(map(_quoted, table.columns.keys()))
    sources = ",\n  ".join(values.get(name, _quoted(name)) for name in table.columns.keys())  # noqa: SIM118 - a ColumnCollection yields columns
    fill = (
        f"INSERT INTO {_quoted(copy.name)} ({names})\n"
        f"SELECT\n  {sources}\nFROM {_quoted(table.name)}"
    )
    impl._exec(CreateTable(copy))
    impl.execute(fill.replace(":", r"\:"))
    impl._exec(DropTable(table))
    impl._exec(RenameTable(copy.name, table.name))
    for constraint in table.constraints:
        if len(constraint.columns):  # type: ignore[attr-defined]
            impl.add_constraint(constraint)
    if table.comment:
        impl.create_table_comment(table)
    for column in table.columns:
        if column.comment:
            impl.create_column_comment(column)
    for grant in grants:
        impl.execute(grant)


def _bare(table: Table, name: str) -> Table:
    """Return the columns and the design of a table, without keys and comments.

    Names of keys are those of the table that is still there.
    """
    columns: list[Column[Any]] = [
        Column(
            column.name,
            column.type,
            nullable=column.nullable,
            server_default=column.server_default and column.server_default.arg,  # type: ignore[attr-defined]
            **column.kwargs,
        )
        for column in table.columns
    ]
    return Table(name, MetaData(), *columns, **table.kwargs)


def _require_values(impl: DefaultImpl, table: Table, values: Mapping[str, str]) -> None:
    missing = [
        column.name
        for column in table.columns
        if not column.nullable and values.get(column.name, "").upper() == MISSING
    ]
    if missing and has_rows(impl, table.name):
        raise MigrationError(no_value(table.name, missing[0]))


def no_value(table: str, column: str) -> str:
    """Return what is said of a column that is NOT NULL and new, on a table with rows."""
    return (
        f"{table}.{column} is new and NOT NULL, and {table} has rows that need a value for it: "
        "give the column a server_default, or let it be NULL, "
        f"or say in op.rebuild_table what it holds, values={{{column!r}: '...'}}"
    )


def has_rows(impl: DefaultImpl, table: str) -> bool:
    """Tell whether a table has rows; a script that is only printed can't know, and hopes not."""
    if impl.as_sql or impl.connection is None:
        return False
    there = Table(table, MetaData())
    return bool(impl.connection.scalar(select(exists().select_from(there))))
