"""Alembic's operations as DuckDB takes them.

Keys are declared for Redshift, whose planner trusts them, and stay out of DuckDB, which would
enforce them: see :mod:`musicbee_warehouse.models.base`. So a migration names them, and here they
are left out. Importing this module lets Alembic use it for every DuckDB of the process.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from alembic.operations import MigrateOperation, Operations
from duckdb_sqlalchemy.alembic_impl import DuckDBImpl
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.schema import Constraint

from musicbee_warehouse.migrations.errors import MigrationError
from musicbee_warehouse.migrations.operations import (
    AlterDistributionOp,
    AlterEncodingOp,
    AlterSortKeyOp,
)
from musicbee_warehouse.migrations.rebuild import has_rows, no_value, rebuild

log = logging.getLogger(__name__)

_KEYS = (PrimaryKeyConstraint, ForeignKeyConstraint, UniqueConstraint)


class WarehouseDuckDBImpl(DuckDBImpl):
    """The operations of a warehouse on DuckDB: without keys, distribution or encodings."""

    __dialect__ = "duckdb"

    def create_table(self, table: Table, **options: Any) -> None:
        """Create a table without its keys."""
        for constraint in table.constraints:
            if isinstance(constraint, _KEYS):
                constraint.ddl_if(dialect="redshift")
        super().create_table(table, **options)

    def add_column(self, table_name: str, column: Column[Any], **options: Any) -> None:
        """Add a column: DuckDB takes NOT NULL only once the column is there."""
        if column.nullable:
            super().add_column(table_name, column, **options)
            return
        if column.server_default is None and has_rows(self, table_name):
            raise MigrationError(no_value(table_name, column.name))
        column.nullable = True
        super().add_column(table_name, column, **options)
        self.alter_column(table_name, column.name, nullable=False)

    def add_constraint(self, const: Constraint, **options: Any) -> None:
        """Leave keys out; a CHECK is DuckDB's to refuse."""
        if isinstance(const, CheckConstraint):
            super().add_constraint(const, **options)
            return
        leave_out(f"the key {const.name}")

    def drop_constraint(self, const: Constraint, **_: Any) -> None:
        """Drop nothing: there are no keys."""
        leave_out(f"dropping the key {const.name}")

    def correct_for_autogen_foreignkeys(
        self, conn_fks: set[ForeignKeyConstraint], metadata_fks: set[ForeignKeyConstraint]
    ) -> None:
        """Miss no foreign keys in the database."""
        conn_fks.clear()
        metadata_fks.clear()

    def correct_for_autogen_constraints(
        self,
        conn_uniques: Any,
        conn_indexes: Any,
        metadata_unique_constraints: Any,
        metadata_indexes: Any,
    ) -> None:
        """Miss no unique keys in the database."""
        metadata_unique_constraints.clear()
        super().correct_for_autogen_constraints(
            conn_uniques, conn_indexes, metadata_unique_constraints, metadata_indexes
        )

    def rebuild_table(self, table: Table, values: Mapping[str, str]) -> None:
        """Replace a table by a copy of another shape."""
        rebuild(self, table, values)


@Operations.implementation_for(AlterDistributionOp)
@Operations.implementation_for(AlterSortKeyOp)
@Operations.implementation_for(AlterEncodingOp)
def _leave_out_design(_: Operations, operation: MigrateOperation) -> None:
    change, table, *_old_and_new = operation.to_diff_tuple()
    leave_out(f"{change} of {table}")


def leave_out(what: str) -> None:
    """Say that DuckDB has no use for something."""
    log.debug("DuckDB has no use for %s: left out", what)
