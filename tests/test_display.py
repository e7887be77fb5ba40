"""How statements, pipelines and models show themselves, in IPython and out of it."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime
from html import unescape

import pytest
from IPython.core.interactiveshell import InteractiveShell
from sqlalchemy import MetaData, Table, delete, insert, select, text, union, update

from musicbee_warehouse import (
    ArtistDim,
    Copy,
    Pipeline,
    SongDim,
    StagingEvent,
    StagingSong,
    TimeDim,
    UserDim,
    display,
    star,
)
from musicbee_warehouse.analytics import top_songs

STATEMENTS = {
    "select": (select(SongDim.title).where(SongDim.year == 1999), "song_dim.year = 1999"),
    "question": (top_songs(3), "LIMIT 3"),
    "union": (union(select(SongDim.title), select(ArtistDim.name)), "UNION SELECT"),
    "insert": (star.times, "INSERT INTO time_dim"),
    "insert values": (insert(UserDim).values(user_id=1, level="<b>"), "'<b>'"),
    "update": (update(SongDim).values(title=None), "UPDATE song_dim SET title=NULL"),
    "delete": (delete(SongDim), "DELETE FROM song_dim"),
    "day": (delete(TimeDim).where(TimeDim.start_time < datetime(2018, 11, 2)), "'2018-11-02"),
    "copy": (Copy(StagingSong, "s3://b/songs"), "IAM_ROLE default"),
    "local copy": (Copy(StagingEvent, "examples/data/log_data"), "FROM read_json("),
}
every_statement = pytest.mark.parametrize(
    ("statement", "words"), STATEMENTS.values(), ids=STATEMENTS.keys()
)


@pytest.fixture
def formatters():
    """Return the formatters of an IPython in which the library was imported."""
    found = InteractiveShell().display_formatter.formatters
    display._register(found)
    return found


def plain(html):
    return unescape(re.sub("<[^>]+>", "", html))


@every_statement
def test_a_statement_shows_as_coloured_sql_with_its_values(statement, words, formatters):
    html = formatters["text/html"](statement)
    assert words in plain(html)
    assert "font-weight: bold" in html
    assert plain(html).strip() == display.sql_text(statement).strip()


@pytest.mark.parametrize("name", ["select", "question", "insert", "update", "delete"])
def test_a_statement_prints_as_sql_in_the_terminal_of_ipython(name, formatters):
    statement, words = STATEMENTS[name]
    shown = formatters["text/plain"](statement)
    assert words in shown
    assert " at 0x" not in shown


def test_a_copy_says_what_it_loads():
    assert repr(Copy(StagingSong, "s3://b/songs")) == "<Copy staging_songs from s3://b/songs>"
    assert repr(Copy(StagingSong, ["a", "b", "c"])) == "<Copy staging_songs from a and 2 more>"


def test_a_pipeline_shows_each_step_with_its_sql(formatters):
    html = formatters["text/html"](star.songs)
    assert re.findall("<summary>(.*?)</summary>", html) == [
        "1. DELETE song_dim",
        "2. INSERT song_dim",
    ]
    assert "INSERT INTO song_dim" in plain(html)
    assert "Pipeline of 1 steps" in Pipeline(text("ANALYZE <all>"))._repr_html_()
    assert "ANALYZE <all>" in plain(Pipeline(text("ANALYZE <all>"))._repr_html_())


def test_the_load_of_local_files_shows_itself_too():
    assert star.pipeline("log_data", "song_data")._repr_html_().count("<details>") > 20


def test_a_row_shows_as_a_table_of_its_columns():
    html = UserDim(user_id=1, first_name="<Ann>", level="free")._repr_html_()
    assert "<table>" in html
    assert "&lt;Ann&gt;" in html
    assert plain(html).startswith("columnvalueuser_id1first_name'<Ann>'")


def test_a_model_and_its_table_show_as_a_picture(formatters):
    svg = formatters["image/svg+xml"]
    assert "last_seen_at" in svg(UserDim)
    assert svg(UserDim.__table__) == svg(UserDim)


def test_what_is_not_ours_keeps_its_face(formatters):
    class Other(UserDim.registry.generate_base()):
        __abstract__ = True

    assert formatters["image/svg+xml"](Table("other", MetaData())) is None
    assert formatters["image/svg+xml"](Other) is None


SCRIPT = """
import sys
import musicbee_warehouse
assert "IPython" not in sys.modules and "pygments" not in sys.modules, "imported"
from musicbee_warehouse import star
"""
IN_IPYTHON = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
import musicbee_warehouse
from musicbee_warehouse.analytics import top_songs
formatted, _ = shell.display_formatter.format(top_songs())
assert "SELECT" in formatted["text/html"], formatted
"""


@pytest.mark.parametrize("script", [SCRIPT, IN_IPYTHON], ids=["python", "ipython"])
def test_faces_are_registered_in_ipython_alone(script):
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
