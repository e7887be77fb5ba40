"""Answers as frames."""

from __future__ import annotations

import datetime

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sqlalchemy import literal_column, select

from musicbee_warehouse import WarehouseError
from musicbee_warehouse.analytics import QUESTIONS, frame, plays_over_time


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_library_gives_the_same_rows(simulated, nearly, name):
    question = QUESTIONS[name]()
    with simulated.connect() as connection:
        rows = nearly(connection.execute(question))
    assert rows
    assert list(frame(question, simulated, "polars").iter_rows()) == rows
    arrow = frame(question, simulated, "arrow")
    assert [tuple(row.values()) for row in arrow.to_pylist()] == rows
    in_pandas = frame(question, simulated)
    assert in_pandas.shape == (len(rows), len(question.selected_columns))
    assert list(in_pandas.columns) == arrow.column_names == list(question.selected_columns.keys())


def test_pandas_reads_a_question_by_itself(simulated):
    read = pd.read_sql(plays_over_time("week"), simulated)
    pd.testing.assert_frame_equal(read, frame(plays_over_time("week"), simulated))
    assert read["plays"].sum() == frame(QUESTIONS["key_figures"](), simulated)["plays"][0]


def test_the_types_of_a_frame_do_not_depend_on_its_rows(warehouse, simulated):
    for question in (plays_over_time(), QUESTIONS["level_history"]()):
        empty, full = (frame(question, engine, "arrow") for engine in (warehouse, simulated))
        assert len(empty) == 0 < len(full)
        assert empty.schema == full.schema
        assert (
            frame(question, warehouse, "polars").schema
            == frame(question, simulated, "polars").schema
        )
    assert frame(plays_over_time(), warehouse, "polars").schema["day"] == pl.Date


def test_any_select_makes_a_frame(warehouse):
    question = select(literal_column("true").label("yes"), literal_column("1.50").label("price"))
    [row] = frame(question, warehouse, "arrow").to_pylist()
    assert row["yes"] is True
    assert float(row["price"]) == 1.5


def test_a_frame_is_read_within_the_caller_s_transaction(simulated):
    with simulated.connect() as connection:
        assert isinstance(frame(plays_over_time(), connection, "arrow"), pa.Table)
        assert not connection.closed
        first = frame(plays_over_time(), connection, "polars")["day"][0]
    assert isinstance(first, datetime.date)


def test_another_library_is_refused(simulated):
    with pytest.raises(WarehouseError, match="'dask' makes no frames here; pandas, polars, arrow"):
        frame(plays_over_time(), simulated, "dask")
