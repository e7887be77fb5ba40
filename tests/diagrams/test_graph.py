"""The graph of a pipeline: what each step reads and writes, read off the statements."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import delete, exists, func, insert, select, text, update

from musicbee_warehouse import (
    Base,
    Copy,
    Pipeline,
    SongDim,
    SongplayFact,
    StagingEvent,
    StagingSong,
    UserDim,
    dialect_of,
    star,
)
from musicbee_warehouse.analytics import top_songs
from musicbee_warehouse.diagrams.sources import read, written

LOAD = star.pipeline("log_data", "song_data")


def test_the_load_reads_and_writes_these_tables():
    flow = {step.name: (set(step.reads), step.writes) for step in LOAD.graph().steps}
    assert flow["COPY staging_events"] == ({"log_data"}, "staging_events")
    assert flow["INSERT staging_repeats"] == ({"staging_events"}, "staging_repeats")
    assert flow["INSERT artist_dim"] == ({"staging_songs", "artist_dim"}, "artist_dim")
    assert flow["INSERT song_dim"] == ({"staging_songs", "song_dim"}, "song_dim")
    assert flow["INSERT user_dim"] == ({"staging_events", "user_dim"}, "user_dim")
    assert flow["INSERT time_dim"] == ({"staging_events", "time_dim"}, "time_dim")
    assert flow["DELETE user_dim"] == ({"staging_events", "user_dim"}, "user_dim")
    assert flow["INSERT songplay_fact"] == (
        {"staging_events", "staging_repeats", "song_dim", "songplay_fact"},
        "songplay_fact",
    )


@pytest.mark.parametrize("position", range(len(LOAD)))
def test_what_a_step_reads_and_writes_stands_in_its_sql(position):
    """The names are looked up in the SQL as text, so that neither is derived from the other."""
    statement, step = LOAD[position], LOAD.graph().steps[position]
    _, sql = LOAD[position : position + 1].compile(dialect_of("duckdb")).split("\n", 1)
    head, tail = re.split(r"(?<!DELETE )\b(?:FROM|SELECT|USING|SET|WHERE)\b|$", sql, maxsplit=1)
    tables = {
        table
        for table in Base.metadata.tables
        if re.search(rf"(?:FROM|JOIN|,|\()\s+{table}\b(?!\.)", f"FROM {tail}")
    }
    assert step.writes in head
    if not isinstance(statement, Copy):
        assert set(step.reads) == tables


@pytest.mark.parametrize(
    ("statement", "reads", "writes"),
    [
        (Copy(StagingSong, ["a.json", "b.json"]), ["a.json", "b.json"], "staging_songs"),
        (delete(UserDim), [], "user_dim"),
        (insert(UserDim).values(user_id=1), [], "user_dim"),
        (insert(UserDim).values(user_id=select(func.max(StagingEvent.user_id)).scalar_subquery()),
         ["staging_events"], "user_dim"),
        (update(SongDim).values(year=1).where(SongDim.title == StagingSong.title),
         ["staging_songs"], "song_dim"),
        (delete(SongDim).where(~exists().where(SongplayFact.song_id == SongDim.song_id)),
         ["songplay_fact", "song_dim"], "song_dim"),
        (select(SongDim.title).join_from(SongplayFact, SongplayFact.song),
         ["songplay_fact", "song_dim"], None),
        (text("VACUUM"), [], None),
    ],
    ids=range(8),
)  # fmt: skip
def test_a_statement_reads_and_writes(statement, reads, writes):
    assert read(statement) == reads
    assert written(statement) == writes


def test_a_question_is_a_step_with_a_box_of_its_own():
    graph = (star.songplays + Pipeline(top_songs())).graph()
    assert graph.tables[-1] == "3 SELECT"
    assert "song_dim -- 3 --> 3_SELECT" in graph.mermaid()
    box = graph.drawing().boxes[-1]
    assert (box.title, box.kind, box.rows) == ("3 SELECT", "query", ())


def test_the_graph_of_a_slice_has_its_own_numbers():
    assert [step.number for step in LOAD[4:6].graph().steps] == [1, 2]
    assert LOAD[4:6].graph().tables == ["log_data", "staging_events", "song_data", "staging_songs"]
    assert Pipeline().graph().steps == ()
    assert Pipeline().graph().svg().startswith("<svg")


def test_a_graph_reads_as_a_table_and_turns_into_records():
    graph = LOAD[4:6].graph()
    assert repr(graph).splitlines() == [
        "    step                 reads",
        "  1 COPY staging_events  log_data",
        "  2 COPY staging_songs   song_data",
    ]
    assert graph.to_records()[0] == {
        "step": 1,
        "name": "COPY staging_events",
        "reads": ["log_data"],
        "writes": "staging_events",
    }


def test_every_read_is_a_link_of_the_mermaid_text_with_the_number_of_the_step():
    links = {
        (source, target): labels.split(", ")
        for source, labels, target in re.findall(
            r"(\w+) -- ([\d, ]+) --> (\w+)", LOAD.graph().mermaid()
        )
    }
    expected = {}
    for step in LOAD.graph().steps:
        for table in step.reads:
            if table != step.writes:
                expected.setdefault((table, step.writes), []).append(str(step.number))
    assert links == expected
