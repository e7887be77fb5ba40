"""Commands for data to try the warehouse on."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from sqlalchemy import Select

from musicbee_warehouse import load
from musicbee_warehouse.cli.app import SHOWN_ROWS, app, opened, out, print_rows, progress, steps
from musicbee_warehouse.cli.loading import print_report


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
    with progress("days simulated") as advance:
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
        with progress("days simulated") as advance:
            simulate(songs=1000, users=1000, days=30).write(folder, on_progress=advance)
        with opened(f"duckdb:///{database}") as engine:
            with steps() as on_step:
                report = load(
                    engine,
                    events=Path(folder, "log_data"),
                    songs=Path(folder, "song_data"),
                    on_step=on_step,
                )
            print_report(report)
            with engine.connect() as connection:
                questions: dict[str, Select[Any]] = {
                    "Which songs are played most?": analytics.top_songs(5),
                    "Which artists?": analytics.top_artists(5),
                    "On which days of the week? (0 is Sunday)": analytics.plays_by_weekday(),
                }
                for title, question in questions.items():
                    print_rows(connection.execute(question), SHOWN_ROWS, title=title)
    out.print(f"The warehouse is in {database}; ask it by: ", highlight=False)
    out.print(
        f"  musicbee-warehouse query --url duckdb:///{database} "  # noqa: S608 - printed, not run
        '"select level, count(*) as plays from songplay_fact group by level"',
        highlight=False,
        soft_wrap=True,
    )
