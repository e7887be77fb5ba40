"""Alembic's operations as Redshift takes them.

Some of Redshift's statements can't run in a transaction: they commit what came before and can't be
rolled back. So that a migration that failed half-way can be run again, each operation looks first
whether it is done already. What Redshift can't do at all is refused, with a remedy. All of it is
from https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html unless told otherwise.

Importing this module lets Alembic use it for every Redshift of the process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn, cast

import sqlalchemy_redshift.dialect  # noqa: F401 - it registers its own, which ours replaces
from alembic.ddl.base import AlterTable, ColumnName, ColumnType, alter_table, format_column_name
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.operations import MigrateOperation, Operations, ops, toimpl
from sqlalchemy import CheckConstraint, Connection, Index, MetaData, Table, func, inspect, select
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import Constraint
from sqlalchemy.sql.compiler import DDLCompiler
from sqlalchemy.types import String, TypeEngine

from musicbee_warehouse.migrations import grants, referrers
from musicbee_warehouse.migrations.design import (
    AUTO,
    NONE,
    Design,
    SortKey,
    encoding_name,
    found,
)
from musicbee_warehouse.migrations.errors import MigrationError
from musicbee_warehouse.migrations.operations import (
    AlterDistributionOp,
    AlterEncodingOp,
    AlterSortKeyOp,
    RebuildTableOp,
)
from musicbee_warehouse.migrations.rebuild import rebuild
from musicbee_warehouse.models import LoadLock

log = logging.getLogger(__name__)

FIXED_ENCODINGS = {"bytedict", "runlength", "text255", "text32k"}
"""Encodings of a VARCHAR whose width can't change."""
_Implementation = Callable[[Operations, Any], Any]


class WarehouseRedshiftImpl(PostgresqlImpl):
    """The operations of a warehouse on Redshift."""

    __dialect__ = "redshift"

    def _exec(self, construct: Any, *arguments: Any, **options: Any) -> Any:
        """Execute or print a statement.

        A migration holds the table by which loads lock each other out, on a connection of its own;
        it lets go to change that very table.
        """
        release = self.context_opts.get("release_lock")
        if release and LoadLock.__tablename__ in str(_compiled(construct, self.dialect)):
            release()
        return super()._exec(construct, *arguments, **options)

    def create_table(self, table: Table, **options: Any) -> None:
        """Create a table, unless it is there already."""
        for index in table.indexes:
            self.create_index(index)
        for constraint in table.constraints:
            _refuse_check(table.name, constraint)
        there = self.designs().get(table.name)
        if there is None:
            super().create_table(table, **options)
        elif set(there.encodings) == set(table.columns.keys()):
            _already(f"table {table.name}")
        else:
            raise MigrationError(
                f"there is a table {table.name} with other columns already; rename or drop it, "
                "or stamp the warehouse with its revision by `alembic stamp`"
            )

    def drop_table(self, table: Table, **options: Any) -> None:
        """Drop a table, unless it is gone already."""
        if self.as_sql or table.name in self.designs():
            super().drop_table(table, **options)

    def create_index(self, index: Index, **_: Any) -> NoReturn:
        """Refuse: Redshift has no indexes."""
        raise MigrationError(
            f"Redshift has no indexes, so {index.name} can't be made; sort the table by the "
            f"column instead, op.alter_sort_key({_table_of(index)!r}, [...])"
        )

    def add_constraint(self, const: Constraint, **options: Any) -> None:
        """Add a key, unless it is there already."""
        name = _table_of(const)
        _refuse_check(name, const)
        if str(const.name) in self.keys(name):
            _already(f"key {const.name}")
        else:
            super().add_constraint(const, **options)

    def drop_constraint(self, const: Constraint, **options: Any) -> None:
        """Drop a key, unless it is gone already."""
        if self.as_sql or str(const.name) in self.keys(_table_of(const)):
            super().drop_constraint(const, **options)

    def rebuild_table(self, table: Table, values: Mapping[str, str]) -> None:
        """Replace a table by a copy of another shape."""
        if self.as_sql:
            self.static_output(f"-- users' rights to {table.name} must be granted again")
        rebuild(self, table, values, self.grants(table.name))

    def designs(self) -> dict[str, Design]:
        """Return the tables that are there; none where statements are only printed."""
        return {} if self.as_sql else found(self.live)

    def grants(self, table: str) -> list[str]:
        """Return the statements that give users their rights to a table."""
        return [] if self.as_sql else grants.statements(self.live, table)

    def keys(self, table: str) -> set[str]:
        """Return the names of a table's keys."""
        if self.as_sql:
            return set()
        inspector = inspect(self.live)
        keys = [*inspector.get_foreign_keys(table), *inspector.get_unique_constraints(table)]
        return {str(key["name"]) for key in [*keys, inspector.get_pk_constraint(table)]}

    @property
    def live(self) -> Connection:
        """The connection to the database; there is none where statements are only printed."""
        return cast(Connection, self.connection)


class AlterDesign(AlterTable):
    """``ALTER TABLE`` with a clause that Redshift alone knows."""

    def __init__(self, table_name: str, clause: str, *columns: str) -> None:
        super().__init__(table_name)
        self.clause, self.columns = clause, columns


@compiles(AlterDesign, "redshift")
def _alter_design(element: AlterDesign, compiler: DDLCompiler, **_: Any) -> str:
    columns = ", ".join(str(format_column_name(compiler, name)) for name in element.columns)
    table = alter_table(compiler, element.table_name, None)
    return f"{table} ALTER {element.clause.format(columns)}"


@compiles(ColumnName, "redshift")
def _rename_column(element: ColumnName, compiler: DDLCompiler, **_: Any) -> str:
    table = alter_table(compiler, element.table_name, element.schema)
    old, new = (format_column_name(compiler, n) for n in (element.column_name, element.newname))
    return f"{table} RENAME COLUMN {old} TO {new}"


def _on_redshift(operation: type[MigrateOperation]) -> Callable[[_Implementation], _Implementation]:
    """Register how Redshift does an operation; other databases keep their way."""
    register: Callable[[_Implementation], _Implementation] = Operations._to_impl.dispatch_for(
        operation, qualifier="redshift", replace=True
    )
    return register


@_on_redshift(AlterDistributionOp)
def _alter_distribution(operations: Operations, operation: AlterDistributionOp) -> None:
    table, (style, key) = operation.table_name, operation.distribution
    there = _impl(operations).designs().get(table)
    if there and there.distribution == operation.distribution:
        _already(f"distribution of {table}")
        return
    clause = AlterDesign(table, f"DISTSTYLE {style}")
    if key:
        clause = AlterDesign(table, "DISTSTYLE KEY DISTKEY {}", key)
    with _without_transaction(operations, operation):
        _impl(operations)._exec(clause)


@_on_redshift(AlterSortKeyOp)
def _alter_sort_key(operations: Operations, operation: AlterSortKeyOp) -> None:
    table, impl = operation.table_name, _impl(operations)
    before = impl.designs().get(table)
    wanted = () if isinstance(operation.sort_key, str) else tuple(operation.sort_key)
    with _without_transaction(operations, operation):
        for statement in _sort_key_statements(table, operation.sort_key):
            impl._exec(statement)
        after = impl.designs().get(table)
        if before and after:
            # Redshift makes RAW of a column that becomes a sort key; what was declared stays.
            for column in wanted:
                if after.encodings[column] != (encoding := before.encodings[column]):
                    impl._exec(_encode(table, column, encoding))


def _sort_key_statements(table: str, sort_key: SortKey) -> Iterator[AlterDesign]:
    """Yield the statements that set a sort key.

    ``AUTO`` keeps the key that is there until Redshift finds a better one, and the catalog doesn't
    tell such a key of an empty table from one that was asked for. So the key goes first.
    """
    if not isinstance(sort_key, str):
        yield AlterDesign(table, "COMPOUND SORTKEY ({})", *sort_key)
        return
    yield AlterDesign(table, f"SORTKEY {NONE}")
    if sort_key.upper() == AUTO:
        yield AlterDesign(table, f"SORTKEY {AUTO}")


@_on_redshift(AlterEncodingOp)
def _alter_encoding(operations: Operations, operation: AlterEncodingOp) -> None:
    table, column = operation.table_name, operation.column_name
    there = _impl(operations).designs().get(table)
    # Redshift refuses to give a column the encoding that it has.
    if there and there.encodings.get(column) == encoding_name(operation.encoding):
        _already(f"encoding of {table}.{column}")
        return
    with _without_transaction(operations, operation):
        _impl(operations)._exec(_encode(table, column, operation.encoding))


def _encode(table: str, column: str, encoding: str) -> AlterDesign:
    return AlterDesign(table, f"COLUMN {{}} ENCODE {encoding_name(encoding)}", column)


@_on_redshift(ops.AddColumnOp)
def _add_column(operations: Operations, operation: ops.AddColumnOp) -> None:
    table, column = operation.table_name, operation.column
    there = _impl(operations).designs().get(table)
    if there and column.name in there.encodings:
        _already(f"column {table}.{column.name}")
        return
    if not column.nullable and column.server_default is None:
        raise MigrationError(
            f"Redshift adds no column that is NOT NULL without a default, such as {table}."
            f"{column.name}; give it a server_default, or let it be NULL, or make the table anew "
            "by op.rebuild_table, as `alembic revision --autogenerate` on Redshift writes it"
        )
    toimpl.add_column(operations, operation)


@_on_redshift(ops.DropColumnOp)
def _drop_column(operations: Operations, operation: ops.DropColumnOp) -> None:
    table, column = operation.table_name, operation.column_name
    there = _impl(operations).designs().get(table)
    if there and column not in there.encodings:
        _already(f"dropping {table}.{column}")
        return
    if there and column in there.keys:
        is_sort_key = column in there.sort_key
        key, remedy = "distribution", "op.alter_distribution({!r}, style='AUTO')"
        if is_sort_key:
            key, remedy = "sort", "op.alter_sort_key({!r}, 'AUTO')"
        raise MigrationError(
            f"Redshift can't drop {table}.{column}, it is the table's {key} key; "
            f"put {remedy.format(table)} before it"
        )
    toimpl.drop_column(operations, operation)


@_on_redshift(ops.AlterColumnOp)
def _alter_column(operations: Operations, operation: ops.AlterColumnOp) -> None:
    table, column = operation.table_name, operation.column_name
    if operation.modify_nullable is not None:
        change = "DROP NOT NULL" if operation.modify_nullable else "SET NOT NULL"
        raise MigrationError(_only_anew(f"{change} on {table}.{column}"))
    if operation.modify_server_default is not False:
        raise MigrationError(_only_anew(f"change the default of {table}.{column}"))
    if operation.modify_type is not None:
        _retype(operations, operation, operation.modify_type)
    impl = _impl(operations)
    if operation.modify_comment is not False:
        impl.alter_column(table, column, comment=operation.modify_comment)
    if operation.modify_name is not None:
        there = impl.designs().get(table)
        if there and column not in there.encodings and operation.modify_name in there.encodings:
            _already(f"renaming {table}.{column}")
        else:
            impl.alter_column(table, column, name=operation.modify_name)


def _only_anew(change: str) -> str:
    return (
        f"Redshift can't {change}; make the table anew by op.rebuild_table, "
        "as `alembic revision --autogenerate` on Redshift writes it"
    )


def _retype(operations: Operations, operation: ops.AlterColumnOp, type_: TypeEngine[Any]) -> None:
    """Change a type: the width of a VARCHAR in place, anything else by a copy of the table."""
    table, column = operation.table_name, operation.column_name
    impl = _impl(operations)
    if impl.as_sql:
        if not (isinstance(type_, String) and isinstance(operation.existing_type, String)):
            raise MigrationError(
                f"Redshift can't change the type of {table}.{column} in place, and a copy of the "
                f"table can be printed only where the migration says what it looks like: use "
                "op.rebuild_table, as `alembic revision --autogenerate` on Redshift writes it"
            )
        _resize(operations, operation, type_)
        return
    before, tables = referrers.reflected(impl.live, table)
    existing = before.columns[column].type
    spell = impl.dialect.type_compiler_instance.process
    if spell(existing) == spell(type_):
        _already(f"type of {table}.{column}")
    elif isinstance(type_, String) and resizable(before, column, found(impl.live)[table]):
        _require_room(impl.live, table, column, type_)
        _resize(operations, operation, type_)
    else:
        after = before.to_metadata(MetaData())
        after.columns[column].type = type_
        why = (f"{column}: {spell(existing)} becomes {spell(type_)}",)
        copy = RebuildTableOp.between(before, after, why, {})
        for step in referrers.around(copy, tables):
            operations.invoke(step)


def resizable(table: Table, column: str, design: Design) -> bool:
    """Tell whether Redshift can change the width of a column in place."""
    each = table.columns[column]
    keys: list[Any] = list(table.constraints)
    in_key = any(column in key.columns for key in keys if not isinstance(key, CheckConstraint))
    return (
        isinstance(each.type, String)
        and each.server_default is None
        and not in_key
        and design.encodings.get(column) not in FIXED_ENCODINGS
    )


def _require_room(connection: Connection, table: str, column: str, type_: String) -> None:
    there = sql_table(table, sql_column(column, String()))
    longest = connection.scalar(select(func.max(func.octet_length(there.c[column])))) or 0
    if type_.length and longest > type_.length:
        raise MigrationError(
            f"{table}.{column} can't be narrowed to {type_.length} bytes, its longest value takes "
            f"{longest}; shorten it first, or keep at least VARCHAR({longest})"
        )


def _resize(operations: Operations, operation: ops.AlterColumnOp, type_: TypeEngine[Any]) -> None:
    with _without_transaction(operations, operation):
        _impl(operations)._exec(ColumnType(operation.table_name, operation.column_name, type_))


@_on_redshift(ops.ExecuteSQLOp)
def _execute(operations: Operations, operation: ops.ExecuteSQLOp) -> None:
    _note_statement(operations)
    toimpl.execute_sql(operations, operation)


@_on_redshift(ops.BulkInsertOp)
def _bulk_insert(operations: Operations, operation: ops.BulkInsertOp) -> None:
    _note_statement(operations)
    toimpl.bulk_insert(operations, operation)


def _note_statement(operations: Operations) -> None:
    """Note that the transaction holds what nobody can tell to be done already."""
    impl = _impl(operations)
    if not impl.as_sql:
        impl.memo["statement in"] = impl.live.get_transaction()


@contextmanager
def _without_transaction(operations: Operations, operation: Any) -> Iterator[None]:
    """Leave the transaction for a statement that Redshift refuses in one.

    That commits what the migration did until then. Where it can't be told whether that is done,
    a migration that fails later couldn't be run again, so it is refused.
    """
    impl = _impl(operations)
    if not impl.as_sql and impl.memo.get("statement in") is not None:
        transaction = impl.live.get_transaction()
        if impl.memo["statement in"] is transaction:
            raise MigrationError(
                f"changing {operation.table_name} here would commit the statements that the "
                "migration executed before, and they would run twice if it failed and was run "
                "again; put them after it, or into a migration of their own"
            )
    with operations.migration_context.autocommit_block():
        yield


def _impl(operations: Operations) -> WarehouseRedshiftImpl:
    return cast(WarehouseRedshiftImpl, operations.impl)


def _already(what: str) -> None:
    log.info("%s is as it is to be already", what)


def _refuse_check(table: str, constraint: Constraint) -> None:
    if isinstance(constraint, CheckConstraint):
        raise MigrationError(
            f"Redshift has no CHECK, so {constraint.name or 'one'} can't be put on {table}; "
            "prove it in a load instead, or leave it to the source of the data"
        )


def _table_of(item: Any) -> str:
    return str(item.table.name)


def _compiled(construct: Any, dialect: Any) -> Any:
    return construct if isinstance(construct, str) else construct.compile(dialect=dialect)
