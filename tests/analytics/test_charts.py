"""Charts: what they show and say, how they are written, and that colours can be told apart."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import combinations
from xml.etree import ElementTree

import pytest
from sqlalchemy import literal, select, union_all

from musicbee_warehouse import WarehouseError
from musicbee_warehouse.analytics import during, top_songs
from musicbee_warehouse.analytics.charts import CHARTS, plays_over_time, save, svg
from musicbee_warehouse.analytics.charts import top_songs as draw_top_songs
from musicbee_warehouse.analytics.themes import DARK, LIGHT

SVG = "{http://www.w3.org/2000/svg}"
# How light arrives where a kind of cone is lacking: Machado, Oliveira and Fernandes (2009).
DEFICIENCIES = {
    "red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.01182, 0.04294, 0.968881),
    ),
    "blue": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.3039),
    ),
}


def luminance(colour):
    """Return the relative luminance of a colour as WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def mixed(colour, paper, depth):
    values = [
        round(int(colour[i : i + 2], 16) * depth + int(paper[i : i + 2], 16) * (1 - depth))
        for i in (1, 3, 5)
    ]
    return "#" + "".join(f"{value:02x}" for value in values)


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_a_chart_is_an_svg_with_its_title_its_unit_and_marks(simulated, name, theme):
    chart = CHARTS[name](simulated, theme=theme)
    drawing = ElementTree.fromstring(svg(chart))
    words = [text.text for text in drawing.iter(f"{SVG}text")]
    assert chart.title.text in words
    assert chart.title.subtitle in words
    assert "Nothing to show yet" not in words
    assert len([mark for mark in drawing.iter() if mark.get("role") == "graphics-symbol"]) > 1
    assert theme.paper in svg(chart)


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_says_what_it_shows(simulated, name):
    said = CHARTS[name](simulated).description
    assert re.fullmatch(r"[A-Z][^:]+: .+\. .*\d.*\.", said), said


def test_who_comes_back_counts_those_of_whom_none_came(simulated):
    """Of 10 and 6 who began, 4 came again; the 5 of the last week could not yet."""
    answer = [("2018-11-05", 0, 10, 1.0), ("2018-11-05", 1, 4, 0.4), ("2018-11-05", 2, 1, 0.1)]
    answer += [("2018-11-12", 0, 6, 1.0), ("2018-11-19", 0, 5, 1.0)]
    names = ("cohort", "age", "listeners", "share")
    rows = union_all(
        *(
            select(*(literal(value).label(name) for name, value in zip(names, row, strict=True)))
            for row in answer
        )
    ).subquery("answer")
    question = select(rows).order_by(rows.c.cohort, rows.c.age)
    assert "25% of those who could" in CHARTS["cohort_retention"](simulated, question).description


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_of_nothing_says_so(warehouse, name):
    chart = CHARTS[name](warehouse)
    assert chart.description.endswith("Nothing to show yet.")
    assert "Nothing to show yet" in svg(chart)


def test_a_chart_draws_another_answer_of_the_same_columns(simulated):
    three = draw_top_songs(simulated, top_songs(3, plays=during("2018")))
    assert len(three.data.values) == 3


@pytest.mark.parametrize(
    ("name", "begin"), [("a.svg", b"<svg"), ("a.png", b"\x89PNG"), ("a.html", b"<!DOCTYPE html>")]
)
def test_a_chart_is_written_as_its_name_ends(simulated, tmp_path, name, begin):
    path = save(draw_top_songs(simulated), tmp_path / name)
    content = path.read_bytes()
    assert content.lstrip().startswith(begin)
    assert not re.search(rb"<(?:script|link|img)[^>]*(?:src|href)=.?https?:", content)


def test_a_chart_is_written_as_nothing_else(simulated, tmp_path):
    with pytest.raises(WarehouseError, match=r"a\.gif ends in none of \.svg, \.png, \.html"):
        save(draw_top_songs(simulated), tmp_path / "a.gif")


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_words_and_marks_stand_out_from_the_paper(theme):
    assert contrast(theme.ink, theme.paper) >= 7
    assert contrast(theme.muted, theme.paper) >= 4.5
    assert all(contrast(colour, theme.paper) >= 3 for colour in theme.series)
    for depth in (0.06, 0.3, 0.55):
        assert contrast(theme.ink, mixed(theme.series[0], theme.paper, depth)) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("lacking", ["red", "green", "blue"])
def test_who_lacks_a_cone_of_the_eye_tells_the_series_apart(theme, lacking):
    rows = DEFICIENCIES[lacking]

    def seen(colour):
        parts = [(int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)]
        lights = (sum(a * b for a, b in zip(row, parts, strict=True)) for row in rows)
        return [max(0, light) ** (1 / 2.2) for light in lights]

    for one, other in combinations(theme.series, 2):
        distance = sum((a - b) ** 2 for a, b in zip(seen(one), seen(other), strict=True)) ** 0.5
        assert distance > 0.4, (one, other)


def test_days_are_those_of_utc_wherever_the_chart_is_drawn(simulated, tmp_path):
    chart = tmp_path / "chart.json"
    chart.write_text(plays_over_time(simulated).to_json())
    code = (
        "import sys, vl_convert\n"
        "sys.stdout.write(vl_convert.vegalite_to_svg(open(sys.argv[1]).read()))"
    )
    drawn = {
        zone: subprocess.run(
            [sys.executable, "-c", code, chart],
            env={"TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for zone in ("UTC", "America/Los_Angeles", "Pacific/Auckland")
    }
    assert len(set(drawn.values())) == 1
    assert "5 Nov" in drawn["UTC"]
