"""The commands that ask and show, run as a user runs them: in a folder, by their own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from musicbee_warehouse import connect, create_tables, load
from musicbee_warehouse.analytics import QUESTIONS

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a warehouse of the example data."""
    folder = tmp_path_factory.mktemp("asked")
    engine = connect(f"duckdb:///{folder}/musicbee.duckdb")
    load(engine, events=EXAMPLES / "log_data", songs=EXAMPLES / "song_data")
    engine.dispose()
    return folder


def run(*arguments, folder, code=0, **variables):
    environment = {**os.environ, "COLUMNS": "160", "NO_COLOR": "1", **variables}
    environment.pop("MUSICBEE_WAREHOUSE_URL", None)
    command = [sys.executable, "-m", "musicbee_warehouse", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == code, done.stderr
    return done


def test_ask_prints_the_rows_of_a_question(folder):
    asked = run("ask", "top_songs", "--limit", "2", folder=folder).stdout
    assert "title" in asked
    assert "artist_name" in asked
    assert "There are more rows than 2" in asked


def test_ask_takes_a_period(folder):
    assert "│     0 │" in run("ask", "key_figures", "--during", "2017", folder=folder).stdout
    assert "│     0 │" not in run("ask", "key_figures", "--during", "2018", folder=folder).stdout


def test_ask_without_a_name_lists_the_questions(tmp_path):
    asked = run("ask", folder=tmp_path).stdout
    assert all(name in asked for name in QUESTIONS)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["topsongs"], "topsongs is no question; did you mean top_songs"),
        (["xyz"], "xyz is no question; ask without a name lists them"),
        (["level_history", "--during", "2018"], "level_history is about all plays"),
        (["top_songs", "--during", "soon"], "'soon' is no period; write a year"),
        (["top_songs", "--url", "duckdb:///none.duckdb"], "there is no warehouse none.duckdb yet"),
    ],
)
def test_ask_says_what_is_wrong(folder, arguments, said):
    done = run("ask", *arguments, folder=folder, code=1)
    assert done.stderr.startswith("Error: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_report_writes_the_page_and_says_where(folder):
    assert "Wrote report.html (" in run("report", folder=folder).stdout
    page = (folder / "report.html").read_text("utf-8")
    assert "What listeners like" in page
    assert page.rstrip().endswith("</html>")


def test_report_takes_a_period(folder):
    run("report", "--during", "2017", "--out", "old.html", folder=folder)
    assert "There are no plays in this period." in (folder / "old.html").read_text("utf-8")
    assert "no period" in run("report", "--during", "then", folder=folder, code=1).stderr


def test_report_says_what_to_install_if_its_libraries_are_not(folder):
    without = (
        "import sys; sys.modules['altair'] = sys.modules['jinja2'] = None\n"
        "sys.argv = ['musicbee-warehouse', 'report']\n"
        "from musicbee_warehouse.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", without], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'musicbee-warehouse[analytics]'" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_report_opens_the_page_in_the_browser_that_one_has(folder, tmp_path):
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    page = tmp_path / "page.html"
    run("report", "--out", page, "--open", folder=folder, BROWSER=str(browser))
    assert opened.read_text().strip() == page.as_uri()


def test_report_of_an_empty_warehouse_says_that_it_is_empty(tmp_path):
    engine = connect(f"duckdb:///{tmp_path}/musicbee.duckdb")
    create_tables(engine)
    engine.dispose()
    run("report", "--out", "page.html", folder=tmp_path)
    assert "The warehouse is empty." in (tmp_path / "page.html").read_text("utf-8")


def test_report_cannot_be_written_where_there_is_no_folder(folder):
    done = run("report", "--out", "nowhere/report.html", folder=folder, code=1)
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr
