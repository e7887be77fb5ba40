"""The report: what it tells, and how it looks and behaves in a real browser."""

from __future__ import annotations

import re
import shutil
from base64 import b64decode
from collections import Counter
from datetime import datetime
from html.parser import HTMLParser

import pytest
from selenium import webdriver
from sqlalchemy import update

from musicbee_warehouse import SongDim, SongplayFact, connect, create_tables
from musicbee_warehouse.analytics import during, key_figures
from musicbee_warehouse.analytics.report import report_page, write_report

NOW = datetime(2018, 12, 1, 12, 30)
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --hide-scrollbars"
)


class Outline(HTMLParser):
    """What of a page matters to those who don't see it."""

    def __init__(self, page):
        super().__init__()
        self.headings, self.ids, self.addresses, self.pictures = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "svg" and values.get("aria-hidden") != "true":
            self.pictures.append(values)
        self.addresses += [values[name] for name in ("src", "href", "xlink:href") if name in values]


@pytest.fixture(scope="module")
def page(simulated):
    return report_page(simulated, now=NOW)


@pytest.fixture(scope="module")
def empty_page():
    engine = connect("duckdb:///:memory:")
    create_tables(engine)
    yield report_page(engine, now=NOW)
    engine.dispose()


@pytest.fixture(scope="module")
def browser():
    """Return a headless Chromium, driven over a socket of this machine."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("there is no chromium with chromedriver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()


@pytest.fixture
def show(browser, tmp_path):
    """Return a function that opens a page as wide as asked, in daylight or in the dark."""

    def show(page, width, scheme="light"):
        path = tmp_path / "report.html"
        path.write_text(page, encoding="utf-8")
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )
        browser.get(path.as_uri())
        return browser

    return show


def test_the_page_has_a_dozen_charts_and_their_numbers(page):
    assert page.count("<figure") == 12
    assert page.count('class="wide"') == page.count('class="narrow"') == 12
    assert page.count("<summary>Show the numbers") == 12
    assert "1 December 2018" not in page
    assert "Made 2018-12-01 12:30 UTC from duckdb" in page


def test_the_page_needs_no_other_file_and_no_network(page, empty_page):
    for each in (page, empty_page):
        assert all(re.match(r"#|data:,$", address) for address in Outline(each).addresses)
        assert not re.search(r"url\((?!#)|@import|fetch\(|XMLHttpRequest", each)
        assert "default-src 'none'" in each


def test_the_page_tells_the_last_loads_and_that_all_checks_hold(page):
    assert re.search(r"All \d+ checks hold", page)
    assert '<td class="number">55</td>' in page
    assert page.count("is unique: holds") >= 5


def test_the_page_can_be_read_without_seeing_it(page, empty_page):
    for each in (page, empty_page):
        outline = Outline(each)
        assert outline.headings[0] == 1
        assert outline.headings.count(1) == 1
        steps = zip(outline.headings, outline.headings[1:], strict=False)
        assert all(below - above <= 1 for above, below in steps)
        assert [name for name, times in Counter(outline.ids).items() if times > 1] == []
        assert all(
            picture["role"] == "img" and len(picture["aria-label"]) > 20
            for picture in outline.pictures
        )
        assert '<html lang="en">' in each
        assert each.count("<th ") == each.count('<th scope="col"')


def test_an_empty_warehouse_has_a_page_that_says_so(empty_page):
    assert "The warehouse is empty." in empty_page
    assert empty_page.count("Nothing to show yet") == 12
    assert "Nothing has been loaded yet" in empty_page
    assert re.search(r"All \d+ checks hold", empty_page)
    assert "None" not in empty_page
    assert "nan" not in empty_page.lower().split()


def test_the_page_of_a_period_is_about_its_plays_alone(simulated):
    week = report_page(simulated, plays=during("2018-W46"), now=NOW)
    assert "from 12 November 2018 to 18 November 2018" in week
    assert ">5 Nov<" not in week
    with simulated.connect() as connection:
        [plays, *_] = connection.execute(key_figures(during("2018-W46"))).one()
    assert f'<dd class="value">{plays:,}</dd>' in week


def test_the_page_of_a_period_without_plays_does_not_say_that_the_warehouse_is_empty(simulated):
    page = report_page(simulated, plays=during("2017"), now=NOW)
    assert "There are no plays in this period." in page
    assert "The warehouse is empty." not in page
    assert page.count("Nothing to show yet") == 12


def test_names_cannot_smuggle_code_into_the_page(simulated):
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    engine = connect("duckdb:///:memory:")
    create_tables(engine)
    tables = [SongDim.metadata.tables[name] for name in ("song_dim", "artist_dim", "user_dim")]
    tables += [SongDim.metadata.tables[name] for name in ("time_dim", "songplay_fact")]
    with simulated.connect() as source, engine.begin() as target:
        for table in tables:
            rows = [dict(row) for row in source.execute(table.select()).mappings()]
            target.execute(table.insert(), rows)
        target.execute(update(SongDim).values(title=evil, artist_name=evil))
        target.execute(update(SongplayFact).values(location=evil, user_agent=evil))
    page = report_page(engine, now=NOW)
    engine.dispose()
    assert "alert(1)" in page
    assert "<img" not in page
    assert page.count("<script") == 1


def test_a_check_that_does_not_hold_is_named(simulated):
    engine = connect("duckdb:///:memory:")
    create_tables(engine)
    fact = SongplayFact.__table__
    with simulated.connect() as source, engine.begin() as target:
        rows = [dict(row) for row in source.execute(fact.select().limit(5)).mappings()]
        target.execute(fact.insert(), rows)
    page = report_page(engine, now=NOW)
    engine.dispose()
    assert re.search(r"\d of \d+ checks don't hold", page)
    assert "songplay_fact.user_id is in user_dim: doesn&#39;t hold for" in page


def test_the_page_is_written_to_a_file(simulated, tmp_path):
    path = write_report(simulated, tmp_path / "report.html", now=NOW)
    assert path.read_text("utf-8").startswith("<!doctype html>")
    assert path.stat().st_size < 3_000_000


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["page", "empty_page"])
def test_a_browser_shows_the_page_without_complaint(request, show, width, scheme, which):
    browser = show(request.getfixturevalue(which), width, scheme)
    assert browser.get_log("browser") == []
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert browser.execute_script("return document.documentElement.scrollWidth") == width
    shown = "return [...document.querySelectorAll('figure svg')].filter(e => e.clientWidth).length"
    assert browser.execute_script(shown) == (12 if which == "page" else 0)


@pytest.mark.parametrize("width", [1280, 390])
def test_no_word_of_the_page_is_cut_off_or_covers_another_card(show, page, width):
    browser = show(page, width)
    outside = """
        return [...document.querySelectorAll('figure svg')].filter(e => e.clientWidth).flatMap(
          svg => [...svg.querySelectorAll('text')].filter(text => {
            const word = text.getBoundingClientRect();
            const card = svg.parentElement.getBoundingClientRect();
            return word.width && (word.left < card.left || word.right > card.right
              || word.bottom > card.bottom);
          }).map(text => text.textContent));
    """
    assert browser.execute_script(outside) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_have_the_page_s_colours(show, page, scheme):
    browser = show(page, 1280, scheme)
    colour, paper = browser.execute_script(
        "return [getComputedStyle(document.querySelector('figure svg text')).fill,"
        " getComputedStyle(document.querySelector('.card')).backgroundColor]"
    )
    muted, card = {
        "light": ("rgb(87, 83, 78)", "rgb(255, 255, 255)"),
        "dark": ("rgb(182, 179, 174)", "rgb(22, 24, 29)"),
    }[scheme]
    assert (colour, paper) == (muted, card)


def test_the_pointer_is_told_what_a_mark_says(show, page):
    browser = show(page, 1280)
    told = browser.execute_script(
        """
        const mark = document.querySelector('figure svg.wide [aria-label*="weekday"]');
        mark.dispatchEvent(new PointerEvent('pointermove', {bubbles: true}));
        const tip = document.getElementById('tip');
        return [tip.textContent, tip.style.opacity];
        """
    )
    assert re.search(r"weekday: \w+", told[0])
    assert told[1] == "1"


def test_the_page_prints_in_ink_on_white_with_the_wide_pictures(show, page):
    browser = show(page, 390, "dark")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    paper, wide, narrow, nav = browser.execute_script(
        """
        const style = (name) => getComputedStyle(document.querySelector(name));
        return [style('body').backgroundColor, style('figure .wide').display,
          style('figure .narrow').display, style('nav').display];
        """
    )
    assert (paper, wide, narrow, nav) == ("rgb(255, 255, 255)", "block", "none", "none")
    sheets = b64decode(browser.print_page()).count(b"/Type /Page\n")
    assert 1 < sheets < 10
