"""The command that migrates a warehouse, or prints how."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.syntax import Syntax

from musicbee_warehouse import migrations
from musicbee_warehouse.cli.app import Url, app, opened, out, summary
from musicbee_warehouse.engine import backend_of
from musicbee_warehouse.settings import DEFAULT_URL


@app.command("migrate", help=summary(migrations.upgrade))
def _migrate(
    url: Url = DEFAULT_URL,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL; nothing is run.")] = False,
    revision: Annotated[
        str, typer.Option(help="Up to which; with --sql also first:last, as 0001:head.")
    ] = "head",
) -> None:
    if sql:
        _print(migrations.script(backend_of(url), revision))
        return
    with opened(url) as engine:
        before = migrations.current(engine)
        migrations.upgrade(engine, revision)
        after = migrations.current(engine)
    if before == after:
        out.print(f"The warehouse is at revision {after} already.", highlight=False)
    else:
        out.print(f"Migrated from {before or 'nothing'} to revision {after}.", highlight=False)


def _print(script: str) -> None:
    if out.is_terminal:
        out.print(Syntax(script, "sql", word_wrap=True))
    else:
        typer.echo(script)
