"""What the tables have in common: their metadata, and keys declared but not enforced."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    event,
)
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column
from sqlalchemy.sql.schema import Constraint
from sqlalchemy.types import TypeEngine

from musicbee_warehouse import display
from musicbee_warehouse.redshift import arguments

arguments.register()

JSON_KEY = "json_key"
"""Where a staging column keeps, in ``Column.info``, the key of the JSON object that fills it."""
JSON_QUOTED = "json_quoted"
"""Where a staging column keeps whether its source writes numbers as text, ``"39"``."""


class Base(DeclarativeBase):
    """The declarative base of all tables; ``Base.metadata`` is the schema of the warehouse."""

    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
        }
    )

    def __repr__(self) -> str:
        """Show the row as its columns, which is what one looks for in a notebook."""
        columns = self.__table__.columns.keys()
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in columns)
        return f"{type(self).__name__}({values})"

    def _repr_html_(self) -> str:
        values = {name: getattr(self, name) for name in self.__table__.c.keys()}  # noqa: SIM118 - no dict
        shown = ([n, str(v) if isinstance(v, datetime) else repr(v)] for n, v in values.items())
        return display.table_html(["column", "value"], list(shown))


@event.listens_for(PrimaryKeyConstraint, "after_parent_attach")
@event.listens_for(ForeignKeyConstraint, "after_parent_attach")
@event.listens_for(UniqueConstraint, "after_parent_attach")
def _declare_for_redshift_alone(constraint: Constraint, parent: Any) -> None:
    """Keep keys out of DuckDB's DDL.

    Redshift never enforces keys, its planner only trusts them; DuckDB enforces them, at 1.3 to 3
    times the time of a load. Declared for both and enforced on neither, they mean the same on both.
    """
    if isinstance(parent, Table) and parent.metadata is Base.metadata:
        constraint.ddl_if(dialect="redshift")


def read_from(
    key: str, type_: TypeEngine[Any], *parts: Any, quoted: bool = False, **options: Any
) -> MappedColumn[Any]:
    """Declare a column that is filled from ``key`` of a JSON object.

    ``quoted`` tells that the source writes its numbers as text, or ``""`` where there is none.
    """
    info = {JSON_KEY: key, JSON_QUOTED: quoted, **options.pop("info", {})}
    return mapped_column(type_, *parts, info=info, **options)


def json_key(column: Column[Any]) -> str:
    """Return the key of the JSON object that fills a staging column.

    >>> from musicbee_warehouse.models import StagingEvent
    >>> json_key(StagingEvent.__table__.c.first_name)
    'firstName'
    """
    key: str = column.info[JSON_KEY]
    return key


def jsonpaths(model: type[Base]) -> dict[str, list[str]]:
    """Return the JSONPaths document by which COPY fills a staging table, in column order.

    COPY pairs paths and columns by position, and reads a document whose key is not exactly
    ``jsonpaths`` as if it were absent
    (https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-json.html).

    >>> from musicbee_warehouse.models import StagingSong
    >>> jsonpaths(StagingSong)["jsonpaths"][:2]
    ["$['num_songs']", "$['song_id']"]
    """
    table = model.metadata.tables[model.__tablename__]
    return {"jsonpaths": [f"$['{json_key(column)}']" for column in table.columns]}
