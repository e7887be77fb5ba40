"""The physical design of a table on Redshift: how its rows are spread, sorted and compressed.

A design is read from a model by :func:`declared` and from the catalog by :func:`found`, and two
designs compare. DuckDB has none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import ArgumentError

AUTO = "AUTO"
"""Redshift chooses, and may choose anew as the data grows."""
NONE = "NONE"
"""No sort key, and none to be chosen."""
SortKey = Sequence[str] | Literal["AUTO", "NONE"]

_STYLES = {0: "EVEN", 1: "KEY", 8: "ALL"}
"""``pg_class.reldiststyle``; every other number is a way of AUTO, see
https://docs.aws.amazon.com/redshift/latest/dg/r_PG_CLASS_INFO.html"""
_COLUMNS = text(
    """
    SELECT c.relname AS name, c.reldiststyle AS style, a.attname AS column_name,
      a.attisdistkey AS is_distkey, a.attsortkeyord AS sort_position,
      format_encoding(a.attencodingtype::integer) AS encoding
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
    WHERE n.nspname = :schema AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    """
)


@dataclass(frozen=True)
class Design:
    """How the rows of a table are spread over the nodes, sorted and compressed.

    Attributes:
        style: ``KEY``, ``ALL``, ``EVEN`` or ``AUTO``.
        key: the column by which rows are spread, of style ``KEY`` alone.
        sort_key: the columns by which rows are sorted, in order; empty where Redshift chooses.
        interleaved: every column of the sort key weighs the same.
        encodings: how columns are compressed: of a model, those that say so.

    >>> Design("KEY", key="user_id", sort_key=("start_time",)).distribution
    ('KEY', 'user_id')
    """

    style: str = AUTO
    key: str | None = None
    sort_key: tuple[str, ...] = ()
    interleaved: bool = False
    encodings: Mapping[str, str] = field(default_factory=dict)

    @property
    def distribution(self) -> tuple[str, str | None]:
        """The style with its key."""
        return self.style, self.key

    @property
    def sorting(self) -> tuple[tuple[str, ...], bool]:
        """The sort key with its kind."""
        return self.sort_key, self.interleaved

    @property
    def keys(self) -> set[str]:
        """The columns that can't be dropped."""
        return {*self.sort_key, *([self.key] if self.key else [])}


def declared(table: Table) -> Design:
    """Return the design that a table declares by its ``redshift_...`` arguments.

    >>> from musicbee_warehouse import SongplayFact
    >>> declared(SongplayFact.__table__).sorting
    (('start_time',), False)
    """
    options = table.dialect_options["redshift"]
    of_columns = {column.name: column.dialect_options["redshift"] for column in table.columns}
    keys = [_name(options["distkey"])] if options["distkey"] else []
    keys += [name for name, each in of_columns.items() if each["distkey"]]
    interleaved = _names(options["interleaved_sortkey"])
    sort_key = interleaved or _names(options["sortkey"])
    sort_key = sort_key or tuple(name for name, each in of_columns.items() if each["sortkey"])
    style = str(options["diststyle"] or ("KEY" if keys else AUTO)).upper()
    return Design(
        style=style,
        key=keys[0] if keys and style == "KEY" else None,
        sort_key=() if sort_key in {(AUTO,), (NONE,)} else sort_key,
        interleaved=bool(interleaved),
        encodings={
            name: encoding_name(each["encode"])
            for name, each in of_columns.items()
            if each["encode"]
        },
    )


def found(
    connection: Connection, schema: str | None = None, *, chosen: Collection[str] = ()
) -> dict[str, Design]:
    """Return the design of each table of a schema, as Redshift's catalog tells it.

    ``svv_table_info`` leaves out empty tables and shows nothing to most users, so the catalog
    beneath is read. It doesn't tell that Redshift chose a sort key itself: ``chosen`` are the
    tables of which :func:`musicbee_warehouse.redshift.catalogue.auto_sorted` says so, and their
    sort key is AUTO.
    """
    schema = schema or connection.dialect.default_schema_name
    columns: dict[str, list[Any]] = {}
    for row in connection.execute(_COLUMNS, {"schema": schema}):
        columns.setdefault(row.name, []).append(row)
    return {name: _design(rows, chosen=name in chosen) for name, rows in columns.items()}


def _design(rows: Sequence[Any], *, chosen: bool) -> Design:
    style = _STYLES.get(int(rows[0].style), AUTO)
    keys = [row.column_name for row in rows if row.is_distkey]
    # The positions of an interleaved sort key alternate in sign.
    sort_key = sorted((row for row in rows if row.sort_position), key=_position)
    return Design(
        style=style,
        key=keys[0] if keys and style == "KEY" else None,
        sort_key=() if chosen else tuple(row.column_name for row in sort_key),
        interleaved=not chosen and any(row.sort_position < 0 for row in sort_key),
        encodings={row.column_name: encoding_name(row.encoding) for row in rows},
    )


def _position(row: Any) -> int:
    return abs(int(row.sort_position))


def encoding_name(encoding: str) -> str:
    """Return an encoding by its name in SQL: the catalog calls RAW ``none``.

    >>> encoding_name("none"), encoding_name("ZSTD")
    ('raw', 'zstd')
    """
    name = encoding.strip().lower()
    return "raw" if name == "none" else name


def checked_distribution(style: str, key: str | None) -> tuple[str, str | None]:
    """Return a distribution, or raise for what is none.

    >>> checked_distribution("key", "user_id")
    ('KEY', 'user_id')
    """
    style = style.upper()
    if style not in {*_STYLES.values(), AUTO}:
        raise ArgumentError(f"style is {style!r}; give KEY, ALL, EVEN or AUTO")
    if (style == "KEY") != bool(key):
        raise ArgumentError(
            f"style {style} {'needs' if style == 'KEY' else 'takes no'} key, but key is {key!r}"
        )
    return style, key


def _names(columns: Any) -> tuple[str, ...]:
    if not columns:
        return ()
    several = columns if isinstance(columns, list | tuple) else [columns]
    return tuple(map(_name, several))


def _name(column: Any) -> str:
    return str(getattr(column, "name", column))
