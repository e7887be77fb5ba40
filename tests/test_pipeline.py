"""Pipeline: a sequence of statements that prints, slices and runs; and the report of a run."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from musicbee_warehouse import (
    ArtistDim,
    Copy,
    Pipeline,
    Report,
    StagingEvent,
    StagingSong,
    Step,
    UserDim,
    dialect_of,
    star,
)

SONG = {"song_id": "SO1", "artist_id": "AR1", "artist_name": "Ann"}
EVENT = {"sessionId": 1, "itemInSession": 0, "page": "NextSong", "ts": 0, "userId": "1"}
CLEAR = delete(StagingEvent), delete(StagingSong)


# A sequence ------------------------------------------------------------------------------------


def test_a_pipeline_is_a_sequence_of_its_statements():
    pipeline = Pipeline(*CLEAR)
    assert isinstance(pipeline, Sequence)
    assert len(pipeline) == 2
    assert list(pipeline) == list(CLEAR)
    assert pipeline[0] is CLEAR[0]
    assert pipeline[-1] is CLEAR[1]


def test_an_index_beyond_the_end_is_an_index_error():
    with pytest.raises(IndexError):
        Pipeline(*CLEAR)[2]


def test_a_slice_is_a_pipeline():
    assert isinstance(Pipeline(*CLEAR)[1:], Pipeline)
    assert Pipeline(*CLEAR)[1:].names == ["DELETE staging_songs"]
    assert Pipeline(*CLEAR)[::-1].names == ["DELETE staging_songs", "DELETE staging_events"]


@pytest.mark.parametrize(
    "more", [Pipeline(CLEAR[1]), [CLEAR[1]], (CLEAR[1],)], ids=lambda more: type(more).__name__
)
def test_a_sum_is_a_pipeline(more):
    total = Pipeline(CLEAR[0]) + more
    assert isinstance(total, Pipeline)
    assert list(total) == list(CLEAR)


def test_steps_are_named_by_verb_and_table():
    pipeline = Pipeline(
        Copy(StagingSong, "songs"),
        insert(UserDim),
        update(UserDim),
        delete(ArtistDim.__table__),
        select(UserDim),
        text("ANALYZE"),
    )
    assert pipeline.names == [
        "COPY staging_songs",
        "INSERT user_dim",
        "UPDATE user_dim",
        "DELETE artist_dim",
        "SELECT",
        "TEXTCLAUSE",
    ]
    assert repr(pipeline[:2]) == "<Pipeline of 2 steps: COPY staging_songs, INSERT user_dim>"


# A script --------------------------------------------------------------------------------------


def test_str_is_redshift_s_script():
    pipeline = Pipeline(delete(StagingSong), Copy(StagingSong, "s3://musicbee/song_data"))
    assert str(pipeline) == pipeline.compile(dialect_of("redshift"))
    assert str(pipeline) == (
        "-- 1 of 2: DELETE staging_songs\n"
        "DELETE FROM staging_songs;\n"
        "\n"
        "-- 2 of 2: COPY staging_songs\n"
        "COPY staging_songs (num_songs, song_id, title, duration, year, artist_id, artist_name, "
        "artist_latitude, artist_longitude, artist_location)\n"
        "FROM 's3://musicbee/song_data'\n"
        "IAM_ROLE default\n"
        "FORMAT JSON 'auto'\n"
        "TIMEFORMAT 'epochmillisecs';"
    )


def test_compile_writes_values_into_the_script():
    statement = delete(UserDim).where(UserDim.first_name == "O'Neil 100% :x")
    script = Pipeline(statement).compile(dialect_of("duckdb"))
    assert script == (
        "-- 1 of 1: DELETE user_dim\n"
        "DELETE FROM user_dim WHERE user_dim.first_name = 'O''Neil 100% :x';"
    )


def test_the_script_is_what_runs(warehouse, write_lines, star_rows):
    """Printed and fed to DuckDB line by line, the script fills the same star."""
    songs, events = write_lines("songs.json", [SONG]), write_lines("events.json", [EVENT])
    pipeline = star.pipeline(events, songs)
    with warehouse.begin() as connection:
        pipeline.run(connection)
    by_pipeline = star_rows(warehouse)
    with warehouse.begin() as connection:
        for table in by_pipeline:
            connection.execute(text(f"DELETE FROM {table}"))
        connection.connection.driver_connection.execute(pipeline.compile(dialect_of("duckdb")))
    assert star_rows(warehouse) == by_pipeline
    assert len(by_pipeline["songplay_fact"]) == 1


# A run -----------------------------------------------------------------------------------------


def test_a_run_reports_each_step(warehouse, write_lines):
    copy = Copy(StagingSong, write_lines("songs.json", [SONG, SONG]))
    with warehouse.begin() as connection:
        report = Pipeline(delete(StagingSong), copy, delete(StagingSong)).run(connection)
    assert [(step.name, step.rows) for step in report] == [
        ("DELETE staging_songs", 0),
        ("COPY staging_songs", 2),
        ("DELETE staging_songs", 2),
    ]
    assert all(step.seconds > 0 for step in report)


def test_an_empty_pipeline_does_nothing(warehouse):
    with warehouse.begin() as connection:
        assert list(Pipeline().run(connection)) == []


def test_on_step_hears_of_each_step_before_it_runs(warehouse):
    heard = []
    failing = text("SELECT * FROM nowhere")
    with pytest.raises(DBAPIError), warehouse.begin() as connection:
        Pipeline(*CLEAR, failing).run(connection, on_step=lambda *step: heard.append(step))
    assert heard == [(0, "DELETE staging_events"), (1, "DELETE staging_songs"), (2, "TEXTCLAUSE")]


def test_a_failing_step_is_named_before_the_database_s_own_message(warehouse, write_lines):
    copy = Copy(StagingEvent, write_lines("events.json", [EVENT | {"ts": "noon"}]))
    with pytest.raises(DBAPIError) as failure, warehouse.begin() as connection:
        Pipeline(*CLEAR, copy, *CLEAR).run(connection)
    message = str(failure.value)
    assert message.startswith("(step 3 of 5: COPY staging_events)")
    assert "staging_events.ts takes whole numbers, not noon" in message
    assert message.index("step 3") < message.index("takes whole numbers")


def test_the_steps_after_a_failing_one_don_t_run(warehouse):
    heard = []
    with pytest.raises(DBAPIError), warehouse.begin() as connection:
        Pipeline(text("SELECT nothing"), *CLEAR).run(
            connection, on_step=lambda position, _: heard.append(position)
        )
    assert heard == [0]


def test_the_caller_owns_the_transaction(warehouse, write_lines, star_rows, rows):
    songs, events = write_lines("songs.json", [SONG]), write_lines("events.json", [EVENT])
    with warehouse.connect() as connection:
        star.pipeline(events, songs).run(connection)
        assert connection.scalar(select(func.count()).select_from(ArtistDim)) == 1
        connection.rollback()
    assert not any(star_rows(warehouse).values())
    assert rows(warehouse, StagingSong) == []


def test_a_failure_late_in_the_load_leaves_the_warehouse_as_it_was(
    warehouse, write_lines, star_rows
):
    songs, events = write_lines("songs.json", [SONG]), write_lines("events.json", [EVENT])
    with warehouse.begin() as connection:
        star.pipeline(events, songs).run(connection)
    before = star_rows(warehouse)
    other = write_lines("other.json", [EVENT | {"userId": "2", "sessionId": 2}])
    late = star.pipeline(other, songs) + Pipeline(text("SELECT * FROM nowhere"))
    with pytest.raises(DBAPIError), warehouse.begin() as connection:
        late.run(connection)
    assert star_rows(warehouse) == before


# A report --------------------------------------------------------------------------------------

REPORT = Report([Step("COPY staging_songs", 14896, 1.25), Step("ANALYZE <all>", None, 0.5)])


def test_a_report_reads_as_a_table():
    assert repr(REPORT) == (
        "step                       rows  seconds\n"
        "COPY staging_songs       14,896    1.250\n"
        "ANALYZE <all>                      0.500"
    )


def test_a_report_is_an_html_table_in_a_notebook():
    html = REPORT._repr_html_()
    assert html.startswith("<table>")
    assert html.count("<tr>") == 3
    assert "<td>14,896</td><td>1.250</td>" in html
    assert "ANALYZE &lt;all&gt;" in html


def test_a_report_turns_into_records():
    assert REPORT.to_records() == [
        {"name": "COPY staging_songs", "rows": 14896, "seconds": 1.25},
        {"name": "ANALYZE <all>", "rows": None, "seconds": 0.5},
    ]


def test_a_report_is_a_sequence_that_sums_its_seconds():
    assert REPORT.seconds == 1.75
    assert REPORT[1].name == "ANALYZE <all>"
    assert isinstance(REPORT[:1], Report)
    assert len(REPORT[:1]) == 1
