"""The report: one page that shows what listeners like and how the warehouse is, without a network.

Pictures are SVG inside the page, in the page's own colours, each drawn for wide and for narrow
screens; their numbers stand beneath them as tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import Connection, Engine, Select, func, select

from musicbee_warehouse._version import __version__
from musicbee_warehouse.analytics import charts, questions
from musicbee_warehouse.analytics.charts import Drawing
from musicbee_warehouse.analytics.periods import Per, Plays
from musicbee_warehouse.analytics.themes import DARK, LIGHT, PAGE
from musicbee_warehouse.loading import check, runs
from musicbee_warehouse.loading.planning import human
from musicbee_warehouse.models import SongDim, SongplayFact, UserDim

_WIDE, _HALF, _NARROW = 1100, 520, 326
"""The widths of pictures: across the page, beside another one, and on a telephone, in pixels."""
_MAP_HEIGHT = 0.44
"""How high the inhabited world is, as a share of its width."""
_SHOWN_RUNS = 5
_SHOWN_ROWS = 100

Chart = Callable[..., Drawing]


@dataclass(frozen=True)
class Figure:
    """A number worth knowing: what it is, the number, and a remark."""

    name: str
    value: str
    remark: str


@dataclass(frozen=True)
class Picture:
    """A chart on the page.

    Attributes:
        title: what it is about.
        unit: what is measured.
        said: what it shows, in a sentence, for those who don't see it.
        across: whether it is as wide as the page.
        wide: its SVG on wide screens; empty if there is nothing to show.
        narrow: its SVG on narrow screens.
        columns: the names of its numbers.
        numeric: the positions of the columns that are numbers.
        rows: its numbers, as text.
        more: how many rows there are besides.
    """

    title: str
    unit: str
    said: str
    across: bool
    wide: Markup
    narrow: Markup
    columns: list[str]
    numeric: set[int]
    rows: list[list[str]]
    more: int


def write_report(
    engine: Engine, path: str | Path, *, plays: Plays = None, now: datetime | None = None
) -> Path:
    """Write the report of a warehouse as one HTML file, and return its path.

    See :func:`report_page` for the arguments.

    >>> import musicbee_warehouse as mw
    >>> engine = mw.connect("duckdb:///musicbee.duckdb")  # doctest: +SKIP
    >>> write_report(engine, "report.html")  # doctest: +SKIP
    """
    path = Path(path)
    path.write_text(report_page(engine, plays=plays, now=now), encoding="utf-8")
    return path


def report_page(engine: Engine, *, plays: Plays = None, now: datetime | None = None) -> str:
    """Return the report of a warehouse as HTML that needs no other file.

    All questions are asked in one transaction.

    Args:
        engine: the warehouse; its tables may be empty.
        plays: which plays it is about, such as ``during("2018-11")``; by default all.
        now: when the page says it was made, by default the present.
    """
    with engine.connect() as connection:
        key = connection.execute(questions.key_figures(plays)).one()
        figures = _figures(connection, key, plays)
        sections = _sections(connection, _days(key.first_play, key.last_play), plays)
        is_empty = connection.scalar(select(func.count()).select_from(SongplayFact)) == 0
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            made_at=now or datetime.now(UTC),
            warehouse=f"{engine.dialect.name}, {engine.url.database or 'in memory'}",
            is_empty=is_empty,
            first=key.first_play,
            last=key.last_play,
            figures=figures,
            sections=sections,
            runs=runs(engine, _SHOWN_RUNS),
            checks=check(engine),
            version=__version__,
            light=LIGHT,
            dark=DARK,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("musicbee_warehouse.analytics"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"size": human, "day": _day, "seconds": _seconds}
    return environment


def _figures(connection: Connection, key: Any, plays: Plays) -> list[Figure]:
    users = connection.scalar(select(func.count()).select_from(UserDim)) or 0
    songs = connection.scalar(select(func.count()).select_from(SongDim)) or 0
    paid = {row.level: row.plays for row in connection.execute(questions.plays_by_level(plays))}
    held = connection.execute(questions.session_figures(plays)).one()
    length = f"{held.mean_plays:.1f} plays on average" if held.sessions else "none yet"
    return [
        Figure("Plays", f"{key.plays:,}", f"{key.hours:,.0f} hours of music"),
        Figure("Listeners", f"{key.listeners:,}", f"of {users:,} users"),
        Figure("Sessions", f"{key.sessions:,}", length),
        Figure("Paid", _share(paid.get("paid", 0), key.plays), "of all plays"),
        Figure("In the catalogue", _share(key.matched, key.plays), "of all plays"),
        Figure("Songs", f"{songs:,}", "in the catalogue"),
    ]


def _sections(connection: Connection, days: int, plays: Plays) -> dict[str, list[Picture]]:
    """Return the pictures of each section; the longer the log, the longer the steps of time."""
    per: Per = "day" if days <= 120 else "week" if days <= 1100 else "month"
    step: Per = "week" if days <= 120 else "month"
    draw = partial(_picture, connection)
    ask = questions
    return {
        "Listening": [
            draw(charts.plays_over_time, ask.plays_over_time(per, plays=plays), across=True),
            draw(charts.top_songs, ask.top_songs(plays=plays)),
            draw(charts.top_artists, ask.top_artists(plays=plays)),
            draw(
                charts.plays_by_weekday_and_hour, ask.plays_by_weekday_and_hour(plays), across=True
            ),
            draw(charts.plays_by_location, ask.plays_by_location(plays=plays)),
            draw(charts.devices, ask.listeners_by_user_agent(plays)),
        ],
        "Listeners": [
            draw(charts.active_users, ask.stickiness(plays=plays)),
            draw(charts.new_and_returning, ask.new_and_returning(step, plays=plays)),
            draw(charts.cohort_retention, ask.cohort_retention(step, plays=plays), across=True),
        ],
        "Catalogue": [
            draw(charts.artist_map, ask.artist_map(plays=plays), across=True),
            draw(charts.catalogue_coverage, ask.catalogue_coverage(per, plays=plays)),
            draw(charts.catalogue_gaps, ask.catalogue_gaps(plays=plays)),
        ],
    }


def _picture(
    connection: Connection, chart: Chart, question: Select[Any], *, across: bool = False
) -> Picture:
    drawing = chart(connection, question, theme=PAGE).to_dict()
    rows = [row for row in drawing["datasets"][drawing["data"]["name"]] if row]
    title, unit = (drawing["title"][key] for key in ("text", "subtitle"))
    wide, narrow = (
        _svg(drawing, width, name) if rows else Markup("")
        for width, name in ((_WIDE if across else _HALF, "wide"), (_NARROW, "narrow"))
    )
    return Picture(
        title,
        unit,
        drawing["description"].removeprefix(f"{title}: {unit}. "),
        across,
        wide,
        narrow,
        [name.replace("_", " ") for name in rows[0]] if rows else [],
        _numeric(rows),
        [[_cell(value) for value in row.values()] for row in rows[:_SHOWN_ROWS]],
        max(0, len(rows) - _SHOWN_ROWS),
    )


def _svg(drawing: dict[str, Any], width: int, name: str) -> Markup:
    """Return a picture as an element of the page, which scales with it and is read as its words.

    Its title is the page's.
    """
    bare = {key: value for key, value in drawing.items() if key != "title"} | {"width": width}
    if "projection" in drawing:
        bare["height"] = round(width * _MAP_HEIGHT)
    element = vl_convert.vegalite_to_svg(bare)
    head, body = element.split(">", 1)
    size = re.search(r'viewBox="0 0 (\d+)', head)
    assert size is not None  # noqa: S101 - an SVG of Vega has one
    shown = Markup('class="{}" role="img" aria-label="{}" style="max-width:{}px"').format(
        name, drawing["description"], size[1]
    )
    # Sizes are the page's business: what remains is the shape.
    shape = re.sub(r' (width|height|class|version|xmlns:xlink)="[^"]*"', "", head)
    return Markup(f"{shape} {shown}>{body}")  # noqa: S704 - Vega escapes what it writes


def _numeric(rows: list[dict[str, Any]]) -> set[int]:
    columns = zip(*(row.values() for row in rows), strict=True)
    return {
        position
        for position, values in enumerate(columns)
        if all(isinstance(value, int | float) for value in values if value is not None)
    }


def _days(first: datetime | None, last: datetime | None) -> int:
    return (last - first).days + 1 if first and last else 0


def _share(part: int, total: int) -> str:
    return f"{part / total:.0%}" if total else "0%"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _day(moment: date) -> str:
    return f"{moment:%-d %B %Y}"


def _seconds(run: dict[str, Any]) -> str:
    taken: timedelta = run["finished_at"] - run["started_at"]
    return f"{taken.total_seconds():,.1f}"
