"""What many tests need: a warehouse, files to load into it, and the real sample."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from musicbee_warehouse import Base, connect, create_tables, star

pytest_plugins = ["standin.fixtures"]

STAR = [t for t in Base.metadata.sorted_tables if not t.name.startswith(("staging", "load"))]
SAMPLE = Path(__file__).parents[2] / "shared" / "data" / "sparkify"


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write tests/golden/*.sql anew from the code, to be read in review",
    )


@pytest.fixture
def warehouse():
    """Return the engine of an empty in-memory DuckDB warehouse."""
    engine = connect("duckdb:///:memory:")
    create_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def write_lines(tmp_path):
    """Return a function that writes a file of JSON objects, one a line, and returns its path."""

    def write(name, objects):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(value) + "\n" for value in objects), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def sample():
    """Return the folder of the real sample, which is not shipped with the project."""
    if not SAMPLE.exists():
        pytest.skip(f"the real sample is not in {SAMPLE}")
    return SAMPLE


@pytest.fixture(scope="session")
def loaded_sample(sample):
    """Return the engine of a warehouse with the real sample, to read and not to change."""
    engine = connect("duckdb:///:memory:")
    create_tables(engine)
    with engine.begin() as connection:
        star.pipeline(sample / "log_data", sample / "song_data").run(connection)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def rows():
    """Return a function that gives all rows of a model or table, sorted, as tuples."""

    def read(engine, model):
        table = getattr(model, "__table__", model)
        with engine.connect() as connection:
            return sorted(map(tuple, connection.execute(select(table))), key=repr)

    return read


@pytest.fixture(scope="session")
def star_rows(rows):
    """Return a function that gives the rows of the star's tables, by table name."""

    def read(engine):
        return {table.name: rows(engine, table) for table in STAR}

    return read
