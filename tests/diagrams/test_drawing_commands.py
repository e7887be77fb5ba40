"""The commands that draw, run as a user runs them."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from musicbee_warehouse import TimeDim, data_dictionary, entity_diagram, lineage, star
from musicbee_warehouse.cli import app


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a command in an empty folder and gives what it says."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments, code=0):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == code, done.output
        return done.output

    return invoke


def test_graph_prints_what_each_step_reads(run):
    assert run("graph") == repr(star.pipeline("log_data", "song_data").graph()) + "\n"


def test_lineage_prints_a_tree(run):
    assert run("lineage", "songplay_fact.song_id") == repr(lineage("songplay_fact.song_id")) + "\n"


def test_entities_prints_mermaid_text_of_the_tables_that_are_named(run):
    assert run("entities", "time_dim", "--mermaid") == entity_diagram(TimeDim).mermaid() + "\n"


def test_dictionary_prints_markdown(run):
    assert run("dictionary") == data_dictionary() + "\n"


def test_a_picture_is_written_to_a_file(run, tmp_path):
    assert "Wrote star.svg" in run("entities", "--out", "star.svg")
    assert (tmp_path / "star.svg").read_text() == entity_diagram().svg() + "\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["lineage", "songs.title"], "there is no table songs; there are artist_dim"),
        (["lineage", "song_dim.name"], "song_dim has no column name; it has song_id"),
        (["entities", "songs"], "there is no table songs; there are artist_dim"),
        (["graph", "--out", "graph.png"], "graph.png ends neither with .svg nor with .mmd"),
    ],
)
def test_a_mistake_is_a_sentence(run, arguments, sentence):
    assert sentence in run(*arguments, code=1).replace("\n", " ")
