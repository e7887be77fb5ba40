"""The rights that users have to a table, as statements that give them again to its copy."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

_PRIVILEGES = text(
    """
    SELECT identity_type, identity_name, privilege_type, admin_option
    FROM svv_relation_privileges
    WHERE namespace_name = :schema AND relation_name = :table
    ORDER BY identity_type, identity_name, privilege_type
    """
)
_WHO = {"user": "", "group": "GROUP ", "role": "ROLE "}


def statements(connection: Connection, table: str) -> list[str]:
    """Return the GRANTs of a table, without those of its owner, who has all rights anyway.

    https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_RELATION_PRIVILEGES.html
    """
    schema = connection.dialect.default_schema_name
    rows = connection.execute(_PRIVILEGES, {"schema": schema, "table": table})
    owner = connection.scalar(text("SELECT current_user"))
    return [_grant(connection, table, row) for row in rows if row.identity_name != owner]


def _grant(connection: Connection, table: str, row: Any) -> str:
    quote = connection.dialect.identifier_preparer.quote
    who = "PUBLIC"
    if row.identity_type.lower() in _WHO:
        who = f"{_WHO[row.identity_type.lower()]}{quote(row.identity_name)}"
    again = " WITH GRANT OPTION" if row.admin_option else ""
    return f"GRANT {row.privilege_type} ON {quote(table)} TO {who}{again}"
