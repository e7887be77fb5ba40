"""Answers as frames: pandas, polars or Arrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, overload

from sqlalchemy import Connection, Date, DateTime, Engine, Float, Integer, Select, String
from sqlalchemy.types import TypeEngine

from musicbee_warehouse.errors import WarehouseError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


@contextmanager
def connected(bind: Engine | Connection) -> Iterator[Connection]:
    """Give a connection to an engine, or the connection itself, whose end is its owner's."""
    if isinstance(bind, Connection):
        yield bind
    else:
        with bind.connect() as connection:
            yield connection


@overload
def frame(question: Select[Any], bind: Engine | Connection) -> pd.DataFrame: ...
@overload
def frame(
    question: Select[Any], bind: Engine | Connection, library: Literal["pandas"]
) -> pd.DataFrame: ...
@overload
def frame(
    question: Select[Any], bind: Engine | Connection, library: Literal["polars"]
) -> pl.DataFrame: ...
@overload
def frame(
    question: Select[Any], bind: Engine | Connection, library: Literal["arrow"]
) -> pa.Table: ...
def frame(question: Select[Any], bind: Engine | Connection, library: str = "pandas") -> Any:
    """Ask a question and return its rows as a frame.

    Args:
        question: any select; ``pandas.read_sql(question, engine)`` does the same for pandas.
        bind: the warehouse.
        library: ``pandas``, ``polars`` or ``arrow``; the library must be installed.

    Raises:
        WarehouseError: for another library.

    >>> import musicbee_warehouse as mw
    >>> from musicbee_warehouse.analytics import plays_by_hour
    >>> engine = mw.connect("duckdb:///:memory:")
    >>> mw.create_tables(engine)
    >>> list(frame(plays_by_hour(), engine).columns)
    ['hour', 'plays', 'listeners']
    """
    make = _FRAMES.get(library)
    if make is None:
        raise WarehouseError(f"{library!r} makes no frames here; {', '.join(_FRAMES)} do")
    with connected(bind) as connection:
        return make(question, connection)


def _pandas(question: Select[Any], connection: Connection) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - an extra

    return pd.read_sql(question, connection)


def _polars(question: Select[Any], connection: Connection) -> pl.DataFrame:
    import polars as pl  # noqa: PLC0415 - the user's own

    answer = pl.from_arrow(_arrow(question, connection))
    assert isinstance(answer, pl.DataFrame)  # noqa: S101 - a table makes a frame
    return answer


def _arrow(question: Select[Any], connection: Connection) -> pa.Table:
    """Make a table whose types are the columns', so that they don't depend on the rows."""
    import pyarrow as pa  # noqa: PLC0415 - the user's own

    rows = connection.execute(question).all()
    names, columns = question.selected_columns.keys(), zip(*rows, strict=True)
    values = list(columns) if rows else [()] * len(names)
    types = (_arrow_type(column.type) for column in question.selected_columns)
    return pa.table(
        {
            name: pa.array(list(each), type=type_)
            for name, each, type_ in zip(names, values, types, strict=True)
        }
    )


def _arrow_type(type_: TypeEngine[Any]) -> pa.DataType | None:
    """Return the type for a column, None for Arrow to find it."""
    import pyarrow as pa  # noqa: PLC0415 - the user's own

    types: Mapping[type[TypeEngine[Any]], pa.DataType] = {
        Integer: pa.int64(),
        Float: pa.float64(),
        String: pa.string(),
        Date: pa.date32(),
        DateTime: pa.timestamp("us"),
    }
    return next((arrow for each, arrow in types.items() if isinstance(type_, each)), None)


_FRAMES: Mapping[str, Callable[[Select[Any], Connection], Any]] = {
    "pandas": _pandas,
    "polars": _polars,
    "arrow": _arrow,
}
