"""What a picture shows: boxes with rows, and lines between them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from musicbee_warehouse.errors import WarehouseError


@dataclass(frozen=True)
class Row:
    """A line of text in a box, with words before and after it."""

    text: str
    before: str = ""
    after: str = ""
    stressed: bool = False


@dataclass(frozen=True)
class Box:
    """A thing of a picture; lines may start or end at one of its rows.

    Attributes:
        title: what it is called; no two boxes are called alike.
        kind: of what kind it is, which decides its colour: a key of :data:`svg.COLOURS`.
        caption: a sentence beneath the title.
        rows: what it holds.
    """

    title: str
    kind: str
    caption: str = ""
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class End:
    """Where a line ends: at the title of a box, or at the row of a number from 0."""

    box: str
    row: int | None = None
    mark: str = ""


@dataclass(frozen=True)
class Line:
    """A line from one box to another."""

    start: End
    end: End
    dashed: bool = False


@dataclass(frozen=True)
class Drawing:
    """A picture before it is laid out."""

    title: str
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


class Picture:
    """Something that is drawn as SVG, as in a notebook, and as Mermaid text, as in a README."""

    def drawing(self) -> Drawing:
        """Return the boxes and lines to be drawn."""
        raise NotImplementedError

    def mermaid(self) -> str:
        """Return the picture as Mermaid text, see https://mermaid.js.org."""
        raise NotImplementedError

    def svg(self) -> str:
        """Return the picture as SVG, which needs nothing else to be shown."""
        from musicbee_warehouse.diagrams.svg import render  # noqa: PLC0415 - most are never drawn

        return render(self.drawing())

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file: SVG or, by its ending ``.mmd``, Mermaid text.

        Raises:
            WarehouseError: for another ending.
        """
        path = Path(path)
        spell = {".svg": self.svg, ".mmd": self.mermaid}.get(path.suffix)
        if spell is None:
            raise WarehouseError(f"{path.name} ends neither with .svg nor with .mmd")
        path.write_text(spell() + "\n", encoding="utf-8")
        return path

    def _repr_svg_(self) -> str:
        return self.svg()
