"""Which revision a warehouse is at, told without Alembic, so that a load needn't import it."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    literal,
    text,
)

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.models import Base

VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""The table in which Alembic keeps the revision, as Alembic makes it."""
_IS_STAMPED = text(
    "SELECT count(*) FROM information_schema.tables "
    "WHERE table_schema = current_schema() AND table_name = 'alembic_version'"
)
_COLUMNS = text(
    "SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = current_schema()"
)
_ASSIGNMENT = re.compile(r"^(revision|down_revision)\b[^=\n]*=\s*(.+)$", re.MULTILINE)


class BehindError(WarehouseError):
    """The tables of a warehouse are not those of this version of the library."""


def scripts() -> Path:
    """Return the folder of the migrations: in the package, or beside it in a checkout.

    >>> (scripts() / "versions").is_dir()
    True
    """
    installed = Path(__file__).with_name("scripts")
    return installed if installed.is_dir() else Path(__file__).parents[2] / "alembic"


@cache
def revisions() -> dict[str, tuple[str, ...]]:
    """Return the revisions, each with those that it follows.

    >>> revisions()["0001"]
    ()
    """
    return dict(map(_revision, sorted((scripts() / "versions").glob("*.py"))))


def _revision(path: Path) -> tuple[str, tuple[str, ...]]:
    found = {
        name: ast.literal_eval(value)
        for name, value in _ASSIGNMENT.findall(path.read_text(encoding="utf-8"))
    }
    down = found["down_revision"] or ()
    return found["revision"], (down,) if isinstance(down, str) else tuple(down)


def heads() -> list[str]:
    """Return the newest revision; several where branches weren't merged yet."""
    followed = {name for down in revisions().values() for name in down}
    return sorted(set(revisions()) - followed)


def stamp(connection: Connection) -> None:
    """Note in a new warehouse that it is at the newest revision."""
    for head in heads():
        # A bound value would have DuckDB import pandas where it can.
        version = literal(head, literal_execute=True)
        connection.execute(VERSION.insert().inline().values(version_num=version))


def current(engine: Engine) -> str | None:
    """Return the revision that a warehouse is at, None for one that was never migrated.

    >>> from musicbee_warehouse import connect
    >>> print(current(connect("duckdb:///:memory:")))
    None
    """
    with engine.connect() as connection:
        is_stamped = connection.scalar(_IS_STAMPED)
        stamped = sorted(connection.scalars(VERSION.select())) if is_stamped else []
    return ", ".join(stamped) or None


def require_current(connection: Connection, tables: Collection[str]) -> bool:
    """Tell whether a warehouse is stamped, if it is what the models are.

    Args:
        connection: to the warehouse.
        tables: the names of the tables that it has.

    Raises:
        BehindError: if a migration is missing, or the warehouse is newer than the models. The
            message names the command.
    """
    stamped = list(connection.scalars(VERSION.select())) if VERSION.name in tables else []
    if not stamped:
        _require_columns(connection, tables)
    elif sorted(stamped) != heads():
        raise BehindError(_difference(connection, sorted(stamped)))
    return bool(stamped)


def _difference(connection: Connection, stamped: list[str]) -> str:
    at, needed = ", ".join(stamped), ", ".join(heads())
    if unknown := set(stamped) - set(revisions()):
        return (
            f"the warehouse is at revision {', '.join(sorted(unknown))}, which this version of "
            f"musicbee-warehouse doesn't know, its newest is {needed}; install the version that "
            "migrated it, or a newer one"
        )
    return (
        f"the warehouse is at revision {at}, behind this version of musicbee-warehouse, which "
        f"needs {needed}; run: musicbee-warehouse migrate --url {_address(connection)}"
    )


def _address(connection: Connection) -> str:
    return connection.engine.url.render_as_string(hide_password=True)


def _require_columns(connection: Connection, tables: Collection[str]) -> None:
    """Refuse tables that are there without a stamp, and lack columns of the models."""
    ours = [table for table in Base.metadata.sorted_tables if table.name in tables]
    if not ours:
        return
    there = {(row.table_name, row.column_name) for row in connection.execute(_COLUMNS)}
    for table in ours:
        for column in table.columns:
            if (table.name, column.name) not in there:
                raise BehindError(
                    f"the warehouse has a table {table.name} without the column {column.name}, and "
                    "doesn't say at which revision it is; tell it, by `alembic stamp`, and run: "
                    f"musicbee-warehouse migrate --url {_address(connection)}"
                )
