"""What a warehouse must hold is proved: each way to break it is found, named, and rolled back."""

from __future__ import annotations

import json
import shutil

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, MetaData, String, Table, text
from test_load import EXAMPLES, count, event, line

from musicbee_warehouse import (
    Base,
    SongplayFact,
    WarehouseError,
    connect,
    create_tables,
    dialect_of,
    load,
)
from musicbee_warehouse.loading import CheckError, check, checks
from musicbee_warehouse.models import json_key

BOTH = {"events": EXAMPLES / "log_data", "songs": EXAMPLES / "song_data"}
WIDE = [
    (table.name, column.name, column.type.length)
    for table in Base.metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, String) and not table.name.startswith(("staging", "load"))
]


@pytest.fixture
def engine():
    engine = connect("duckdb:///:memory:")
    create_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "warehouse.duckdb"
    engine = connect(f"duckdb:///{path}")
    load(engine, **BOTH)
    engine.dispose()
    return path


@pytest.fixture
def loaded(template, tmp_path):
    engine = connect(f"duckdb:///{shutil.copy(template, tmp_path)}")
    yield engine
    engine.dispose()


@pytest.fixture
def write(tmp_path):
    def write(*lines: bytes, name="log.json"):
        path = tmp_path / name
        path.write_bytes(b"".join(lines))
        return path

    return write


def run(engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def broken(engine) -> dict[str, int]:
    return {each.name: each.violations for each in check(engine) if each.violations}


def test_a_loaded_warehouse_passes_all(loaded):
    assert broken(loaded) == {}
    keys = [str(each) for each in check(loaded)]
    assert "songplay_fact.songplay_id is unique: holds" in keys
    assert "songplay_fact.user_id is in user_dim: holds" in keys
    assert "user_dim: values are there and fit: holds" in keys
    assert "plays = matched + unmatched: holds" in keys


KEYED = [table for table in Base.metadata.sorted_tables if table.primary_key.columns]


@pytest.mark.parametrize("table", KEYED, ids=str)
def test_a_key_that_stands_twice_is_found(loaded, table):
    (key,) = table.primary_key.columns
    run(loaded, f"INSERT INTO {table} SELECT * FROM {table} ORDER BY {key.name} LIMIT 1")
    expected = {f"{table.name}.{key.name} is unique": 1}
    found = broken(loaded)
    if table.name == "songplay_fact":
        found.pop("plays = matched + unmatched", None)
    assert found == expected


def test_keys_that_are_missing_count_as_one_that_stands_twice(loaded):
    run(
        loaded,
        "ALTER TABLE user_dim ALTER user_id DROP NOT NULL",
        "INSERT INTO user_dim (last_seen_at) VALUES ('2018-11-01'), ('2018-11-01')",
    )
    assert broken(loaded) == {"user_dim.user_id is unique": 1, "user_dim.user_id is not NULL": 2}


REFERENCES = [
    foreign
    for table in Base.metadata.sorted_tables
    for column in table.columns
    for foreign in column.foreign_keys
]


@pytest.mark.parametrize("foreign", REFERENCES, ids=lambda foreign: str(foreign.parent))
def test_a_row_that_refers_to_nothing_is_found(loaded, foreign, write):
    if foreign.parent.table.name == "load_reject":
        load(loaded, events=write(b"hello\n"), max_errors=1)
    other = foreign.column
    name = f"{foreign.parent} is in {other.table}"
    assert name not in broken(loaded)
    run(loaded, f"DELETE FROM {other.table}")
    with loaded.connect() as connection:
        used = connection.scalar(
            text(f"SELECT count(DISTINCT {foreign.parent.name}) FROM {foreign.parent.table}")
        )
    assert used
    assert broken(loaded)[name] == used


@pytest.mark.parametrize(("table", "column", "width"), WIDE)
def test_a_text_too_wide_is_found(loaded, table, column, width):
    key = next(iter(Base.metadata.tables[table].primary_key.columns)).name
    run(
        loaded,
        f"UPDATE {table} SET {column} = '{'é' * (width // 2 + 1)}' "
        f"WHERE {key} = (SELECT min({key}) FROM {table})",
    )
    assert broken(loaded)[f"{table}.{column} takes {width} bytes"] == 1


REQUIRED = [
    column
    for table in Base.metadata.sorted_tables
    for column in table.columns
    if not column.nullable and not table.name.startswith(("staging", "load_lock", "load_reject"))
]


@pytest.mark.parametrize("column", REQUIRED, ids=str)
def test_a_missing_value_is_found_where_the_engine_did_not_prevent_it(loaded, column):
    run(
        loaded,
        f"ALTER TABLE {column.table} ALTER {column.name} DROP NOT NULL",
        f"UPDATE {column.table} SET {column.name} = NULL WHERE rowid = 0",
    )
    assert broken(loaded)[f"{column} is not NULL"] == 1


def test_a_play_neither_matched_nor_waiting_is_found(loaded):
    run(loaded, "DELETE FROM unmatched_songplay WHERE rowid = 0")
    assert broken(loaded) == {"plays = matched + unmatched": 1}


def test_a_run_that_breaks_something_names_it_with_examples_and_is_rolled_back(engine, write):
    load(engine, events=write(*(line(userId=str(n), sessionId=n) for n in range(1, 6))))
    run(engine, "INSERT INTO user_dim SELECT * FROM user_dim")
    more = write(*(line(userId=str(n), sessionId=9 * n) for n in range(1, 5)), name="more.json")
    with pytest.raises(CheckError) as raised:
        load(engine, events=more)
    assert str(raised.value) == (
        "user_dim.user_id is unique: doesn't hold for 4, such as 1, 2, 3; nothing was loaded. "
        "To repair: load with full_refresh to build the star anew from the files"
    )
    assert count(engine, SongplayFact) == 5


def test_only_what_a_run_touches_is_looked_at(engine, write):
    load(engine, events=write(*(line(userId=str(n), sessionId=n) for n in range(1, 6))))
    run(engine, "INSERT INTO user_dim SELECT * FROM user_dim")
    load(engine, events=write(line(userId="99", sessionId=99), name="more.json"))
    assert broken(engine) == {"user_dim.user_id is unique": 5}


# What was staged


def test_two_events_of_one_key_in_a_file_are_an_error(engine, write):
    with pytest.raises(CheckError, match=r"of one event .* such as 818000000; .*remove one"):
        load(engine, events=write(line(), line(ts=1542837407797)))
    assert count(engine, SongplayFact) == 0


@pytest.mark.parametrize(
    "change", [{"ts": 1542837407797}, {"userId": "16"}, {"length": 100.5}, {"length": None}]
)
def test_two_events_of_one_key_in_two_files_are_an_error(engine, write, change):
    load(engine, events=write(line(), line(sessionId=1)))
    with pytest.raises(CheckError, match=r"of one event in all files.* 818000000; nothing was"):
        load(engine, events=write(line(**change), name="more.json"))
    assert count(engine, SongplayFact) == 2


def test_copies_of_an_event_may_differ_in_words(engine, write):
    load(engine, events=write(line(), line(artist="BjÃ\x83Â¶rk", userAgent="Mozilla\0")))
    load(engine, events=write(line(song="Other", level="free"), name="more.json"))
    assert count(engine, SongplayFact) == 1


def test_one_event_in_several_files_is_one_play(engine, write):
    load(engine, events=write(line(), line()))
    load(engine, events=write(line(), line(sessionId=1), line(), name="more.json"))
    assert count(engine, SongplayFact) == 2


def logged(count, **changes) -> list[bytes]:
    return [line(sessionId=number, **changes) for number in range(count)]


def test_a_misspelt_key_is_found_by_the_column_that_it_leaves_empty(engine, write):
    lines = [content.replace(b'"firstName"', b'"firstname"') for content in logged(1000)]
    with pytest.raises(CheckError, match=r"staging_events\.first_name is not wholly NULL"):
        load(engine, events=write(*lines))
    assert load(engine, events=write(*lines), may_be_empty=["first_name"]).events == 1000


def test_a_small_log_may_leave_columns_empty(engine, write):
    assert load(engine, events=write(*logged(999, gender=None))).events == 999


def test_songs_are_looked_at_too(engine, write):
    song = {"song_id": "S", "artist_id": "A", "title": "t", "artist_name": "n", "num_songs": 1}
    songs = [json.dumps({**song, "song_id": f"S{n}"}).encode() + b"\n" for n in range(1000)]
    with pytest.raises(CheckError, match=r"staging_songs\.duration is not .*don't hold: 4"):
        load(engine, songs=write(*songs))


def test_what_may_be_empty_must_be_a_column(engine, write):
    with pytest.raises(WarehouseError, match=r"has a column firstName; .* such as first_name"):
        load(engine, events=write(line()), may_be_empty=["firstName"])


def test_a_column_of_the_star_takes_what_staging_holds():
    """A run need not look for text that COPY let through and the star has no room for."""
    staging = {
        column.name: column.type.length
        for name in ("staging_events", "staging_songs")
        for column in Base.metadata.tables[name].columns
        if isinstance(column.type, String)
    }
    sources = {"name": "artist_name", "location": "artist_location"}
    for table, column, width in WIDE:
        name = sources.get(column, column) if table == "artist_dim" else column
        assert width >= staging[name], (table, column)


def test_keys_of_the_files_are_those_of_the_real_log():
    columns = Base.metadata.tables["staging_events"].columns
    assert {json_key(column) for column in columns} == set(event())


def test_a_database_without_a_warehouse_is_told_apart():
    with pytest.raises(WarehouseError, match="has no table artist_dim; load, or alembic upgrade"):
        check(connect("duckdb:///:memory:"))


NUMBERS = Table("keys", MetaData(), Column("key", BigInteger))
NEAR = st.integers(-70, 70)
KEY = NEAR | NEAR.map(lambda key: key + 2**62) | st.integers(-(2**63), 2**63 - 1) | st.none()


@settings(deadline=None, max_examples=60)
@given(keys=st.lists(KEY, max_size=200))
def test_marks_find_the_groups_of_neighbours_in_which_a_number_stands_twice(keys):
    query = str(checks._marking(NUMBERS.c.key).compile(dialect=dialect_of("duckdb")))
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE keys AS SELECT unnest(?::BIGINT[]) AS key", [keys])
        ((found,),) = connection.execute(query).fetchall()
    twice = {key for key in keys if keys.count(key) > 1 or key is None}
    assert found == len({None if key is None else key >> 5 for key in twice})
