"""The command line's frame: the app, how errors are said, and what commands share."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import getdoc
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from sqlalchemy import CursorResult, Engine, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from musicbee_warehouse import WarehouseError, __version__, connect
from musicbee_warehouse.engine import holder_of
from musicbee_warehouse.settings import URL_VARIABLE

out = Console()
err = Console(stderr=True)

SHOWN_ROWS = 100
_INTERRUPTED = "Query interrupted"
"""What DuckDB makes of Ctrl-C while it runs a statement: a RuntimeError that says so."""
_BY_CONTROL_C = 130
_STANDARD_OUTPUT = 1


_COMMANDS = (
    *("demo", "load", "runs", "check", "forget"),
    *("tables", "query", "ask", "report"),
    *("sql", "graph", "lineage", "entities", "dictionary"),
    *("simulate", "migrate", "cluster"),
)
"""In the order in which one comes to need them."""


class _Commands(typer.core.TyperGroup):
    """Says an error in a sentence; ``--verbose`` shows where it was raised."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=_COMMANDS.index)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (WarehouseError, SQLAlchemyError, ValueError, OSError) as error:
            if ctx.params.get("verbose") or _nobody_reads(error):
                raise
            _complain(sentence(error))
            raise typer.Exit(1) from None
        except (KeyboardInterrupt, RuntimeError) as error:
            if isinstance(error, RuntimeError) and str(error) != _INTERRUPTED:
                raise
            _complain("interrupted; what wasn't committed is as it was")
            raise typer.Exit(_BY_CONTROL_C) from None


def _nobody_reads(error: Exception) -> bool:
    """Tell whether what broke is the pipe to a reader, such as ``head``, that has enough.

    Then click ends quietly. A connection to a warehouse may break by the same name.
    """
    if not isinstance(error, BrokenPipeError) or not hasattr(select, "poll"):
        return False
    look = select.poll()
    look.register(_STANDARD_OUTPUT)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in look.poll(0))


def _complain(what: str) -> None:
    err.print(f"Error: {what}", style="red", markup=False, highlight=False)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Load a music service's JSON files into a star schema, on DuckDB or Amazon Redshift.",
)

Url = Annotated[
    str,
    typer.Option(envvar=URL_VARIABLE, help="The warehouse: a URL, or the name of a cluster."),
]


def sentence(error: Exception) -> str:
    """Return what an error is in a sentence or two, without SQLAlchemy's copy of the statement."""
    if not isinstance(error, DBAPIError):
        return str(error)
    if holder := holder_of(error):
        return f"{holder} has the warehouse open, as one process at a time may; wait for it to end"
    database, *_ = str(error.orig).strip().split("\n")
    return ": ".join([*error.detail, database])


def summary(function: Callable[..., Any]) -> str:
    """Return the first sentence of a function's docstring, for the command's help.

    What a function returns, its command prints.
    """
    sentence = (getdoc(function) or "").split("\n\n")[0]
    return sentence.replace("Return ", "Print ", 1) if sentence.startswith("Return ") else sentence


def _show_version(wanted: bool) -> None:
    if wanted:
        out.print(f"musicbee-warehouse {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    verbose: Annotated[bool, typer.Option(help="Show where an error was raised.")] = False,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Say which.")
    ] = False,
) -> None:
    pass


def existing(url: str) -> str:
    """Return the address of a warehouse that is there; DuckDB would make an empty file."""
    if "://" not in url:
        return url  # the name of a cluster
    parts = make_url(url)
    embedded = parts.get_backend_name() == "duckdb" and parts.database not in (None, ":memory:")
    if embedded and not Path(parts.database or "").exists():
        raise WarehouseError(f"there is no warehouse {parts.database} yet; load makes it")
    return url


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """Connect to a warehouse for the time of a command."""
    engine = connect(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar for what is counted, and give the function that moves it: (done, total)."""
    with _bar() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def steps() -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar for the steps of a load, and give its ``on_step``."""
    with _bar() as bar:
        task = bar.add_task("reading the folders", total=None)

        def on_step(position: int, total: int, name: str) -> None:
            bar.update(task, completed=position, total=total or None, description=name)

        yield on_step
        bar.update(task, description="done", completed=bar.tasks[0].total)


def _bar() -> Progress:
    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn())
    return Progress(
        *columns, TimeElapsedColumn(), console=err, transient=True, disable=not err.is_terminal
    )


def print_rows(result: CursorResult[Any], limit: int, *, title: str | None = None) -> None:
    """Print rows as a table, and say so if there are more than the limit."""
    if not result.returns_rows:
        raise WarehouseError("the statement returns no rows; query takes a SELECT")
    table = Table(title=title, title_justify="left", title_style="bold")
    rows = result.fetchmany(limit + 1)
    for position, name in enumerate(result.keys()):
        numbers = any(isinstance(row[position], int | float) for row in rows)
        table.add_column(Text(name), justify="right" if numbers else "left")
    for row in rows[:limit]:
        table.add_row(*(Text("" if value is None else str(value)) for value in row))
    out.print(table)
    if len(rows) > limit:
        out.print(f"There are more rows than {limit}; --limit shows more.", style="dim")
