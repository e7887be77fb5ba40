"""Charts: an answer as a picture, a function for each question worth seeing.

Each asks the warehouse and returns a chart of Altair, to show in a notebook, to change, or to save
without a network:

>>> import musicbee_warehouse as mw
>>> engine = mw.connect("duckdb:///:memory:")
>>> report = mw.load(engine, events="examples/data/log_data", songs="examples/data/song_data")
>>> from musicbee_warehouse.analytics.themes import DARK
>>> chart = top_songs(engine, theme=DARK)
>>> chart.title.text
'Songs played most'
>>> save(chart, "songs.svg")  # doctest: +SKIP

``question`` is another select with the same columns, such as ``questions.top_songs(20)``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import altair as alt
from sqlalchemy import Connection, Engine, Select

from musicbee_warehouse.analytics import questions
from musicbee_warehouse.analytics.devices import summed
from musicbee_warehouse.analytics.frames import connected
from musicbee_warehouse.analytics.themes import LIGHT, Theme
from musicbee_warehouse.errors import WarehouseError

Bind = Engine | Connection
Drawing = alt.Chart | alt.LayerChart
Rows = list[dict[str, Any]]

_NOTHING = "Nothing to show yet"
_NUMBER = "format(datum.value, abs(datum.value) >= 1e4 ? '~s' : ',')"
"""Spells the numbers of an axis: 500, 2,000, 30k."""
_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_COUNT = ","
_SHARE = ".0%"


@dataclass(frozen=True)
class Words:
    """What a chart says: its title, what is measured in which unit, and what it shows."""

    title: str
    unit: str
    said: str = ""


def plays_over_time(
    bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT
) -> Drawing:
    """Draw the plays of each day, week or month as an area."""
    rows = _rows(bind, questions.plays_over_time() if question is None else question)
    period = _first_key(rows, "day")
    most = max(rows, key=lambda row: row["plays"], default={})
    said = f"Most on {_spelt(most[period])}: {most['plays']:,} plays" if most else ""
    chart = (
        alt.Chart()
        .mark_area()
        .encode(
            x=_calendar(period),
            y=alt.Y("plays:Q").title("plays").axis(labelExpr=_NUMBER, tickCount=4),
            tooltip=[_day(period), *_counted("plays", "listeners")],
        )
    )
    return _drawn(chart, rows, theme, Words(f"Plays by {period}", f"plays per {period}, UTC", said))


def plays_by_hour(
    bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT
) -> Drawing:
    """Draw the plays of each hour of the day as columns."""
    rows = _rows(bind, questions.plays_by_hour() if question is None else question)
    most = max(rows, key=lambda row: row["plays"], default={})
    said = f"Most begin between {most['hour']}:00 and {most['hour']}:59" if most else ""
    chart = (
        alt.Chart()
        .mark_bar()
        .encode(
            x=alt.X("hour:O").title("hour of the day (UTC)").axis(labelAngle=0, labelOverlap=True),
            y=_quantity("plays"),
            tooltip=_counted("hour", "plays", "listeners"),
        )
    )
    words = Words("Plays by hour", "plays, by the hour at which they began", said)
    return _drawn(chart, rows, theme, words)


def plays_by_weekday_and_hour(
    bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT
) -> Drawing:
    """Draw the hours of the week as a field whose colour is deeper, the more is played."""
    rows = _rows(bind, questions.plays_by_weekday_and_hour() if question is None else question)
    for row in rows:
        row["weekday"] = _WEEKDAYS[row["weekday"]]
    most = max(rows, key=lambda row: row["plays"], default={})
    said = (
        f"Most on {most['weekday']} from {most['hour']}:00: {most['plays']:,} plays" if most else ""
    )
    peak = most.get("plays", 0)
    chart = (
        alt.Chart()
        .mark_rect(cornerRadius=2)
        .encode(
            x=alt.X("hour:O")
            .title("hour of the day (UTC)")
            .scale(paddingInner=0.08)
            .axis(labelAngle=0, labelOverlap=True),
            y=alt.Y("weekday:O").title(None).sort([*_WEEKDAYS[1:], "Sun"]).scale(paddingInner=0.08),
            opacity=_depth("plays").legend(labelExpr=_NUMBER, values=[0, peak // 2, peak]),
            tooltip=[alt.Tooltip("weekday:O"), *_counted("hour", "plays")],
        )
        .properties(height=210)
    )
    return _drawn(
        chart, rows, theme, Words("When people listen", "plays by weekday and hour, UTC", said)
    )


def top_songs(bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT) -> Drawing:
    """Draw the songs played most as bars."""
    rows = _rows(bind, questions.top_songs() if question is None else question)
    rows = [{"song": f"{row['title']}, {row['artist_name']}", **row} for row in rows]
    return _ranking(rows, theme, "song", Words("Songs played most", "plays, by title and artist"))


def top_artists(
    bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT
) -> Drawing:
    """Draw the artists played most as bars."""
    rows = _rows(bind, questions.top_artists() if question is None else question)
    rows = [{"artist": row["artist_name"], "plays": row["plays"]} for row in rows]
    return _ranking(
        rows, theme, "artist", Words("Artists played most", "plays, by name as credited")
    )


def plays_by_location(
    bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT
) -> Drawing:
    """Draw the places with the most plays as bars."""
    rows = _rows(bind, questions.plays_by_location() if question is None else question)
    return _ranking(rows, theme, "location", Words("Where people listen", "plays, by place"))


def catalogue_gaps(
    bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT
) -> Drawing:
    """Draw the songs played most of those that the catalogue lacks as bars."""
    rows = _rows(bind, questions.catalogue_gaps() if question is None else question)
    rows = [{"song": f"{row['title']}, {row['artist_name']}", **row} for row in rows]
    return _ranking(rows, theme, "song", Words("Missing from the catalogue", "plays of the song"))


def devices(bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT) -> Drawing:
    """Draw the browsers that are listened on as bars, by system and kind of device."""
    with connected(bind) as connection:
        answer = connection.execute(
            questions.listeners_by_user_agent() if question is None else question
        )
        used = summed(answer.tuples())
    rows: Rows = [
        {
            "device": f"{use.device.browser} on {use.device.system}, {use.device.kind}",
            "plays": use.plays,
            "listeners": use.listeners,
        }
        for use in used[:10]
    ]
    return _ranking(
        rows, theme, "device", Words("What people listen on", "plays, by browser and system")
    )


def active_users(
    bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT
) -> Drawing:
    """Draw each day's listeners and those of the 30 days until then, as lines."""
    rows = _rows(bind, questions.stickiness() if question is None else question)
    last = rows[-1] if rows else {}
    said = (
        f"On {_spelt(last['day'])}, {last['daily_users']:,} of {last['users']:,} listeners came "
        f"({last['share']:.0%})"
        if last
        else ""
    )
    series = ["in the last 30 days", "on the day"]
    chart = (
        alt.Chart()
        .transform_fold(["users", "daily_users"], as_=["series", "listeners"])
        .transform_calculate(series=f"datum.series == 'users' ? '{series[0]}' : '{series[1]}'")
        .mark_line()
        .encode(
            x=_calendar("day"),
            y=_quantity("listeners"),
            color=alt.Color("series:N").sort(series).legend(symbolType="stroke"),
            strokeDash=alt.StrokeDash("series:N").sort(series).legend(None),
            tooltip=[_day("day"), alt.Tooltip("series:N"), *_counted("listeners")],
        )
    )
    return _drawn(chart, rows, theme, Words("Active listeners", "listeners, by day", said))


def new_and_returning(
    bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT
) -> Drawing:
    """Draw the listeners of each period as columns: new, kept from the period before, or back."""
    rows = _rows(bind, questions.new_and_returning() if question is None else question)
    period = _first_key(rows, "week")
    last = rows[-1] if rows else {}
    said = (
        f"In the {period} of {_spelt(last[period])}: {last['new']:,} new, {last['kept']:,} kept, "
        f"{last['back']:,} back"
        if last
        else ""
    )
    kinds: list[Any] = ["kept", "back", "new"]
    chart = (
        alt.Chart()
        .transform_fold(kinds, as_=["kind", "listeners"])
        .transform_calculate(order=f"indexof({kinds}, datum.kind)")
        .mark_bar()
        .encode(
            x=_step(period),
            y=_quantity("listeners"),
            color=alt.Color("kind:N").sort(kinds),
            order=alt.Order("order:Q"),
            tooltip=[_day(period), alt.Tooltip("kind:N"), *_counted("listeners")],
        )
    )
    words = Words("New and returning listeners", f"listeners, by {period}", said)
    return _drawn(chart, rows, theme, words)


def cohort_retention(
    bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT
) -> Drawing:
    """Draw the share of each cohort that came again, as a triangle of numbers."""
    rows = _rows(bind, questions.cohort_retention() if question is None else question)
    began, returned = _began_and_returned(rows)
    rate = f"{returned / began:.0%}" if began else "None"
    said = f"{rate} of those who could came again in the next period"
    field = (
        alt.Chart()
        .mark_rect(cornerRadius=2)
        .encode(
            x=alt.X("age:O")
            .title("periods since the first")
            .scale(paddingInner=0.06)
            .axis(labelAngle=0, labelOverlap=True, labelSeparation=4),
            y=alt.Y("cohort:O").title(None).scale(paddingInner=0.06),
            opacity=_depth("share", most=0.55).legend(None),
            tooltip=[alt.Tooltip("cohort:O"), *_counted("age", "listeners"), _part("share")],
        )
    )
    numbers = (
        alt.Chart()
        .mark_text(fontSize=11, opacity=alt.ExprRef("bandwidth('x') < 30 ? 0 : 1"))
        .encode(x="age:O", y="cohort:O", text=alt.Text("share:Q").format(_SHARE))
    )
    chart = alt.layer(field, numbers).properties(
        height=max(80, 26 * len({row["cohort"] for row in rows}))
    )
    title, unit = "Who comes back", "share that listens, by first period and periods since"
    return _drawn(chart, rows, theme, Words(title, unit, said))


def sessions_by_length(
    bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT
) -> Drawing:
    """Draw how many sessions have how many plays as columns."""
    rows = _rows(bind, questions.sessions_by_length() if question is None else question)
    most = max(rows, key=lambda row: row["sessions"], default={})
    said = f"{most['share']:.0%} of the sessions have {most['songs']} plays" if most else ""
    chart = _columns("songs", "sessions", "songs played in the session", ["sessions"])
    return _drawn(
        chart, rows, theme, Words("How long sessions are", "sessions, by songs played", said)
    )


def listening_by_decile(
    bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT
) -> Drawing:
    """Draw the share of plays of each tenth of the listeners as columns."""
    rows = _rows(bind, questions.listening_by_decile() if question is None else question)
    said = f"The tenth that plays most has {rows[0]['share']:.0%} of all plays" if rows else ""
    chart = _columns("decile", "share", "tenth of the listeners, 1 plays most", ["plays"])
    return _drawn(chart, rows, theme, Words("Who listens most", "share of plays, by tenth", said))


def conversions(
    bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT
) -> Drawing:
    """Draw upgrades above the line and downgrades below, for each period."""
    rows = _rows(bind, questions.conversions("week") if question is None else question)
    period = _first_key(rows, "week")
    up, down = (sum(row[kind] for row in rows) for kind in ("upgraded", "downgraded"))
    said = f"{up:,} upgrades to paid, {down:,} downgrades to free" if rows else ""
    kinds: list[Any] = ["upgraded", "downgraded"]
    chart = (
        alt.Chart()
        .transform_fold(kinds, as_=["change", "users"])
        .transform_calculate(signed="datum.change == 'upgraded' ? datum.users : -datum.users")
        .mark_bar()
        .encode(
            x=_step(period),
            y=alt.Y("signed:Q").title("users").axis(format="d", tickCount=5),
            color=alt.Color("change:N").sort(kinds),
            tooltip=[_day(period), alt.Tooltip("change:N"), *_counted("users")],
        )
    )
    return _drawn(chart, rows, theme, Words("Changes of level", f"users, by {period}", said))


def plays_by_decade(
    bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT
) -> Drawing:
    """Draw the plays of the catalogue's songs by the decade of their release, as columns."""
    rows = _rows(bind, questions.plays_by_decade() if question is None else question)
    rows = [{**row, "decade": f"{row['decade'] or 'no year'}"} for row in rows]
    most = max(rows, key=lambda row: row["plays"], default={})
    said = f"Most plays are of songs of {most['decade']}: {most['plays']:,}" if most else ""
    chart = _columns("decade", "plays", "decade of release", ["plays"])
    return _drawn(
        chart, rows, theme, Words("How old the music is", "plays of catalogue songs", said)
    )


def catalogue_coverage(
    bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT
) -> Drawing:
    """Draw the share of plays whose song the catalogue knows, as a line from 0 to all."""
    rows = _rows(bind, questions.catalogue_coverage() if question is None else question)
    period = _first_key(rows, "day")
    plays, matched = (sum(row[key] for row in rows) for key in ("plays", "matched"))
    said = (
        f"The catalogue knows {matched:,} of {plays:,} plays ({matched / plays:.1%})"
        if plays
        else ""
    )
    chart = (
        alt.Chart()
        .mark_area()
        .encode(
            x=_calendar(period),
            y=alt.Y("share:Q")
            .title("share of plays")
            .scale(domain=[0, 1])
            .axis(format="%", tickCount=4),
            tooltip=[_day(period), *_counted("plays", "matched"), _part("share")],
        )
        .properties(height=300)
    )
    title, unit = "What the catalogue covers", f"share of plays with a known song, by {period}"
    return _drawn(chart, rows, theme, Words(title, unit, said))


def artist_map(bind: Bind, question: Select[Any] | None = None, *, theme: Theme = LIGHT) -> Drawing:
    """Draw the most played artists of the catalogue on a map of the world."""
    rows = _rows(bind, questions.artist_map() if question is None else question)
    said = (
        f"{len(rows):,} artists with a known place; {rows[0]['name']} is played most"
        if rows
        else ""
    )
    land = alt.Chart(alt.InlineData(values=_land())).mark_geoshape()
    places = (
        alt.Chart()
        .mark_circle(opacity=0.65, stroke=theme.paper, strokeWidth=0.5)
        .encode(
            longitude="longitude:Q",
            latitude="latitude:Q",
            size=alt.Size("plays:Q")
            .scale(range=[12, 260])
            .legend(labelExpr=_NUMBER, symbolType="circle"),
            tooltip=[alt.Tooltip("name:N"), alt.Tooltip("location:N"), *_counted("plays")],
        )
    )
    chart = alt.layer(land, places).project("equalEarth").properties(height=280)
    title, unit = "Where the artists come from", "plays of catalogue artists with a known place"
    return _drawn(chart, rows, theme, Words(title, unit, said))


CHARTS: Mapping[str, Callable[..., Drawing]] = MappingProxyType(
    {
        chart.__name__: chart
        for chart in (
            plays_over_time,
            plays_by_hour,
            plays_by_weekday_and_hour,
            top_songs,
            top_artists,
            plays_by_location,
            active_users,
            new_and_returning,
            cohort_retention,
            sessions_by_length,
            listening_by_decile,
            conversions,
            devices,
            plays_by_decade,
            artist_map,
            catalogue_coverage,
            catalogue_gaps,
        )
    }
)
"""Every chart by its name."""


def save(chart: Drawing, path: str | Path) -> Path:
    """Write a chart as its name ends: ``.svg``, ``.png`` or ``.html``; no network is needed.

    Raises:
        WarehouseError: for another ending.
    """
    path = Path(path)
    write = _WRITERS.get(path.suffix)
    if write is None:
        raise WarehouseError(f"{path.name} ends in none of {', '.join(_WRITERS)}")
    content = write(chart)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def svg(chart: Drawing) -> str:
    """Return a chart as the text of an SVG element."""
    import vl_convert  # noqa: PLC0415 - large, and not needed to make a chart

    drawing: str = vl_convert.vegalite_to_svg(chart.to_dict())
    return drawing


def _png(chart: Drawing) -> bytes:
    import vl_convert  # noqa: PLC0415 - as above

    picture: bytes = vl_convert.vegalite_to_png(chart.to_dict(), scale=2)
    return picture


def _html(chart: Drawing) -> str:
    import vl_convert  # noqa: PLC0415 - as above

    page: str = vl_convert.vegalite_to_html(chart.to_dict(), bundle=True)
    return page


_WRITERS: Mapping[str, Callable[[Drawing], str | bytes]] = {
    ".svg": svg,
    ".png": _png,
    ".html": _html,
}


# What the charts are made from ------------------------------------------------------------------


def _rows(bind: Bind, question: Select[Any]) -> Rows:
    with connected(bind) as connection:
        answer = connection.execute(question).mappings().all()
    return [{name: _plain(value) for name, value in row.items()} for row in answer]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


def _first_key(rows: Rows, default: str) -> str:
    """Return what the first column is called: day, week or month."""
    return next(iter(rows[0])) if rows else default


def _drawn(chart: Any, rows: Rows, theme: Theme, words: Words) -> Drawing:
    """Give a chart its rows, its words and its look; without rows it says so."""
    if not rows:
        chart = alt.Chart().mark_text(text=_NOTHING)
    drawing: Drawing = chart.properties(
        data=alt.InlineData(values=rows or [{}]),
        title=alt.TitleParams(text=words.title, subtitle=words.unit),
        description=f"{words.title}: {words.unit}. {words.said if rows else _NOTHING}.",
    ).configure(**theme.config())
    return drawing


def _ranking(rows: Rows, theme: Theme, name: str, words: Words) -> Drawing:
    """Draw bars with their names above and their numbers beside, readable at any width."""
    first = rows[0] if rows else {}
    said = f"First is {first[name]} with {first['plays']:,} plays" if first else ""
    y = alt.Y(f"{name}:N").sort(None).axis(None)
    tooltip = [alt.Tooltip(f"{name}:N"), *_counted("plays")]
    bars = (
        alt.Chart()
        .mark_bar(height=8, yOffset=9)
        .encode(y=y, x=alt.X("plays:Q").axis(None).scale(nice=False), tooltip=tooltip)
    )
    names = (
        alt.Chart()
        .mark_text(align="left", limit=alt.ExprRef("width - 70"), baseline="middle", dy=-6)
        .encode(y=y, x=alt.value(0), text=f"{name}:N")
    )
    numbers = (
        alt.Chart()
        .mark_text(align="right", color=theme.muted, baseline="middle", dy=-6)
        .encode(y=y, x=alt.value("width"), text=alt.Text("plays:Q").format(_COUNT))
    )
    chart = alt.layer(bars, names, numbers).properties(height=36 * max(len(rows), 1))
    return _drawn(chart, rows, theme, replace(words, said=said))


def _columns(name: str, value: str, title: str, told: Sequence[str]) -> Any:
    spelt = f"format(datum.value, '{_SHARE}')" if value == "share" else _NUMBER
    return (
        alt.Chart()
        .mark_bar()
        .encode(
            x=alt.X(f"{name}:O").title(title).sort(None).axis(labelAngle=0),
            y=alt.Y(f"{value}:Q").title(value).axis(labelExpr=spelt, tickCount=4),
            tooltip=[alt.Tooltip(f"{name}:O"), *_counted(*told)],
        )
    )


def _quantity(name: str) -> alt.Y:
    return alt.Y(f"{name}:Q").title(name).axis(labelExpr=_NUMBER, tickCount=4)


def _calendar(period: str) -> alt.X:
    """Return an axis of days, weeks or months, which begin at midnight UTC wherever one reads."""
    axis = alt.Axis(format="%-d %b", labelFlush=True, labelOverlap=True, grid=False, tickCount=6)
    return alt.X(f"{period}:T").title(None).scale(type="utc").axis(axis)


def _step(period: str) -> alt.X:
    """Return an axis on which each period is a column."""
    axis = alt.Axis(
        labelAngle=0, labelOverlap=True, labelExpr="utcFormat(toDate(datum.value), '%-d %b')"
    )
    return alt.X(f"{period}:O").title(None).axis(axis)


def _began_and_returned(rows: Rows) -> tuple[int, int]:
    """Return how many began early enough to come again in the next period, and how many did.

    The last cohort could not yet, if it has one period.
    """
    counted = rows[:-1] if rows and rows[-1]["age"] == 0 else rows
    began, returned = (
        sum(row["listeners"] for row in counted if row["age"] == age) for age in (0, 1)
    )
    return began, returned


def _depth(name: str, most: float = 1) -> alt.Opacity:
    """Return a scale from nearly nothing to a depth, which works on light and on dark.

    Text is readable, at a contrast of 4.5 and more, up to a depth of 0.55.
    """
    return alt.Opacity(f"{name}:Q").scale(range=[0.06, most], domainMin=0)


def _spelt(day: str) -> str:
    """Return a date of ISO 8601 as people say it.

    >>> _spelt("2018-11-05")
    '5 November 2018'
    """
    return f"{date.fromisoformat(day):%-d %B %Y}"


def _day(name: str) -> alt.Tooltip:
    return alt.Tooltip(f"{name}:N")


def _counted(*names: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{name}:Q").format(_COUNT) for name in names]


def _part(name: str) -> alt.Tooltip:
    return alt.Tooltip(f"{name}:Q").format(".1%")


@cache
def _land() -> Any:
    """Return the continents: Natural Earth's, which are in the public domain, simplified.

    https://www.naturalearthdata.com/about/terms-of-use/
    """
    text = files("musicbee_warehouse.analytics").joinpath("data", "land.json").read_text("utf-8")
    return [json.loads(text)]
