"""A simulated warehouse in which every question has an answer, to draw and not to change."""

from __future__ import annotations

import pytest

from musicbee_warehouse import connect, load
from musicbee_warehouse.simulator import simulate


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    simulate(songs=400, users=60, days=28, seed=2, coverage=0.6).write(folder)
    engine = connect("duckdb:///:memory:")
    load(engine, events=folder / "log_data", songs=folder / "song_data")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def nearly():
    """Return a function that lets rows equal others but for the last digits of floats.

    The sum of floats depends on the order in which threads add them.
    """

    def rows(exact):
        return [
            tuple(pytest.approx(value) if isinstance(value, float) else value for value in row)
            for row in exact
        ]

    return rows
