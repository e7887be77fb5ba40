"""Which tables a statement reads and writes, and from which columns its values are made.

It is read off the expressions themselves, through subqueries, windows, CASE, unions and aliases
down to tables. Text is not looked into: ``text()`` and ``literal_column()`` read nothing here.

How a column is used is said in the words of OpenLineage
(https://openlineage.io/docs/spec/facets/dataset-facets/column_lineage_facet).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import singledispatch
from itertools import chain
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    BindParameter,
    Case,
    ColumnClause,
    CompoundSelect,
    Delete,
    Exists,
    FromClause,
    FunctionFilter,
    Insert,
    Join,
    Label,
    Over,
    ScalarSelect,
    Select,
    SelectBase,
    Table,
    Update,
    WithinGroup,
)
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.expression import ClauseElement, Executable
from sqlalchemy.sql.functions import FunctionElement, GenericFunction
from sqlalchemy.sql.selectable import AliasedReturnsRows, FromGrouping
from sqlalchemy.sql.visitors import iterate

from musicbee_warehouse.models import json_key
from musicbee_warehouse.statements import Copy

_AGGREGATES = {
    *("any_value", "array_agg", "avg", "bool_and", "bool_or", "count", "listagg", "max", "median"),
    *("min", "percentile_cont", "percentile_disc", "stddev", "stddev_pop", "stddev_samp"),
    *("string_agg", "sum", "var_pop", "var_samp", "variance"),
}


class Use(IntEnum):
    """How a column is used: the first three make a value, the others decide which it is.

    >>> Use.AGGREGATION.is_direct, Use.JOIN.is_direct
    (True, False)
    """

    IDENTITY = 1
    TRANSFORMATION = 2
    AGGREGATION = 3
    CONDITIONAL = 4
    WINDOW = 5
    JOIN = 6
    FILTER = 7
    GROUP_BY = 8
    SORT = 9

    @property
    def is_direct(self) -> bool:
        """Whether the value itself is made from the column."""
        return self <= Use.AGGREGATION

    def of(self, inner: Use) -> Use:
        """Return the use of a column that is used as ``inner`` in what is used as this."""
        return max(self, inner) if inner.is_direct else inner

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


class Field(NamedTuple):
    """A column of a table, or a key of the JSON objects that a folder or bucket holds.

    >>> print(Field("song_dim", "title"), Field("song_data", "$.title"))
    song_dim.title song_data $.title
    """

    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table}{' ' if self.name.startswith('$') else '.'}{self.name}"


class Origin(NamedTuple):
    """A column that has a part in a value, and which part."""

    field: Field
    use: Use


# Tables ---------------------------------------------------------------------------------------


@singledispatch
def written(statement: Executable) -> str | None:
    """Return the name of the table that a statement writes, or None."""
    del statement
    return None


@written.register(Copy)
@written.register(Insert)
@written.register(Update)
@written.register(Delete)
def _(statement: Any) -> str:
    return str(statement.table.name)


@singledispatch
def read(statement: Executable) -> list[str]:
    """Return the names of the tables, or the addresses of the files, that a statement reads.

    >>> from sqlalchemy import delete, select
    >>> from musicbee_warehouse import SongDim, StagingSong
    >>> read(delete(SongDim).where(SongDim.song_id.in_(select(StagingSong.song_id))))
    ['staging_songs']
    """
    return _names(_tables([cast(ClauseElement, statement)]))


@read.register
def _(statement: Copy) -> list[str]:
    return list(statement.sources)


@read.register
def _(statement: Insert) -> list[str]:
    query = [] if statement.select is None else [statement.select]
    return _names(_tables(chain(query, _values(statement).values())))


@read.register(Update)
@read.register(Delete)
def _(statement: Any) -> list[str]:
    where = [] if statement.whereclause is None else [statement.whereclause]
    values = _values(statement).values() if isinstance(statement, Update) else ()
    return _names(_tables(chain(where, values), besides=statement.table))


def _names(tables: Iterable[Table]) -> list[str]:
    return list(dict.fromkeys(table.name for table in tables))


def _tables(
    elements: Iterable[ClauseElement],
    besides: FromClause | None = None,
    seen: set[object] | None = None,
) -> Iterator[Table]:
    """Find the tables beneath expressions, but for the one whose rows are changed."""
    seen = set() if seen is None else seen
    for each in chain.from_iterable(map(iterate, elements)):
        if each in seen:
            continue
        seen.add(each)
        if isinstance(each, Table):
            yield each
        elif isinstance(each, Select):
            yield from _tables(each.get_final_froms(), seen=seen)
        elif isinstance(each, ColumnClause) and each.table not in (None, besides):
            yield from _tables([each.table], seen=seen)


# Values ---------------------------------------------------------------------------------------


@singledispatch
def assigned(statement: Executable) -> dict[str, set[Origin]]:
    """Return, for each column that a statement gives values, the columns that have a part in them.

    >>> from sqlalchemy import func, select
    >>> from musicbee_warehouse import StagingSong, TimeDim, insert_from
    >>> query = select(func.max(StagingSong.year).label("year")).where(StagingSong.title == "Blue")
    >>> for field, use in sorted(assigned(insert_from(TimeDim, query))["year"]):
    ...     print(field, use)
    staging_songs.title filter
    staging_songs.year aggregation
    """
    del statement
    return {}


@assigned.register
def _(statement: Copy) -> dict[str, set[Origin]]:
    return {
        column.name: {
            Origin(Field(source, f"$.{json_key(column)}"), Use.IDENTITY)
            for source in statement.sources
        }
        for column in statement.table.columns
    }


@assigned.register
def _(statement: Insert) -> dict[str, set[Origin]]:
    found = {name: set(origins(value)) for name, value in _values(statement).items()}
    query = statement.select
    if query is not None:
        decisive = set(row_origins(query))
        # The names have no public home in SQLAlchemy.
        for position, name in enumerate(statement._select_names or ()):
            found[name] = decisive | set(_selected(query, position))
    return found


@assigned.register
def _(statement: Update) -> dict[str, set[Origin]]:
    decisive = set(_used(Use.FILTER, [statement.whereclause]))
    for each in _joined(statement):
        decisive |= set(row_origins(each))
    return {name: decisive | set(origins(value)) for name, value in _values(statement).items()}


def _values(statement: Insert | Update) -> dict[str, ClauseElement]:
    """Return what VALUES or SET give; they have no public home in SQLAlchemy."""
    pairs = [
        *(statement._values or {}).items(),
        *(getattr(statement, "_ordered_values", None) or ()),
    ]
    return {
        getattr(column, "name", str(column)): value
        for column, value in pairs
        if isinstance(value, ClauseElement)
    }


def _joined(statement: Update) -> set[FromClause]:
    """Return the other tables and subqueries that an UPDATE joins by its WHERE."""
    where = [] if statement.whereclause is None else [statement.whereclause]
    columns = (
        each
        for each in chain.from_iterable(map(iterate, [*where, *_values(statement).values()]))
        if isinstance(each, ColumnClause)
    )
    return {column.table for column in columns if column.table not in (None, statement.table)}


@singledispatch
def origins(element: Any) -> Iterator[Origin]:
    """Find the columns that have a part in the value of an expression."""
    yield from _used(Use.TRANSFORMATION, element.get_children())


@origins.register
def _(element: BindParameter) -> Iterator[Origin]:  # type: ignore[type-arg]
    del element
    yield from ()


@origins.register
def _(element: ColumnClause) -> Iterator[Origin]:  # type: ignore[type-arg]
    if element.table is not None:
        yield from _behind(element.table, element)


@origins.register(Label)
@origins.register(Grouping)
def _(element: Any) -> Iterator[Origin]:
    yield from origins(element.element)


@origins.register
def _(element: Case) -> Iterator[Origin]:  # type: ignore[type-arg]
    conditions = (condition for condition, _ in element.whens)
    results = (result for _, result in element.whens)
    yield from _used(Use.CONDITIONAL, [element.value, *conditions])
    yield from _used(Use.TRANSFORMATION, [*results, element.else_])


@origins.register
def _(element: Over) -> Iterator[Origin]:  # type: ignore[type-arg]
    yield from _used(Use.WINDOW, [element.partition_by, element.order_by])
    yield from _used(Use.TRANSFORMATION, [element.element])


@origins.register
def _(element: FunctionFilter) -> Iterator[Origin]:  # type: ignore[type-arg]
    yield from _used(Use.CONDITIONAL, [element.criterion])
    yield from origins(element.func)


@origins.register
def _(element: WithinGroup) -> Iterator[Origin]:  # type: ignore[type-arg]
    yield from _used(Use.AGGREGATION, [element.order_by])
    yield from origins(element.element)


@origins.register
def _(element: FunctionElement) -> Iterator[Origin]:  # type: ignore[type-arg]
    name = getattr(element, "name", "").lower()
    parts = list(element.clauses)
    if name == "nullif":
        yield from _used(Use.CONDITIONAL, parts[1:])
        parts = parts[:1]
    yield from _used(Use.AGGREGATION if name in _AGGREGATES else Use.TRANSFORMATION, parts)


@origins.register
def _(element: GenericFunction) -> Iterator[Origin]:  # type: ignore[type-arg]
    yield from origins.dispatch(FunctionElement)(element)


@origins.register(ScalarSelect)
@origins.register(Exists)
def _(element: Any) -> Iterator[Origin]:
    yield from origins(element.element)


@origins.register
def _(element: SelectBase) -> Iterator[Origin]:
    for position in range(len(element.selected_columns)):
        yield from _selected(element, position)
    yield from row_origins(element)


@singledispatch
def row_origins(element: Any) -> Iterator[Origin]:
    """Find the columns that decide which rows there are: of a query, or of what it reads."""
    del element
    yield from ()


@row_origins.register
def _(element: Select) -> Iterator[Origin]:  # type: ignore[type-arg]
    # But for WHERE, the clauses have no public home in SQLAlchemy.
    yield from _used(Use.FILTER, [element.whereclause, *element._having_criteria])
    yield from _used(Use.GROUP_BY, element._group_by_clauses)
    if element._limit_clause is not None:
        yield from _used(Use.SORT, element._order_by_clauses)
    for each in element.get_final_froms():
        yield from row_origins(each)


@row_origins.register
def _(element: CompoundSelect) -> Iterator[Origin]:  # type: ignore[type-arg]
    for each in element.selects:
        yield from row_origins(each)


@row_origins.register
def _(element: Join) -> Iterator[Origin]:
    yield from _used(Use.JOIN, [element.onclause])
    yield from row_origins(element.left)
    yield from row_origins(element.right)


@row_origins.register(AliasedReturnsRows)
@row_origins.register(FromGrouping)
def _(element: Any) -> Iterator[Origin]:
    yield from row_origins(element.element)


def _used(use: Use, elements: Iterable[Any]) -> Iterator[Origin]:
    """Find what has a part in expressions that are used in a way; None is passed over."""
    for element in elements:
        if element is not None:
            yield from (Origin(field, use.of(inner)) for field, inner in origins(element))


def _behind(source: Any, column: Any) -> Iterator[Origin]:
    """Find what a column of a FROM element is: a table's own, or a column of a query."""
    if isinstance(source, Table):
        yield Origin(Field(source.name, column.name), Use.IDENTITY)
    elif isinstance(source, AliasedReturnsRows):
        yield from _beneath(source, column)


def _beneath(source: AliasedReturnsRows, column: Any) -> Iterator[Origin]:
    inner: Any = source.element
    columns = list(source.c)
    # A column of the ORM is a copy that bears its key; one without a name has no key to go by.
    same = [each for each in columns if each is column or each.key == column.key]
    position = next(i for i, each in enumerate(columns) if each is same[0])
    if isinstance(inner, SelectBase):
        yield from _selected(inner, position)
    elif isinstance(inner, FunctionElement):  # of a table that a function makes
        yield from origins(inner)
    else:
        yield from _behind(inner, list(inner.c)[position])


def _selected(query: Any, position: int) -> Iterator[Origin]:
    """Find what is behind the column at a position of a query, in each branch of a union."""
    if isinstance(query, CompoundSelect):
        for each in query.selects:
            yield from _selected(each, position)
    elif isinstance(query, Select):
        yield from origins(list(query.selected_columns)[position])
    elif isinstance(query, SelectBase):
        yield from _selected(getattr(query, "element", None), position)
