"""The entity-relationship picture of the tables, and the dictionary of their columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.sql import coercions, roles

from musicbee_warehouse.diagrams.drawing import Box, Drawing, End, Line, Picture, Row
from musicbee_warehouse.diagrams.tables import kind_of
from musicbee_warehouse.models import Base

_STAR = ("dimension", "fact")
_LEFT = {"none or one": "|o", "many": "}o"}
_RIGHT = {"none or one": "o|", "one": "||"}
"""How Mermaid writes the crow's foot, at the left and at the right of a line."""


@dataclass(frozen=True, repr=False)
class EntityDiagram(Picture):
    """Tables with their columns, keys, distribution and sort keys, and how they refer.

    Attributes:
        tables: in the order in which they are drawn.
    """

    tables: tuple[Table, ...]

    def drawing(self) -> Drawing:
        """Return a box for each table, and a line from each foreign key to its table."""
        boxes = tuple(
            Box(
                table.name,
                kind_of(table.name),
                caption=_placement(table),
                rows=tuple(_row(column) for column in table.columns),
            )
            for table in self.tables
        )
        lines = tuple(
            Line(
                End(column.table.name, _position(column), _many(column)),
                End(target.table.name, _position(target), _one(column)),
            )
            for column, target in self._references()
        )
        return Drawing(f"Tables: {', '.join(t.name for t in self.tables)}", boxes, lines)

    def mermaid(self) -> str:
        """Return a Mermaid entity-relationship diagram."""
        lines = []
        for column, target in self._references():
            feet = f"{_LEFT[_many(column)]}--{_RIGHT[_one(column)]}"
            lines.append(f'{column.table.name} {feet} {target.table.name} : "{column.name}"')
        for table in self.tables:
            lines.append(f"{table.name} {{")
            lines += [f"    {_attribute(column)}" for column in table.columns]
            lines.append("}")
        return "\n".join(["erDiagram", *(f"    {line}" for line in lines)])

    def _references(self) -> Iterator[tuple[Column[Any], Column[Any]]]:
        for table in self.tables:
            for column in table.columns:
                for foreign in column.foreign_keys:
                    if foreign.column.table in self.tables:
                        yield column, foreign.column

    def __repr__(self) -> str:
        return "\n\n".join("\n".join(_lines(table)) for table in self.tables)


def entity_diagram(*tables: Any) -> EntityDiagram:
    """Return the picture of models or tables; of none given, that of the star.

    >>> from musicbee_warehouse import TimeDim
    >>> print(entity_diagram(TimeDim).mermaid())
    erDiagram
        time_dim {
            timestamp start_time PK "sort key"
            smallint hour
            smallint day
            smallint week
            smallint month
            smallint year
            smallint weekday
        }
    """
    given = [coercions.expect(roles.FromClauseRole, table) for table in tables]
    star = [t for t in Base.metadata.sorted_tables if kind_of(t.name) in _STAR]
    return EntityDiagram(tuple(given or reversed(star)))


def data_dictionary(*tables: Any) -> str:
    """Return a chapter of Markdown on each model or table: what it is, its columns and its keys.

    Of none given, it is on all tables of the warehouse.

    >>> from musicbee_warehouse import TimeDim
    >>> print(data_dictionary(TimeDim))
    ... # doctest: +ELLIPSIS
    ## time_dim
    <BLANKLINE>
    An instant at which a play began, in UTC. Distribution: ALL. Sort key: start_time.
    <BLANKLINE>
    | column | type | null | key | encoding | from |
    |---|---|---|---|---|---|
    | `start_time` | timestamp | no | primary | raw | log_data `$.ts` |
    ...
    """
    given = [coercions.expect(roles.FromClauseRole, table) for table in tables]
    chapters = (_chapter(table) for table in given or Base.metadata.sorted_tables)
    return "\n\n".join(chapters)


def _chapter(table: Table) -> str:
    from musicbee_warehouse.diagrams.columns import lineage  # noqa: PLC0415 - it builds the star

    comment = (table.comment or "").strip().rstrip(".")
    sentences = [comment, *(_placement(table).split("; "))]
    rows = [
        f"| `{column.name}` | {_type(column)} | {'yes' if column.nullable else 'no'} "
        f"| {_keys(column)} | {_redshift(column)['encode'] or ''} "
        f"| {_sources(lineage(column).keys)} |"
        for column in table.columns
    ]
    return "\n".join(
        [
            f"## {table.name}",
            "",
            " ".join(
                f"{sentence[:1].upper()}{sentence[1:]}." for sentence in sentences if sentence
            ),
            "",
            "| column | type | null | key | encoding | from |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _sources(keys: Sequence[str]) -> str:
    pairs = (key.split(" ", 1) for key in keys)
    return ", ".join(f"{place} `{key}`" for place, key in pairs)


def _redshift(part: Any) -> Any:
    return part.dialect_options["redshift"]


def _placement(table: Table) -> str:
    """Say how a table is spread and sorted on Redshift."""
    style, key = _redshift(table)["diststyle"], _redshift(table)["distkey"]
    words = [f"distribution: {key or style}"] if key or style else []
    if sort := _sort_keys(table):
        words.append(f"sort key: {', '.join(sort)}")
    return "; ".join(words)


def _sort_keys(table: Table) -> list[str]:
    given = _redshift(table)["sortkey"] or ()
    names = [given] if isinstance(given, str) else list(given)
    return [getattr(name, "name", name) for name in names]


def _marks(column: Column[Any]) -> Iterator[str]:
    table = column.table
    if column.name == _redshift(table)["distkey"]:
        yield "distribution key"
    if column.name in _sort_keys(table):
        yield "sort key"


def _keys(column: Column[Any]) -> str:
    words = ["primary"] if column.primary_key else []
    words += [
        f"{foreign.column.table.name}.{foreign.column.name}" for foreign in column.foreign_keys
    ]
    return ", ".join(words)


def _row(column: Column[Any]) -> Row:
    short = {"distribution key": "dist", "sort key": "sort"}
    notes = [short[mark] for mark in _marks(column)]
    return Row(
        column.name,
        before=_badge(column),
        after=" ".join([_type(column), *(f"· {note}" for note in notes)]),
        stressed=column.primary_key,
    )


def _badge(column: Column[Any]) -> str:
    return ",".join(_mermaid_keys(column))


def _mermaid_keys(column: Column[Any]) -> list[str]:
    return [*(["PK"] if column.primary_key else []), *(["FK"] if column.foreign_keys else [])]


def _attribute(column: Column[Any]) -> str:
    kind = _type(column).replace(" ", "_")
    keys = ", ".join(_mermaid_keys(column))
    note = ", ".join(_marks(column))
    return " ".join(part for part in (kind, column.name, keys, note and f'"{note}"') if part)


def _type(column: Column[Any]) -> str:
    return str(column.type.compile()).lower()


def _position(column: Column[Any]) -> int:
    return column.table.columns.values().index(column)


def _many(column: Column[Any]) -> str:
    return "none or one" if column.primary_key else "many"


def _one(column: Column[Any]) -> str:
    return "none or one" if column.nullable else "one"


def _lines(table: Table) -> Iterator[str]:
    yield f"{table.name} ({_placement(table)})" if _placement(table) else table.name
    width = max(len(column.name) for column in table.columns)
    for column in table.columns:
        words = [_type(column), _keys(column), *_marks(column)]
        yield f"  {column.name:<{width}}  {', '.join(word for word in words if word)}"
