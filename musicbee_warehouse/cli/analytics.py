"""Commands that ask the warehouse, and show what it answers."""

from __future__ import annotations

import webbrowser
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import Select

from musicbee_warehouse import WarehouseError, create_tables
from musicbee_warehouse.analytics import QUESTIONS, during
from musicbee_warehouse.cli.app import (
    SHOWN_ROWS,
    Url,
    app,
    existing,
    opened,
    out,
    print_rows,
    summary,
)
from musicbee_warehouse.loading.planning import human
from musicbee_warehouse.settings import DEFAULT_URL

Period = Annotated[
    str, typer.Option("--during", help="Only plays of a period: 2018, 2018-11, 2018-W45, ...")
]


@app.command("ask", help="Ask one of the questions and print its rows; without a name, list them.")
def _ask(
    name: Annotated[str, typer.Argument(help="The question, such as top_songs.")] = "",
    period: Period = "",
    url: Url = DEFAULT_URL,
    limit: Annotated[int, typer.Option(min=1, help="The most rows to print.")] = SHOWN_ROWS,
) -> None:
    if not name:
        _list_questions()
        return
    question = _question(name, period)
    with opened(existing(url)) as engine, engine.connect() as connection:
        print_rows(connection.execute(question), limit)


def _list_questions() -> None:
    table = Table("question", "answer", "columns")
    for name, question in QUESTIONS.items():
        table.add_row(
            name,
            summary(question).removeprefix("Print "),
            ", ".join(question().selected_columns.keys()),
        )
    out.print(table)


def _question(name: str, period: str) -> Select[Any]:
    question = QUESTIONS.get(name)
    if question is None:
        near = get_close_matches(name, QUESTIONS, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else "ask without a name lists them"
        raise WarehouseError(f"{name} is no question; {hint}")
    if not period:
        return question()
    if "plays" not in signature(question).parameters:
        raise WarehouseError(f"{name} is about all plays; ask it without --during")
    return question(plays=during(period))


@app.command("report", help="Write a page that shows what listeners like and how the warehouse is.")
def _report(
    page: Annotated[Path, typer.Option("--out", help="The HTML file to write.")] = Path(
        "report.html"
    ),
    period: Period = "",
    url: Url = DEFAULT_URL,
    show: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
) -> None:
    try:
        from musicbee_warehouse.analytics.report import write_report  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise WarehouseError(
            f"the report needs {error.name}: pip install 'musicbee-warehouse[analytics]'"
        ) from None
    plays = during(period) if period else None
    with opened(existing(url)) as engine:
        create_tables(engine)
        written = write_report(engine, page, plays=plays)
    out.print(f"Wrote {written} ({human(written.stat().st_size)})", highlight=False)
    if show:
        webbrowser.open(written.resolve().as_uri())
