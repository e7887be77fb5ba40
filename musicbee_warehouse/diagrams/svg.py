"""A drawing as SVG: self-contained, without script, style sheet or font to fetch.

Everything is said in attributes, because a style sheet within one picture of a notebook would
colour all of them. The ground is white, so that it reads on a dark page too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from itertools import pairwise
from typing import NamedTuple

from musicbee_warehouse.diagrams.drawing import Box, Drawing, End, Line, Row
from musicbee_warehouse.diagrams.layout import Joint, Layout, Point, Size, lay_out


class Colours(NamedTuple):
    """The ground of a title and the edge of its box; text on the ground is dark."""

    ground: str
    edge: str


COLOURS: Mapping[str, Colours] = {
    "file": Colours("#f1f3f5", "#868e96"),
    "staging": Colours("#fff3d6", "#b87700"),
    "dimension": Colours("#dcecfb", "#0b6bb5"),
    "fact": Colours("#d5f2e6", "#007a5a"),
    "ledger": Colours("#f3e3ee", "#a3487e"),
    "query": Colours("#ffffff", "#495057"),
}
"""By kind of box; edges keep apart for the colour-blind (https://jfly.uni-koeln.de/color/)."""
_INK, _PALE = "#212529", "#5c636a"
_FONT = "ui-monospace, 'SFMono-Regular', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_ADVANCE = 0.605
"""The width of a letter of a fixed-width font, in its size."""
_TITLE, _TEXT = 13.0, 12.0
_WIDEST = 1000.0
"""The width that a wide picture is shrunk to: what a notebook has room for."""
_HEAD, _CAPTION, _ROW, _PAD, _MARGIN = 30.0, 17.0, 20.0, 11.0, 16.0


def render(drawing: Drawing) -> str:
    """Return a drawing, laid out, as SVG.

    >>> from musicbee_warehouse.diagrams.drawing import Box
    >>> render(Drawing("One table", (Box("song_dim", "dimension"),), ())).count("song_dim")
    1
    """
    boxes = {box.title: box for box in drawing.boxes}
    layout = lay_out(
        {title: _size(box) for title, box in boxes.items()},
        [_joint(line, boxes) for line in drawing.lines],
    )
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    scale = min(1, _WIDEST / width)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width * scale:.0f}" height="{height * scale:.0f}" role="img" '
        f'style="max-width: 100%; height: auto" font-family="{_FONT}" fill="{_INK}">',
        f"<title>{escape(drawing.title)}</title>",
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="10" fill="#ffffff"/>',
        f'<g transform="translate({_MARGIN:.0f} {_MARGIN:.0f})">',
        *(part for line in _faint_first(drawing) for part in _line(line, boxes, layout)),
        *(part for box in drawing.boxes for part in _box(box, layout.boxes[box.title])),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts)


# Boxes ----------------------------------------------------------------------------------------


def _width(text: str, size: float) -> float:
    return len(text) * size * _ADVANCE


def _columns(box: Box) -> tuple[float, float, float]:
    """Return the widths of what stands before, in and after the text of the rows."""
    before = max((_width(row.before, _TEXT - 2) for row in box.rows), default=0)
    text = max((_width(row.text, _TEXT) for row in box.rows), default=0)
    after = max((_width(row.after, _TEXT - 1) for row in box.rows), default=0)
    return before + (8 if before else 0), text, after + (14 if after else 0)


def _size(box: Box) -> Size:
    title = max(_width(box.title, _TITLE) * 1.03, _width(box.caption, _TEXT - 2))
    width = max(title, sum(_columns(box))) + 2 * _PAD
    return Size(round(width), _top(box) + len(box.rows) * _ROW + (6 if box.rows else 0))


def _head(box: Box) -> float:
    return _HEAD + (_CAPTION if box.caption else 0)


def _top(box: Box) -> float:
    """Return the height at which the rows of a box begin."""
    return _head(box) + (4 if box.rows else 0)


def _box(box: Box, place: Point) -> Iterator[str]:
    x, y = place
    width, height = _size(box)
    ground, edge = COLOURS[box.kind]
    frame = f'x="{x:.1f}" y="{y:.1f}" width="{width:.0f}" height="{height:.0f}" rx="7"'
    yield f'<rect {frame} fill="{"#ffffff" if box.rows else ground}"/>'
    if box.rows:
        side = _head(box) - 7
        yield (
            f'<path d="M{x:.1f} {y + 7:.1f}q0-7 7-7h{width - 14:.0f}q7 0 7 7'
            f'v{side:.0f}h-{width:.0f}z" fill="{ground}"/>'
        )
    yield f'<rect {frame} fill="none" stroke="{edge}" stroke-width="1.3"/>'
    yield _text(x + _PAD, y + 20, box.title, size=_TITLE, weight="bold")
    if box.caption:
        yield _text(x + _PAD, y + 37, box.caption, size=_TEXT - 2, fill=_PALE)
    before, *_ = _columns(box)
    for number, row in enumerate(box.rows):
        yield from _row(row, x, y + _top(box) + number * _ROW + 14, before, width)


def _row(row: Row, x: float, baseline: float, before: float, width: float) -> Iterator[str]:
    if row.before:
        yield _text(x + _PAD, baseline, row.before, size=_TEXT - 2, fill=_PALE, weight="bold")
    yield _text(x + _PAD + before, baseline, row.text, weight="bold" if row.stressed else "normal")
    if row.after:
        yield _text(x + width - _PAD, baseline, row.after, size=_TEXT - 1, fill=_PALE, anchor="end")


def _text(  # noqa: PLR0913 - how a text looks
    x: float,
    y: float,
    text: str,
    *,
    size: float = _TEXT,
    fill: str = _INK,
    weight: str = "normal",
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.0f}" fill="{fill}" '
        f'font-weight="{weight}" text-anchor="{anchor}">{escape(text)}</text>'
    )


# Lines ----------------------------------------------------------------------------------------


def _faint_first(drawing: Drawing) -> list[Line]:
    return sorted(drawing.lines, key=lambda line: not line.dashed)


def _height(end: End, boxes: Mapping[str, Box]) -> float:
    """Return how far beneath the top of its box a line ends."""
    if end.row is None:
        return _HEAD / 2
    return _top(boxes[end.box]) + end.row * _ROW + _ROW / 2


def _joint(line: Line, boxes: Mapping[str, Box]) -> Joint:
    return Joint(line.start.box, line.end.box, _height(line.start, boxes), _height(line.end, boxes))


def _line(line: Line, boxes: Mapping[str, Box], layout: Layout) -> Iterator[str]:
    points = layout.routes.get(_joint(line, boxes))
    if points is None:
        return
    colour = COLOURS[boxes[line.start.box].kind].edge
    dashes = ' stroke-dasharray="4 4" opacity="0.55"' if line.dashed else ""
    leftwards = points[0].x > points[-1].x
    path = _curve([*points[:1], *_stubs(line, points, leftwards=leftwards), *points[-1:]])
    yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.4"{dashes}/>'
    if not line.dashed:
        yield from _mark(line.start.mark, points[0], colour, leftwards=leftwards)
        yield from _mark(line.end.mark or "arrow", points[-1], colour, leftwards=not leftwards)


def _stubs(line: Line, points: list[Point], *, leftwards: bool) -> list[Point]:
    """Return the points between the ends, with room for the marks, where a line runs straight."""
    way = -1 if leftwards else 1
    (x0, y0), (x1, y1) = points[0], points[-1]
    start, end = _STUBS[line.start.mark], _STUBS[line.end.mark or "arrow"]
    return [Point(x0 + way * start, y0), *points[1:-1], Point(x1 - way * end, y1)]


def _curve(points: list[Point]) -> str:
    """Return a path that leaves and enters each point horizontally."""
    path = f"M{points[0].x:.1f} {points[0].y:.1f}"
    for a, b in pairwise(points):
        middle = (a.x + b.x) / 2
        straight = abs(a.y - b.y) < 0.05
        bend = "L" if straight else f"C{middle:.1f} {a.y:.1f} {middle:.1f} {b.y:.1f} "
        path += f"{bend}{b.x:.1f} {b.y:.1f}"
    return path


_MARKS: Mapping[str, str] = {
    "arrow": "M0 0l9-4.5v9z",
    "many": "M0-5L12 0L0 5",
    "one": "M9-5v10M13-5v10",
    "none or one": "M9-5v10M14 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
}
"""Drawn at the right of a box; the last three are the crow's foot of data modelling."""
_STUBS: Mapping[str, float] = {"": 0, "arrow": 9, "many": 14, "one": 18, "none or one": 24}
"""How long a line runs straight for its mark."""


def _mark(mark: str, at: Point, colour: str, *, leftwards: bool) -> Iterator[str]:
    """Draw what a line ends in, mirrored where it ends at the left of a box."""
    if mark:
        mirror = " scale(-1 1)" if leftwards else ""
        fill = {"arrow": colour, "none or one": "#ffffff"}.get(mark, "none")
        yield (
            f'<path d="{_MARKS[mark]}" transform="translate({at.x:.1f} {at.y:.1f}){mirror}" '
            f'fill="{fill}" stroke="{colour}" stroke-width="1.4"/>'
        )
