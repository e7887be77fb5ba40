"""How autogenerate writes our operations into a migration."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import render, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from musicbee_warehouse.migrations.operations import (
    AlterDistributionOp,
    AlterEncodingOp,
    AlterSortKeyOp,
    RebuildTableOp,
)


@renderers.dispatch_for(AlterDistributionOp)
def _distribution(_: AutogenContext, operation: AlterDistributionOp) -> str:
    (style, key), (old_style, old_key) = operation.distribution, operation.existing
    return _call(
        "alter_distribution",
        operation.table_name,
        style=style,
        key=key,
        existing_style=old_style,
        existing_key=old_key,
    )


@renderers.dispatch_for(AlterSortKeyOp)
def _sort_key(_: AutogenContext, operation: AlterSortKeyOp) -> str:
    name, sort_key = operation.table_name, operation.sort_key
    return _call("alter_sort_key", name, sort_key, existing=operation.existing)


@renderers.dispatch_for(AlterEncodingOp)
def _encoding(_: AutogenContext, operation: AlterEncodingOp) -> str:
    column = (operation.table_name, operation.column_name)
    return _call("alter_encoding", *column, operation.encoding, existing=operation.existing)


@renderers.dispatch_for(RebuildTableOp)
def _rebuild(context: AutogenContext, operation: RebuildTableOp) -> list[str]:
    """Write a table as ``op.create_table`` is written, with the reason of the copy above it."""
    table: str = render._add_table(context, operation)
    table = table.replace("create_table", "rebuild_table", 1)
    if operation.values:
        table = table.removesuffix("\n)") + f",\nvalues={dict(operation.values)!r}\n)"
    return [*(f"# {reason}" for reason in operation.why), table]


@renderers.dispatch_for(ops.CreatePrimaryKeyOp, replace=True)
def _primary_key(_: AutogenContext, operation: ops.CreatePrimaryKeyOp) -> str:
    name, columns = str(operation.constraint_name), list(map(str, operation.columns))
    return _call("create_primary_key", name, operation.table_name, columns)


def _call(function: str, *arguments: Any, **named: Any) -> str:
    given = [repr(value) for value in arguments]
    given += [f"{name}={value!r}" for name, value in named.items() if value is not None]
    return f"op.{function}({', '.join(given)})"
