"""Commands that load files, and tell what was loaded."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer
from rich.syntax import Syntax
from rich.table import Table

from musicbee_warehouse import LoadReport, Plan, check, forget, load, plan, runs
from musicbee_warehouse.cli.app import Url, app, existing, opened, out, steps, summary
from musicbee_warehouse.settings import DEFAULT_URL

_Events = Annotated[
    str | None, typer.Option(help="Activity logs: a folder, a glob, a file or s3://.")
]
_Songs = Annotated[str | None, typer.Option(help="Song metadata, likewise.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("load", help=summary(load))
def _load(
    events: _Events = None,
    songs: _Songs = None,
    url: Url = DEFAULT_URL,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day of the logs.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print files and statements, and change nothing.")
    ] = False,
    max_errors: Annotated[
        int, typer.Option(min=0, help="How many lines may be left out, listed in load_reject.")
    ] = 0,
    batch_bytes: Annotated[
        int | None, typer.Option(min=1, help="Load in transactions of about so many bytes.")
    ] = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Build the star anew from all of the files.")
    ] = False,
    may_be_empty: Annotated[
        list[str] | None, typer.Option(help="A staging column that the files may lack.")
    ] = None,
    keep_staging: Annotated[
        bool, typer.Option("--keep-staging", help="Leave the staged rows to look at.")
    ] = False,
    iam_role: Annotated[
        str | None, typer.Option(help="Redshift: the role by which COPY reads, or default.")
    ] = None,
    work: Annotated[
        str | None, typer.Option(help="Redshift: s3://bucket/prefix/ for manifests.")
    ] = None,
    wait: Annotated[
        bool, typer.Option(help="Wait for another load of this warehouse to end.")
    ] = True,
    as_json: _Json = False,
) -> None:
    first, last = since and since.date(), until and until.date()
    if dry_run:
        with opened(url) as engine:
            planned = plan(
                engine,
                events=events,
                songs=songs,
                since=first,
                until=last,
                full_refresh=full_refresh,
                iam_role=iam_role,
                work=work,
            )
        _print_plan(planned, as_json=as_json)
        return
    with opened(url) as engine, steps() as on_step:
        report = load(
            engine,
            events=events,
            songs=songs,
            since=first,
            until=last,
            max_errors=max_errors,
            batch_bytes=batch_bytes,
            full_refresh=full_refresh,
            may_be_empty=may_be_empty or (),
            keep_staging=keep_staging,
            iam_role=iam_role,
            work=work,
            wait=wait,
            on_step=on_step,
        )
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=2))
    else:
        print_report(report)


@app.command("runs", help=summary(runs))
def _runs(
    url: Url = DEFAULT_URL,
    last: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    as_json: _Json = False,
) -> None:
    with opened(existing(url)) as engine:
        found = runs(engine, last)
    if as_json:
        typer.echo(json.dumps(found, indent=2, default=str))
        return
    table = Table("run", "started, UTC")
    for name in ("seconds", "files", "events", "songs", "plays", "left out"):
        table.add_column(name, justify="right")
    for run in found:
        seconds = (run["finished_at"] - run["started_at"]).total_seconds()
        counts = [run[name] for name in ("events", "songs", "plays", "rejects")]
        table.add_row(
            run["run_id"][:8],
            f"{run['started_at']:%Y-%m-%d %H:%M}",
            f"{seconds:.1f}",
            f"{run['files']:,}",
            *(f"{count:,}" for count in counts),
        )
    out.print(table)


@app.command("check", help=summary(check))
def _check(url: Url = DEFAULT_URL, as_json: _Json = False) -> None:
    with opened(existing(url)) as engine:
        found = check(engine)
    broken = [each for each in found if each.violations]
    if as_json:
        typer.echo(json.dumps([each.to_dict() for each in found], indent=2))
    else:
        table = Table("what must hold")
        table.add_column("broken for", justify="right")
        table.add_column("such as")
        for each in broken or found:
            table.add_row(each.name, f"{each.violations:,}", ", ".join(each.examples))
        out.print(table)
        out.print(
            f"{len(broken)} of {len(found)} checks don't hold; to repair: {broken[0].remedy}"
            if broken
            else f"All {len(found)} checks hold.",
            highlight=False,
        )
    if broken:
        raise typer.Exit(1)


@app.command("forget", help=summary(forget))
def _forget(
    file: Annotated[str, typer.Argument(help="Its path or its address in a bucket.")],
    url: Url = DEFAULT_URL,
) -> None:
    with opened(existing(url)) as engine:
        out.print(forget(engine, file), highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1)


def _print_plan(planned: Plan, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(planned.to_dict(), indent=2))
        return
    out.print(repr(planned), highlight=False, markup=False, soft_wrap=True)
    out.print()
    if out.is_terminal:
        out.print(Syntax(planned.script, "sql", word_wrap=True))
    else:
        typer.echo(planned.script)


def print_report(report: LoadReport) -> None:
    """Print what a load did: the rows of each table, what was proved, then the steps."""
    out.print(report.summary, style="bold", highlight=False, markup=False)
    table = Table("table")
    table.add_column("before", justify="right")
    table.add_column("now", justify="right")
    for name, (before, after) in report.rows.items():
        table.add_row(name, f"{before:,}", f"{after:,}")
    out.print(table)
    if not report.files:
        return
    out.print(report.proof, highlight=False)
    steps = Table("step")
    steps.add_column("rows", justify="right")
    steps.add_column("seconds", justify="right")
    for step in report.steps:
        steps.add_row(
            step.name, "" if step.rows is None else f"{step.rows:,}", f"{step.seconds:.2f}"
        )
    out.print(steps)
