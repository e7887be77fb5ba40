"""The operations that Alembic lacks: a table's distribution, sort key and encodings, and its copy.

They are used as Alembic's own, ``op.alter_distribution(...)``, can be reversed, and are written by
``alembic revision --autogenerate``. DuckDB has no such design: there they do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self, cast

from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import AlterTableOp, CreateTableOp
from sqlalchemy import Table
from sqlalchemy.schema import SchemaItem

from musicbee_warehouse.migrations.design import AUTO, SortKey, checked_distribution
from musicbee_warehouse.migrations.rebuild import conversions


@Operations.register_operation("alter_distribution")
class AlterDistributionOp(AlterTableOp):
    """Change how the rows of a table are spread over Redshift's nodes."""

    def __init__(
        self,
        table_name: str,
        distribution: tuple[str, str | None],
        *,
        existing: tuple[str, str | None],
    ) -> None:
        super().__init__(table_name)
        self.distribution, self.existing = distribution, existing

    @classmethod
    def alter_distribution(  # noqa: PLR0913 - the new, and the old as Alembic names it
        cls,
        operations: Operations,
        table_name: str,
        *,
        style: str = AUTO,
        key: str | None = None,
        existing_style: str = AUTO,
        existing_key: str | None = None,
    ) -> None:
        """Change how the rows of a table are spread over Redshift's nodes.

        ``op.alter_distribution("songplay_fact", style="KEY", key="user_id")``

        Args:
            operations: given by Alembic.
            table_name: the table.
            style: ``KEY``, ``ALL``, ``EVEN`` or ``AUTO``.
            key: the column by which rows are spread, of style ``KEY``.
            existing_style: the style until now, for those who read the migration.
            existing_key: the key until now.

        Raises:
            sqlalchemy.exc.ArgumentError: for what is no style, or a key too many or too few.
        """
        wanted = checked_distribution(style, key)
        existing = checked_distribution(existing_style, existing_key)
        operations.invoke(cls(table_name, wanted, existing=existing))

    def reverse(self) -> AlterDistributionOp:
        """Return the way back."""
        return AlterDistributionOp(self.table_name, self.existing, existing=self.distribution)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what ``alembic check`` prints."""
        return ("alter_distribution", self.table_name, self.existing, self.distribution)


@Operations.register_operation("alter_sort_key")
class AlterSortKeyOp(AlterTableOp):
    """Change the columns by which Redshift sorts a table."""

    def __init__(self, table_name: str, sort_key: SortKey, *, existing: SortKey) -> None:
        super().__init__(table_name)
        self.sort_key, self.existing = sort_key, existing

    @classmethod
    def alter_sort_key(
        cls,
        operations: Operations,
        table_name: str,
        sort_key: SortKey,
        *,
        existing: SortKey = AUTO,
    ) -> None:
        """Change the columns by which Redshift sorts a table.

        ``op.alter_sort_key("songplay_fact", ["user_id", "start_time"])``

        Args:
            operations: given by Alembic.
            table_name: the table.
            sort_key: the columns in order, ``"AUTO"`` to let Redshift choose, or ``"NONE"``.
            existing: the sort key until now.
        """
        operations.invoke(cls(table_name, sort_key, existing=existing))

    def reverse(self) -> AlterSortKeyOp:
        """Return the way back."""
        return AlterSortKeyOp(self.table_name, self.existing, existing=self.sort_key)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what ``alembic check`` prints."""
        return ("alter_sort_key", self.table_name, self.existing, self.sort_key)


@Operations.register_operation("alter_encoding")
class AlterEncodingOp(AlterTableOp):
    """Change how Redshift compresses a column."""

    def __init__(
        self, table_name: str, column_name: str, encoding: str, *, existing: str | None
    ) -> None:
        super().__init__(table_name)
        self.column_name, self.encoding, self.existing = column_name, encoding, existing

    @classmethod
    def alter_encoding(
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        encoding: str,
        *,
        existing: str | None = None,
    ) -> None:
        """Change how Redshift compresses a column.

        ``op.alter_encoding("song_dim", "title", "zstd")``

        Args:
            operations: given by Alembic.
            table_name: the table.
            column_name: the column.
            encoding: such as ``zstd``, ``az64`` or ``raw``, see
                https://docs.aws.amazon.com/redshift/latest/dg/c_Compression_encodings.html
            existing: the encoding until now.
        """
        operations.invoke(cls(table_name, column_name, encoding, existing=existing))

    def reverse(self) -> AlterEncodingOp:
        """Return the way back."""
        if self.existing is None:
            raise NotImplementedError(
                f"the encoding that {self.table_name}.{self.column_name} had isn't known"
            )
        return AlterEncodingOp(
            self.table_name, self.column_name, self.existing, existing=self.encoding
        )

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what ``alembic check`` prints."""
        column = f"{self.table_name}.{self.column_name}"
        return ("alter_encoding", column, self.existing, self.encoding)


@Operations.register_operation("rebuild_table")
class RebuildTableOp(CreateTableOp):
    """Replace a table by a copy of another shape: what Redshift can't alter in place."""

    why: tuple[str, ...] = ()
    values: Mapping[str, str] = MappingProxyType({})
    reversed_by: RebuildTableOp

    @classmethod
    def rebuild_table(
        cls,
        operations: Operations,
        table_name: str,
        *columns: SchemaItem,
        values: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """Replace a table by a copy of another shape, as one transaction.

        The rows are copied, the new table takes the name of the old, and its keys, comments and
        grants are put back. Keys of other tables that refer to it are dropped and created around
        this operation.

        ``op.rebuild_table("song_dim", sa.Column("song_id", sa.String(64), nullable=False), ...,
        values={"year": "CAST(year AS INTEGER)"})``

        Args:
            operations: given by Alembic.
            table_name: the table.
            columns: all of its columns and keys from now on, as for ``op.create_table``.
            values: SQL over the table as it is, for each column that isn't copied as it stands: a
                cast, the name that it had, or what a new column holds.
            options: the comment and the ``redshift_...`` arguments of the table.
        """
        operation = cls(table_name, columns, **options)
        operation.values = dict(values or {})
        operations.invoke(operation)

    @classmethod
    def between(
        cls, before: Table, after: Table, why: tuple[str, ...], renamed: Mapping[str, str]
    ) -> Self:
        """Return the operation from one shape of a table to another, and its way back."""
        there, back = (cast(Self, cls.from_table(table)) for table in (after, before))
        old_names = {old: new for new, old in renamed.items()}
        there.values = conversions(before, after, renamed)
        back.values = conversions(after, before, old_names)
        there.why = back.why = why
        there.reversed_by, back.reversed_by = back, there
        return there

    def reverse(self) -> MigrateOperation:  # type: ignore[override]
        """Return the way back."""
        return self.reversed_by

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what ``alembic check`` prints."""
        return ("rebuild_table", self.table_name, *self.why)


@Operations.implementation_for(RebuildTableOp)
def _rebuild_table(operations: Operations, operation: RebuildTableOp) -> None:
    table = operation.to_table(operations.migration_context)
    operations.impl.rebuild_table(table, operation.values)  # type: ignore[union-attr]
