"""What Redshift's catalogue tells of tables that neither PostgreSQL's nor SQLAlchemy has."""

from __future__ import annotations

from sqlalchemy import Connection, text

_MAY_READ_INFO = text("SELECT has_table_privilege('svv_table_info', 'select')")
_AUTO_SORTED = text(
    """SELECT "table" FROM svv_table_info WHERE "schema" = :schema AND sortkey1 LIKE 'AUTO(%'"""
)


def auto_sorted(connection: Connection, schema: str | None) -> frozenset[str]:
    """Return the tables of a schema whose sort key Redshift chooses itself, as far as it tells.

    It tells superusers and those who were granted it, and of tables with rows alone; an empty table
    has no chosen key yet (https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TABLE_INFO.html).
    """
    if not connection.scalar(_MAY_READ_INFO):
        return frozenset()
    schema = schema or connection.dialect.default_schema_name
    return frozenset(connection.scalars(_AUTO_SORTED, {"schema": schema}))
