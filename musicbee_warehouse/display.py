"""How statements and models show themselves in a notebook and in IPython.

SQLAlchemy's own statements have no such face, so one is registered with IPython when this library
is imported there; outside of IPython nothing is registered and nothing imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from sqlalchemy import CompoundSelect, Delete, Dialect, Insert, Select, Table, Update
from sqlalchemy.exc import CompileError
from sqlalchemy.sql.expression import ClauseElement

if TYPE_CHECKING:
    from pygments.formatter import Formatter

_STATEMENTS = (Select, CompoundSelect, Insert, Update, Delete)


def sql_text(statement: ClauseElement) -> str:
    """Return the SQL of a statement with its values in it, to be read.

    It is spelled as SQLAlchemy prints it, or as Redshift or DuckDB read it where it has no
    spelling of its own.

    >>> from musicbee_warehouse import SongDim
    >>> from sqlalchemy import select
    >>> print(sql_text(select(SongDim.title).where(SongDim.year == 1999)))
    SELECT song_dim.title
    FROM song_dim
    WHERE song_dim.year = 1999
    """
    *others, last = _dialects()
    for dialect in others:
        try:
            return _spelled(statement, dialect)
        except CompileError:
            continue
    return _spelled(statement, last)


def _spelled(statement: ClauseElement, dialect: Dialect | None) -> str:
    compiled = statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    return "\n".join(line.rstrip() for line in str(compiled).splitlines())


def _dialects() -> Iterator[Dialect | None]:
    from musicbee_warehouse.pipeline import dialect_of  # noqa: PLC0415 - it shows itself by this

    yield None
    yield dialect_of("redshift")
    yield dialect_of("duckdb")


def sql_html(sql: str) -> str:
    """Return SQL as HTML, its words coloured, on a ground of its own.

    >>> sql_html("SELECT 1")
    ... # doctest: +ELLIPSIS
    '<pre style="...">SELECT</span> <span style="color: #0550AE">1</span>...</pre>'
    """
    from pygments import highlight  # noqa: PLC0415 - only what is shown is coloured
    from pygments.lexers.sql import SqlLexer  # noqa: PLC0415 - as above

    coloured = highlight(sql, SqlLexer(), _formatter()).rstrip()
    return (
        '<pre style="text-align: left; background: #f6f8fa; color: #1f2328; padding: 0.7em 1em; '
        f'border-radius: 6px; white-space: pre-wrap; font: 0.9em/1.45 monospace">{coloured}</pre>'
    )


@cache
def _formatter() -> Formatter[str]:
    """Colour few kinds of words, for each takes room in a notebook."""
    from pygments.formatters import HtmlFormatter  # noqa: PLC0415 - as above
    from pygments.style import Style  # noqa: PLC0415 - as above
    from pygments.token import Comment, Keyword, Name, Number, String  # noqa: PLC0415 - as above

    class Light(Style):
        """Dark words on a light ground, at a contrast of 7 and more."""

        styles = {  # noqa: RUF012 - as Pygments declares it
            Comment: "#57606a",
            Keyword: "bold #8250df",
            Name.Builtin: "",
            Number: "#0550ae",
            String: "#0a3069",
        }

    return HtmlFormatter(style=Light, noclasses=True, nowrap=True)


def statement_html(statement: ClauseElement) -> str:
    """Return a statement as coloured SQL."""
    return sql_html(sql_text(statement))


def table_html(head: list[str], rows: list[list[Any]]) -> str:
    """Return rows as an HTML table; numbers stand at the right.

    >>> table_html(["table", "rows"], [["song_dim", 48]])
    ... # doctest: +ELLIPSIS
    '<table><thead><tr>...<td style="text-align: left">song_dim</td><td ...>48</td></tr></tbody>...'
    """

    def cell(tag: str, value: Any, number: bool) -> str:
        side = "right" if number else "left"
        text = "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
        return f'<{tag} style="text-align: {side}">{escape(text)}</{tag}>'

    numbers = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(head))]
    lines = [
        "".join(cell("td", value, number) for value, number in zip(row, numbers, strict=True))
        for row in rows
    ]
    top = "".join(cell("th", name, number) for name, number in zip(head, numbers, strict=True))
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


# IPython ----------------------------------------------------------------------------------------


def register() -> None:
    """Give SQLAlchemy's statements and our models a face, if IPython runs this."""
    if "IPython" not in sys.modules:
        return
    from IPython import get_ipython  # noqa: PLC0415 - it is there

    if shell := get_ipython():
        _register(shell.display_formatter.formatters)


def _register(formatters: Any) -> None:
    from musicbee_warehouse.models import Base  # noqa: PLC0415 - only for IPython

    for kind in _STATEMENTS:
        formatters["text/html"].for_type(kind, statement_html)
        formatters["text/plain"].for_type(kind, _print_statement)
    formatters["image/svg+xml"].for_type(type(Base), _table_svg)
    formatters["image/svg+xml"].for_type(Table, _table_svg)


def _print_statement(statement: ClauseElement, printer: Any, cycle: bool) -> None:
    del cycle
    printer.text(sql_text(statement))


def _table_svg(table: Any) -> str | None:
    """Return the picture of a table of ours, or of its model; None for others."""
    from musicbee_warehouse.diagrams import entity_diagram  # noqa: PLC0415 - only for IPython
    from musicbee_warehouse.models import Base  # noqa: PLC0415 - only for IPython

    table = getattr(table, "__table__", table)
    if not isinstance(table, Table) or table.metadata is not Base.metadata:
        return None
    return entity_diagram(table).svg()
