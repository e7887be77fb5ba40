"""Commands that draw what the system is made of; none needs a warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from musicbee_warehouse import Base, WarehouseError, data_dictionary, entity_diagram, lineage, star
from musicbee_warehouse.cli.app import app, out, summary
from musicbee_warehouse.diagrams.drawing import Picture
from musicbee_warehouse.pipeline import Pipeline

Mermaid = Annotated[bool, typer.Option("--mermaid", help="Print Mermaid text, for Markdown.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="Write a file instead: picture.svg or picture.mmd.")
]


@app.command("graph", help=summary(Pipeline.graph))
def _graph(mermaid: Mermaid = False, file: Out = None) -> None:
    _show(star.pipeline("log_data", "song_data").graph(), mermaid, file)


@app.command("lineage", help=summary(lineage))
def _lineage(
    column: Annotated[str, typer.Argument(help="Such as songplay_fact.song_id.")],
    mermaid: Mermaid = False,
    file: Out = None,
) -> None:
    _show(lineage(column), mermaid, file)


@app.command("entities", help=summary(entity_diagram))
def _entities(
    tables: Annotated[list[str] | None, typer.Argument(help="Of none, the star.")] = None,
    mermaid: Mermaid = False,
    file: Out = None,
) -> None:
    known = Base.metadata.tables
    if unknown := [name for name in tables or [] if name not in known]:
        raise WarehouseError(
            f"there is no table {unknown[0]}; there are {', '.join(sorted(known))}"
        )
    _show(entity_diagram(*(known[name] for name in tables or [])), mermaid, file)


@app.command("dictionary", help=summary(data_dictionary))
def _dictionary() -> None:
    typer.echo(data_dictionary())


def _show(picture: Picture, mermaid: bool, file: Path | None) -> None:
    if file is not None:
        out.print(f"Wrote {picture.save(file)}", highlight=False, soft_wrap=True)
    else:
        typer.echo(picture.mermaid() if mermaid else repr(picture))
