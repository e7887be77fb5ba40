"""Commands that load files."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from musicbee_warehouse import LoadReport, load
from musicbee_warehouse.cli.app import Url, app, opened, out, steps, summary
from musicbee_warehouse.settings import DEFAULT_URL


@app.command("load", help=summary(load))
def _load(
    events: Annotated[str, typer.Option(help="Activity logs: a folder, a glob or a file.")],
    songs: Annotated[str, typer.Option(help="Song metadata: a folder, a glob or a file.")],
    url: Url = DEFAULT_URL,
    keep_staging: Annotated[bool, typer.Option(help="Leave the staged rows to look at.")] = False,
) -> None:
    with opened(url) as engine, steps() as on_step:
        report = load(
            engine, events=events, songs=songs, keep_staging=keep_staging, on_step=on_step
        )
    print_report(report)


def print_report(report: LoadReport) -> None:
    """Print what a load did: the rows of each table, then the steps."""
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
