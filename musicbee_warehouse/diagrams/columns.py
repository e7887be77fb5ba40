"""Lineage: from which columns and JSON keys the values of a column are made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnClause
from sqlalchemy.exc import ArgumentError
from sqlalchemy.sql import coercions, roles

from musicbee_warehouse.diagrams.drawing import Box, Drawing, End, Line, Picture, Row
from musicbee_warehouse.diagrams.mermaid import flowchart
from musicbee_warehouse.diagrams.sources import Field, Origin, Use, assigned, origins, row_origins
from musicbee_warehouse.diagrams.tables import kind_of
from musicbee_warehouse.models import Base
from musicbee_warehouse.pipeline import Pipeline, step_name


@dataclass(frozen=True, order=True)
class Edge:
    """That a column has a part in another, how, and by which step of the pipeline.

    ``step`` is such as ``16 INSERT artist_dim``, or empty for a column of a query.
    """

    source: Field
    target: Field
    use: Use
    step: str


@dataclass(frozen=True, repr=False)
class Lineage(Picture):
    """Where the values of a column come from: a tree in a terminal, a picture in a notebook.

    Attributes:
        field: the column.
        edges: what its values are made of, step by step, down to the keys of the files.
        decisive: the columns that decide which rows and which values those steps take: by a join,
            a filter, a window, a group or a condition.
    """

    field: Field
    edges: tuple[Edge, ...]
    decisive: tuple[Edge, ...]

    @property
    def staging(self) -> list[str]:
        """The staging columns that the values are made of."""
        found = {str(edge.source) for edge in self.edges if edge.source.table.startswith("staging")}
        return sorted(found)

    @property
    def keys(self) -> list[str]:
        """The keys of the JSON files that the values are made of."""
        return sorted({str(edge.source) for edge in self.edges if edge.source.name[:1] == "$"})

    @property
    def use(self) -> Use | None:
        """How the values come about: taken as they are, transformed or aggregated.

        None if they are made of no column, as a constant is, and a count of rows.
        """
        return max((edge.use for edge in self.edges), default=None)

    def drawing(self) -> Drawing:
        """Return a box for each table with its columns that have a part.

        What a table's own columns decide about it is left out: it would be a line to itself.
        """
        beyond = [e for e in self.decisive if e.source.table != e.target.table]
        shown = [*self.edges, *beyond]
        fields = dict.fromkeys([self.field, *(f for e in shown for f in (e.source, e.target))])
        tables = dict.fromkeys(field.table for field in fields)
        rows = {table: sorted(f.name for f in fields if f.table == table) for table in tables}
        boxes = (
            Box(
                table,
                kind_of(table),
                rows=tuple(Row(name, stressed=(table, name) == self.field) for name in rows[table]),
            )
            for table in tables
        )

        def end(field: Field) -> End:
            return End(field.table, rows[field.table].index(field.name))

        lines = [Line(end(edge.source), end(edge.target)) for edge in self.edges]
        lines += [Line(end(edge.source), end(edge.target), dashed=True) for edge in beyond]
        return Drawing(f"Lineage of {self.field}", tuple(boxes), tuple(dict.fromkeys(lines)))

    def mermaid(self) -> str:
        """Return a Mermaid flowchart from the keys of the files to the column.

        What merely decides is left out: a README has no room for it.
        """
        links: dict[tuple[str, str], list[str]] = {}
        for edge in self.edges:
            number, _, _ = edge.step.partition(" ")
            links.setdefault((str(edge.source), str(edge.target)), []).append(number)
        fields = dict.fromkeys(f for edge in self.edges for f in (edge.source, edge.target))
        return flowchart(
            {str(field): kind_of(field.table) for field in fields or [self.field]},
            {pair: ", ".join(filter(None, numbers)) for pair, numbers in links.items()},
        )

    def __repr__(self) -> str:
        return "\n".join(
            [str(self.field), *self._tree(self.field, (self.field,)), *self._deciding()]
        )

    def _tree(self, target: Field, path: tuple[Field, ...]) -> Iterator[str]:
        """List what makes a column, and what makes that, each with the steps that do it."""
        found: dict[tuple[Field, Use], list[str]] = {}
        for edge in self.edges:
            if edge.target == target:
                found.setdefault((edge.source, edge.use), []).append(edge.step)
        for (source, use), steps in found.items():
            how = "" if use is Use.IDENTITY else f" ({use})"
            by = f", by {_steps(steps)}" if any(steps) else ""
            yield f"{'  ' * len(path)}from {source}{how}{by}"
            if source not in path:
                yield from self._tree(source, (*path, source))

    def _deciding(self) -> Iterator[str]:
        uses: dict[Field, set[Use]] = {}
        for edge in self.decisive:
            uses.setdefault(edge.source, set()).add(edge.use)
        if uses:
            yield "decided by"
        for field, found in sorted(uses.items()):
            yield f"  {field} ({', '.join(map(str, sorted(found)))})"


def _steps(steps: Iterable[str]) -> str:
    """Put the numbers of steps of the same name together, such as ``26, 27 INSERT song_dim``."""
    numbers: dict[str, list[str]] = {}
    for step in steps:
        number, _, name = step.partition(" ")
        numbers.setdefault(name, []).append(number)
    return "; ".join(f"{', '.join(each)} {name}" for name, each in numbers.items())


def lineage(column: Any, pipeline: Pipeline | None = None) -> Lineage:
    """Return where the values of a column come from, read off the statements that fill it.

    It goes through subqueries, windows, CASE, unions and aliases, from table to table, back to the
    staging columns and the keys of the JSON files. A DELETE gives no values and has no part in it;
    ``text()`` is not looked into.

    Args:
        column: of a model or a table, its name such as ``songplay_fact.song_id``, or of a query:
            ``top_songs().subquery().c.plays``.
        pipeline: what fills the tables; by default the load of the star.

    Raises:
        sqlalchemy.exc.ArgumentError: for what is no column.

    >>> from musicbee_warehouse import SongplayFact
    >>> lineage(SongplayFact.start_time).keys
    ['log_data $.ts']
    >>> print(lineage("time_dim.year"))
    ... # doctest: +ELLIPSIS
    time_dim.year
      from staging_events.ts (transformation), by ... INSERT time_dim
        from log_data $.ts, by ... COPY staging_events
    decided by
      staging_events.page (filter)
    ...
    """
    writes = _writes_of_the_load() if pipeline is None else _writes(pipeline)
    element = _column(column)
    found = {*origins(element), *row_origins(element.table)}
    match list(found):
        case [Origin(field, Use.IDENTITY)]:  # a table's own, by whatever alias
            edges = writes
        case _:
            field = Field("query", element.name)
            edges = {**writes, field: _edges(found, field, "")}
    made, reached = _closure(field, edges)
    decisive = {e for f in reached for e in edges.get(f, []) if not e.use.is_direct}
    return Lineage(field, tuple(made), tuple(sorted(decisive)))


def _closure(field: Field, edges: dict[Field, list[Edge]]) -> tuple[list[Edge], list[Field]]:
    """Return all edges by which the values of a column are made, and the columns on the way."""
    reached, made = [field], []
    for target in reached:  # it grows as it is read
        for edge in edges.get(target, []):
            if edge.use.is_direct:
                made.append(edge)
                if edge.source not in reached:
                    reached.append(edge.source)
    return made, reached


def _writes(pipeline: Pipeline) -> dict[Field, list[Edge]]:
    edges: dict[Field, list[Edge]] = {}
    for number, statement in enumerate(pipeline, start=1):
        step = f"{number} {step_name(statement)}"
        for name, found in assigned(statement).items():
            field = Field(statement.table.name, name)  # type: ignore[attr-defined]
            edges.setdefault(field, []).extend(_edges(found, field, step))
    return edges


def _edges(found: Iterable[Origin], target: Field, step: str) -> list[Edge]:
    return [Edge(field, target, use, step) for field, use in sorted(found)]


@cache
def _writes_of_the_load() -> dict[Field, list[Edge]]:
    from musicbee_warehouse import star  # noqa: PLC0415 - it takes a while

    return _writes(star.pipeline("log_data", "song_data"))


def _column(column: Any) -> ColumnClause[Any]:
    if isinstance(column, str):
        return _named(column)
    element = coercions.expect(roles.ColumnsClauseRole, column)
    if not isinstance(element, ColumnClause) or element.table is None:
        raise ArgumentError(
            f"lineage takes a column of a table or of a subquery, not {str(element)[:60]}"
        )
    return element


def _named(name: str) -> ColumnClause[Any]:
    table, _, column = name.partition(".")
    found = Base.metadata.tables.get(table)
    if found is None:
        raise ArgumentError(
            f"there is no table {table}; there are {', '.join(sorted(Base.metadata.tables))}"
        )
    if column not in found.c:
        raise ArgumentError(
            f"{table} has no column {column or '?'}; it has {', '.join(found.c.keys())}"
        )
    return found.c[column]
