"""Commands that look into the warehouse, and print how it is filled."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.syntax import Syntax
from rich.table import Table
from sqlalchemy import func, select, text

from musicbee_warehouse import Base, create_tables, dialect_of, star
from musicbee_warehouse.cli.app import SHOWN_ROWS, Url, app, existing, opened, out, print_rows
from musicbee_warehouse.settings import DEFAULT_URL


class DialectName(StrEnum):
    """The engines that the warehouse runs on."""

    redshift = "redshift"
    duckdb = "duckdb"


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
    with opened(existing(url)) as engine:
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
    limit: Annotated[int, typer.Option(min=1, help="The most rows to print.")] = SHOWN_ROWS,
) -> None:
    with opened(existing(url)) as engine, engine.connect() as connection:
        print_rows(connection.execute(text(sql.replace(":", r"\:"))), limit)
