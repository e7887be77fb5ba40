"""Copy on DuckDB against a plain-Python reading of the same JSON: equal rows, or both refuse."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Integer, SmallInteger, String, delete, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TIMESTAMP

from musicbee_warehouse import Copy, CopyOptions, StagingEvent, StagingSong, connect, create_tables
from musicbee_warehouse.models import json_key

FIRST_INSTANT = datetime(1970, 1, 1)
WHOLE = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)


class RefusedError(Exception):
    """The plain reading refuses a value."""


def read_plainly(column, present, value):
    """Return what a column holds of a JSON value."""
    if not present or value is None or (value == "" and not isinstance(column.type, String)):
        read = None
    elif isinstance(column.type, String):
        read = read_text(column, value)
    elif isinstance(column.type, Integer | TIMESTAMP):
        read = read_whole(column, value)
    else:
        read = read_number(value)
    if read is None and not column.nullable:
        raise RefusedError
    return read


def read_text(column, value):
    text = value if isinstance(value, str) else json.dumps(value)
    if len(text.encode()) > column.type.length:
        raise RefusedError
    return text


def read_whole(column, value):
    text = value if isinstance(value, str) else json.dumps(value)
    if not WHOLE.fullmatch(text):
        raise RefusedError
    bits = next(
        (
            bits
            for kind, bits in ((SmallInteger, 16), (BigInteger, 64), (TIMESTAMP, 64))
            if isinstance(column.type, kind)
        ),
        32,
    )
    if not -(2 ** (bits - 1)) <= int(text) < 2 ** (bits - 1):
        raise RefusedError
    if isinstance(column.type, TIMESTAMP):
        return FIRST_INSTANT + timedelta(milliseconds=int(text))
    return int(text)


def read_number(value):
    text = value if isinstance(value, str) else json.dumps(value)
    if not NUMBER.fullmatch(text):
        raise RefusedError
    return float(text)


# Control characters are left out but for those of real files, and lone surrogates are no text.
words = st.text(st.characters(codec="utf-8", min_codepoint=32), max_size=12)
texts = words | st.sampled_from(["", " ", "112", "\t", '"', "\\", "%s", ":x", "\x19"])
edges = [2**15, 2**31, 2**63]
wholes = st.integers(-(2**63), 2**63 - 1) | st.sampled_from(
    [number for edge in edges for number in (edge - 1, -edge, edge, -edge - 1)]
)
numbers = st.floats(-1e15, 1e15).filter(lambda number: number == 0 or abs(number) > 1e-3)
instants = st.integers(-2_208_988_800_000, 4_102_444_800_000)
numerals = wholes.map(str) | numbers.map(str) | st.sampled_from(["", "+5", "007", ".5", "5.", "x"])
anything = texts | wholes.filter(lambda n: abs(n) < 2**63) | st.booleans() | st.none()


def values_of(column):
    """Mostly what suits the column, sometimes anything."""
    if isinstance(column.type, String):
        widest = column.type.length
        edges = st.sampled_from(["a" * widest, "é" * (widest // 2), "é" * (widest // 2) + "a"])
        return texts | edges | st.integers(-(10**12), 10**12) | st.booleans() | st.none()
    if isinstance(column.type, TIMESTAMP):
        return instants | instants.map(str) | st.sampled_from(["", 1.5, "soon", None])
    if isinstance(column.type, Integer):
        return st.integers(-100, 32767) | wholes | numerals | st.sampled_from([None, 1.5, True])
    return numbers | numerals | st.none() | st.sampled_from([0, -0.0, 1e15, True])


GOOD = {
    StagingEvent: {"page": "Home", "ts": 0, "sessionId": 1, "itemInSession": 0},
    StagingSong: {"song_id": "SO1", "artist_id": "AR1"},
}


@st.composite
def objects(draw, model):
    """A row that loads, but for a few columns with values of any kind."""
    columns = list(model.__table__.columns)
    chosen = draw(st.lists(st.sampled_from(columns), max_size=3, unique_by=lambda c: c.name))
    row = GOOD[model] | {json_key(column): draw(values_of(column)) for column in chosen}
    if draw(st.booleans()):
        row["unknown"] = draw(anything)
    return dict(draw(st.permutations(list(row.items()))))


@st.composite
def texts_of(draw, rows):
    """JSON that spells rows, one after the other, in any of the ways that COPY reads."""
    indent = draw(st.sampled_from([None, 2]))
    ascii_only = draw(st.booleans())
    between = draw(st.sampled_from(["\n", "\r\n", "", " ", "\n\n"]))
    return between.join(json.dumps(row, indent=indent, ensure_ascii=ascii_only) for row in rows)


@pytest.fixture(scope="module")
def engine():
    engine = connect("duckdb:///:memory:")
    create_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("property") / "rows.json"


@pytest.mark.parametrize("model", [StagingEvent, StagingSong])
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_copy_reads_what_python_reads_or_both_refuse(engine, path, model, data):
    rows = data.draw(st.lists(objects(model), min_size=1, max_size=3))
    path.write_bytes(data.draw(texts_of(rows)).encode())
    assert loaded(engine, path, model) == plain(model, rows)


def plain(model, rows):
    columns = model.__table__.columns
    try:
        read = [
            tuple(read_plainly(c, json_key(c) in row, row.get(json_key(c))) for c in columns)
            for row in rows
        ]
    except RefusedError:
        return "refused"
    return sorted(read, key=repr)


def loaded(engine, path, model):
    with engine.connect() as connection:
        try:
            connection.execute(delete(model.__table__))
            connection.execute(Copy(model, path, options=CopyOptions()))
        except DBAPIError:
            connection.rollback()
            return "refused"
        read = [tuple(row) for row in connection.execute(select(model.__table__))]
        connection.rollback()
    return sorted(read, key=repr)
