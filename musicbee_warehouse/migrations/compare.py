"""What autogenerate sees beyond Alembic: the design on Redshift, primary keys, renamed columns.

The comparators are a plugin of Alembic, by the name ``musicbee_warehouse``, see
https://alembic.sqlalchemy.org/en/latest/api/plugins.html. The last of them puts the operations
into an order in which they can run, and makes one copy of a table of the changes that Redshift
can't make in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from alembic.operations.ops import AlterColumnOp, ModifyTableOps, UpgradeOps
from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import Connection, ForeignKeyConstraint, Table
from sqlalchemy.types import String

from musicbee_warehouse.migrations import referrers
from musicbee_warehouse.migrations.design import (
    AUTO,
    Design,
    SortKey,
    declared,
    found,
)
from musicbee_warehouse.migrations.operations import (
    AlterDistributionOp,
    AlterEncodingOp,
    AlterSortKeyOp,
    RebuildTableOp,
)
from musicbee_warehouse.migrations.redshift import resizable
from musicbee_warehouse.redshift.catalogue import auto_sorted

PLUGIN = "musicbee_warehouse"
RENAMED_FROM = "renamed_from"
"""Where a column says its old name, in ``Column.info``, so that it is renamed and not replaced."""
_CONTINUE = PriorityDispatchResult.CONTINUE
_ORDER = (
    ops.DropConstraintOp,
    ops.AddColumnOp,
    ops.AlterColumnOp,
    AlterDistributionOp,
    AlterSortKeyOp,
    AlterEncodingOp,
    ops.DropColumnOp,
    ops.AddConstraintOp,
    MigrateOperation,
)
"""Operations on a table, in the order in which they can follow each other, backwards too."""


@dataclass(frozen=True)
class _Compared:
    """A table as it is, and as the models have it."""

    before: Table
    after: Table
    design: Design


def setup(plugin: Plugin) -> None:
    """Register the comparators."""
    add = plugin.add_autogenerate_comparator
    add(_remember, "table", "remember", priority=DispatchPriority.FIRST)
    add(_compare_design, "table", "design", qualifier="redshift")
    add(_compare_primary_key, "table", "primary_key", qualifier="redshift")
    add(_finish, "schema", "finish", priority=DispatchPriority.LAST)


def _remember(  # noqa: PLR0913, PLR0917 - as Alembic calls it
    context: AutogenContext,
    operations: ModifyTableOps,  # noqa: ARG001 - as Alembic calls it
    schema: str | None,
    name: str,
    before: Table | None,
    after: Table | None,
) -> PriorityDispatchResult:
    """Keep what is compared for the last comparator, and complete what was reflected."""
    if before is not None:
        design = _designs(context, schema).get(name, Design())
        if _is_redshift(context):
            _describe(before, design)
        if after is not None:
            _compared(context)[name] = _Compared(before, after, design)
    return _CONTINUE


def _compare_design(  # noqa: PLR0913, PLR0917 - as Alembic calls it
    context: AutogenContext,
    operations: ModifyTableOps,
    schema: str | None,
    name: str,
    before: Table | None,
    after: Table | None,
) -> PriorityDispatchResult:
    """Compare distribution, sort key and the encodings that the model names."""
    if before is None or after is None:
        return _CONTINUE
    there, wanted = _designs(context, schema)[name], declared(after)
    if there.distribution != wanted.distribution:
        operations.ops.append(
            AlterDistributionOp(name, wanted.distribution, existing=there.distribution)
        )
    if there.sorting != wanted.sorting:
        operations.ops.append(AlterSortKeyOp(name, _key(wanted), existing=_key(there)))
    operations.ops += [
        AlterEncodingOp(name, column, encoding, existing=there.encodings[column])
        for column, encoding in wanted.encodings.items()
        if there.encodings.get(column, encoding) != encoding
    ]
    return _CONTINUE


def _compare_primary_key(  # noqa: PLR0913, PLR0917 - as Alembic calls it
    context: AutogenContext,  # noqa: ARG001 - as Alembic calls it
    operations: ModifyTableOps,
    schema: str | None,  # noqa: ARG001 - likewise
    name: str,  # noqa: ARG001 - likewise
    before: Table | None,
    after: Table | None,
) -> PriorityDispatchResult:
    """Compare primary keys by their columns; Alembic leaves them alone."""
    if before is None or after is None:
        return _CONTINUE
    there, wanted = before.primary_key, after.primary_key
    if there.columns.keys() != wanted.columns.keys():
        if len(there.columns):
            operations.ops.append(ops.DropConstraintOp.from_constraint(there))
        if len(wanted.columns):
            operations.ops.append(ops.AddConstraintOp.from_constraint(wanted))
    return _CONTINUE


def _finish(
    context: AutogenContext,
    upgrade: UpgradeOps,
    schemas: set[str | None],  # noqa: ARG001 - as Alembic calls it
) -> PriorityDispatchResult:
    """Put renames, copies and the order of operations right."""
    compared = _compared(context)
    before: list[MigrateOperation] = []
    after: list[MigrateOperation] = []
    steps: list[MigrateOperation] = []
    for operation in upgrade.ops:
        if not isinstance(operation, ModifyTableOps):
            steps.append(operation)
            continue
        tables = compared.get(operation.table_name)
        renamed = _rename(operation, tables) if tables else {}
        operation.ops.sort(key=_rank)
        if tables and _is_redshift(context) and (why := _reasons(operation.ops, tables)):
            copy = RebuildTableOp.between(tables.before, tables.after, why, renamed)
            around = referrers.around(copy, (each.before for each in compared.values()))
            steps += [around[len(around) // 2]]
            before += around[: len(around) // 2]
            after += around[len(around) // 2 + 1 :]
            continue
        before += _foreign(operation, ops.DropConstraintOp)
        after += _foreign(operation, ops.CreateForeignKeyOp)
        if not operation.is_empty():
            steps.append(operation)
    upgrade.ops[:] = [*before, *steps, *after]
    return _CONTINUE


def _rename(operation: ModifyTableOps, tables: _Compared) -> dict[str, str]:
    """Make one rename of a column that is gone and one that is new and names it."""
    dropped = {op.column_name: op for op in _of(operation, ops.DropColumnOp)}
    renamed = {}
    for added in _of(operation, ops.AddColumnOp):
        old = tables.after.columns[added.column.name].info.get(RENAMED_FROM)
        if old in dropped:
            renamed[added.column.name] = old
            operation.ops.remove(added)
            operation.ops.remove(dropped[old])
            operation.ops.append(RenameColumnOp.between(tables.before, old, added.column.name))
    return renamed


class RenameColumnOp(AlterColumnOp):
    """An ``op.alter_column(..., new_column_name=...)`` that knows the way back."""

    @classmethod
    def between(cls, table: Table, old: str, new: str) -> RenameColumnOp:
        """Return the operation that renames a column of a table."""
        column = table.columns[old]
        return cls(
            table.name,
            old,
            modify_name=new,
            existing_type=column.type,
            existing_nullable=column.nullable,
        )

    def reverse(self) -> RenameColumnOp:
        """Return the way back."""
        return RenameColumnOp(
            self.table_name,
            str(self.modify_name),
            modify_name=self.column_name,
            existing_type=self.existing_type,
            existing_nullable=self.existing_nullable,
        )

    def to_diff_tuple(self) -> Any:
        """Return what ``alembic check`` prints."""
        return [("rename_column", self.table_name, self.column_name, self.modify_name)]


def _reasons(operations: Iterable[MigrateOperation], tables: _Compared) -> tuple[str, ...]:
    """Return what Redshift can't do in place, in words."""
    reasons = [reason for op in operations if (reason := _reason(op, tables))]
    wanted = declared(tables.after)
    if wanted.interleaved and tables.design.sorting != wanted.sorting:
        reasons.append(f"an interleaved sort key, {', '.join(wanted.sort_key)}")
    elif tables.design.interleaved and any(
        isinstance(op, AlterDistributionOp | AlterEncodingOp) for op in operations
    ):
        reasons.append("another distribution or encoding beside an interleaved sort key")
    return tuple(reasons)


def _reason(operation: MigrateOperation, tables: _Compared) -> str | None:
    if isinstance(operation, ops.AddColumnOp):
        column = operation.column
        missing = not column.nullable and column.server_default is None
        return f"{column.name} is new and NOT NULL" if missing else None
    if not isinstance(operation, AlterColumnOp):
        return None
    name, type_ = operation.column_name, operation.modify_type
    if operation.modify_nullable is not None:
        return f"{name} becomes {'NULL' if operation.modify_nullable else 'NOT NULL'}"
    in_place = isinstance(type_, String) and resizable(tables.before, name, tables.design)
    if type_ is not None and not in_place:
        return f"{name}: {operation.existing_type} becomes {type_}"
    return None


def _foreign(operation: ModifyTableOps, kind: type[MigrateOperation]) -> list[MigrateOperation]:
    """Take the foreign keys out of a table's operations: they go before or after all tables'."""
    taken = [op for op in _of(operation, kind) if _is_foreign(op)]
    for each in taken:
        operation.ops.remove(each)
    return taken


def _is_foreign(operation: Any) -> bool:
    return isinstance(operation.to_constraint(), ForeignKeyConstraint)


def _of(operation: ModifyTableOps, kind: type[Any]) -> list[Any]:
    return [op for op in operation.ops if isinstance(op, kind)]


def _rank(operation: MigrateOperation) -> int:
    return next(rank for rank, kind in enumerate(_ORDER) if isinstance(operation, kind))


def _key(design: Design) -> SortKey:
    return list(design.sort_key) or AUTO


def _describe(table: Table, design: Design) -> None:
    """Give a reflected table the arguments that would declare its design."""
    options = {
        "diststyle": design.style,
        "distkey": design.key,
        "interleaved_sortkey" if design.interleaved else "sortkey": list(design.sort_key) or None,
    }
    for name in ("diststyle", "distkey", "sortkey", "interleaved_sortkey"):
        _argue(table, name, options.get(name))
    for column in table.columns:
        _argue(column, "encode", design.encodings.get(column.name))


def _argue(item: Any, name: str, value: Any) -> None:
    """Set or remove a dialect argument."""
    item.dialect_kwargs[f"redshift_{name}"] = value
    if value is None:
        del item.dialect_kwargs[f"redshift_{name}"]


def _designs(context: AutogenContext, schema: str | None) -> Mapping[str, Design]:
    connection = context.connection
    if not _is_redshift(context) or connection is None:
        return {}
    designs: Mapping[str, Design] = _once(
        context, f"designs of {schema}", lambda: _found(connection, schema)
    )
    return designs


def _found(connection: Connection, schema: str | None) -> dict[str, Design]:
    return found(connection, schema, chosen=auto_sorted(connection, schema))


def _compared(context: AutogenContext) -> dict[str, _Compared]:
    compared: dict[str, _Compared] = _once(context, "compared", dict)
    return compared


def _once(context: AutogenContext, name: str, make: Any) -> Any:
    """Return what is made once for a comparison, and kept where SQLAlchemy keeps reflections."""
    cache = context.inspector.info_cache
    if (PLUGIN, name) not in cache:
        cache[PLUGIN, name] = make()
    return cache[PLUGIN, name]


def _is_redshift(context: AutogenContext) -> bool:
    assert context.dialect is not None  # noqa: S101 - autogenerate always has one
    return context.dialect.name == "redshift"
