"""The command line: each command is a thin dress of a function of the library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from inspect import getdoc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from sqlalchemy import CursorResult, Engine, func, make_url, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from musicbee_warehouse import (
    Base,
    LoadReport,
    WarehouseError,
    __version__,
    connect,
    create_tables,
    dialect_of,
    load,
    star,
)
from musicbee_warehouse.settings import DEFAULT_URL, URL_VARIABLE

out = Console()
err = Console(stderr=True)

_SHOWN_ROWS = 100


class _Commands(typer.core.TyperGroup):
    """Says an error in a sentence; ``--verbose`` shows where it was raised."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (WarehouseError, SQLAlchemyError, ValueError, OSError) as error:
            if ctx.params.get("verbose"):
                raise
            err.print(f"Error: {_sentence(error)}", style="red", markup=False, highlight=False)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Load a music service's JSON files into a star schema, on DuckDB or Amazon Redshift.",
)


class DialectName(StrEnum):
    """The engines that the warehouse runs on."""

    redshift = "redshift"
    duckdb = "duckdb"


Url = Annotated[
    str, typer.Option(envvar=URL_VARIABLE, help="The warehouse, as a URL of SQLAlchemy.")
]


def _sentence(error: Exception) -> str:
    if not isinstance(error, DBAPIError):
        return str(error)
    database, *_ = str(error.orig).strip().split("\n")
    if "Could not set lock" in database:
        return f"another process has the warehouse open; wait for it to end ({database})"
    return ": ".join([*error.detail, database])


def _summary(function: Callable[..., Any]) -> str:
    """Return the first sentence of a function's docstring, for the command's help."""
    return (getdoc(function) or "").split("\n\n")[0]


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


@app.command("load", help=_summary(load))
def _load(
    events: Annotated[str, typer.Option(help="Activity logs: a folder, a glob or a file.")],
    songs: Annotated[str, typer.Option(help="Song metadata: a folder, a glob or a file.")],
    url: Url = DEFAULT_URL,
    keep_staging: Annotated[bool, typer.Option(help="Leave the staged rows to look at.")] = False,
) -> None:
    with _engine(url) as engine, _steps() as on_step:
        report = load(
            engine, events=events, songs=songs, keep_staging=keep_staging, on_step=on_step
        )
    _print_report(report)


@app.command("sql", help="Print the whole load as SQL; no connection is needed.")
def _sql(
    dialect: DialectName = DialectName.redshift,
    events: Annotated[str, typer.Option(help="Where the logs are.")] = "s3://musicbee/log_data",
    songs: Annotated[str, typer.Option(help="Where the songs are.")] = "s3://musicbee/song_data",
    jsonpaths: Annotated[
        str, typer.Option(help="The JSONPaths document of staging_events.")
    ] = "s3://musicbee/work/staging_events.jsonpaths",
    iam_role: Annotated[str, typer.Option(help="The role's ARN, or default.")] = "default",
) -> None:
    if dialect is DialectName.duckdb:
        events, songs = (path.removeprefix("s3://") for path in (events, songs))
    script = star.pipeline(events, songs, events_jsonpaths=jsonpaths, iam_role=iam_role).compile(
        dialect_of(dialect)
    )
    if out.is_terminal:
        out.print(Syntax(script, "sql", word_wrap=True))
    else:
        typer.echo(script)


@app.command("tables", help="Show the tables of the warehouse and how many rows each has.")
def _tables(url: Url = DEFAULT_URL) -> None:
    table = Table("table", "one row is")
    table.add_column("rows", justify="right")
    with _engine(_existing(url)) as engine:
        create_tables(engine)
        with engine.connect() as connection:
            for each in Base.metadata.sorted_tables:
                rows = connection.scalar(select(func.count()).select_from(each)) or 0
                table.add_row(each.name, (each.comment or "").rstrip("."), f"{rows:,}")
    out.print(table)


@app.command("query", help="Run a query and print its rows; what it changes is rolled back.")
def _query(
    sql: Annotated[str, typer.Argument(help="A SELECT.")],
    url: Url = DEFAULT_URL,
    limit: Annotated[int, typer.Option(min=1, help="The most rows to print.")] = _SHOWN_ROWS,
) -> None:
    with _engine(_existing(url)) as engine, engine.connect() as connection:
        _print_rows(connection.execute(text(sql.replace(":", r"\:"))), limit)


@app.command("simulate", help="Write songs and activity logs of our own making, at any size.")
def _simulate(
    out_folder: Annotated[Path, typer.Option("--out", help="The folder to write to.")],
    songs: Annotated[int, typer.Option(min=0, help="Songs in the catalogue.")] = 1000,
    users: Annotated[int, typer.Option(min=0, help="Listeners.")] = 100,
    days: Annotated[int, typer.Option(min=1, help="Days of logs.")] = 30,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day.")] = (
        datetime(2018, 11, 1)
    ),
    seed: Annotated[int, typer.Option(help="The same seed writes the same files.")] = 0,
    gzip: Annotated[bool, typer.Option("--gzip", help="Compress the files.")] = False,
) -> None:
    from musicbee_warehouse.simulator import simulate  # noqa: PLC0415 - not every command needs it

    simulation = simulate(songs, users, start=start.date(), days=days, seed=seed)
    with _progress("days simulated") as advance:
        written = simulation.write(out_folder, gzip=gzip, on_progress=advance)
    out.print(
        f"Wrote {written.songs:,} songs and {written.events:,} events, {written.files:,} files "
        f"({written.bytes / 1e6:,.1f} MB), to {written.folder}",
        highlight=False,
    )


@app.command("demo", help="Simulate a month, load it into DuckDB and answer three questions.")
def _demo(
    database: Annotated[Path, typer.Option(help="The file to make.")] = Path(
        "musicbee-demo.duckdb"
    ),
) -> None:
    from musicbee_warehouse import analytics  # noqa: PLC0415 - not every command needs it
    from musicbee_warehouse.simulator import simulate  # noqa: PLC0415 - nor this

    with TemporaryDirectory(prefix="musicbee-demo-") as folder:
        with _progress("days simulated") as advance:
            simulate(songs=1000, users=1000, days=30).write(folder, on_progress=advance)
        with _engine(f"duckdb:///{database}") as engine:
            with _steps() as on_step:
                report = load(
                    engine,
                    events=Path(folder, "log_data"),
                    songs=Path(folder, "song_data"),
                    on_step=on_step,
                )
            _print_report(report)
            with engine.connect() as connection:
                for title, question in {
                    "Which songs are played most?": analytics.top_songs(5),
                    "Which artists?": analytics.top_artists(5),
                    "On which days of the week? (0 is Sunday)": analytics.plays_by_weekday(),
                }.items():
                    _print_rows(connection.execute(question), _SHOWN_ROWS, title=title)
    out.print(f"The warehouse is in {database}; ask it by: ", highlight=False)
    out.print(
        f"  musicbee-warehouse query --url duckdb:///{database} "  # noqa: S608 - printed, not run
        '"select level, count(*) as plays from songplay_fact group by level"',
        highlight=False,
        soft_wrap=True,
    )


def _existing(url: str) -> str:
    """Return the address of a warehouse that is there; DuckDB would make an empty file."""
    parts = make_url(url)
    embedded = parts.get_backend_name() == "duckdb" and parts.database not in (None, ":memory:")
    if embedded and not Path(parts.database or "").exists():
        raise WarehouseError(f"there is no warehouse {parts.database} yet; load makes it")
    return url


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = connect(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    with _bar() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _steps() -> Iterator[Callable[[int, int, str], None]]:
    with _bar() as bar:
        task = bar.add_task("reading the folders", total=None)

        def on_step(position: int, total: int, name: str) -> None:
            bar.update(task, completed=position, total=total, description=name)

        yield on_step
        bar.update(task, description="done", completed=bar.tasks[0].total)


def _bar() -> Progress:
    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn())
    return Progress(
        *columns, TimeElapsedColumn(), console=err, transient=True, disable=not err.is_terminal
    )


def _print_report(report: LoadReport) -> None:
    table = Table(title=report.summary, title_justify="left", title_style="bold")
    table.add_column("table")
    table.add_column("before", justify="right")
    table.add_column("now", justify="right")
    for name, (before, after) in report.rows.items():
        table.add_row(name, f"{before:,}", f"{after:,}")
    out.print(table)
    steps = Table("step")
    steps.add_column("rows", justify="right")
    steps.add_column("seconds", justify="right")
    for step in report.steps:
        steps.add_row(
            step.name, "" if step.rows is None else f"{step.rows:,}", f"{step.seconds:.2f}"
        )
    out.print(steps)


def _print_rows(result: CursorResult[Any], limit: int, *, title: str | None = None) -> None:
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


def main() -> None:
    """Run the command line."""
    app()
