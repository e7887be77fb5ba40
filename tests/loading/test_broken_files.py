"""Broken files: each loads as COPY would load it, or is refused by file, line, column and value.

After a refusal the warehouse is as it was. Where lines may be left out, the good ones are in and
the others are listed.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, fields

import pytest
from sqlalchemy import func, select
from test_load import SONG, event, line

from musicbee_warehouse import (
    InputError,
    LoadReject,
    SongDim,
    SongplayFact,
    StagingEvent,
    connect,
    create_tables,
    load,
)
from musicbee_warehouse.loading import check
from musicbee_warehouse.simulator import Defects, simulate

NAN, BOM, NUL = float("nan"), b"\xef\xbb\xbf", "a\x00b"


@dataclass(frozen=True)
class Broken:
    """A file with one fault, between good lines; what is said of it; which lines are left out."""

    name: str
    content: bytes
    line: int | None = 2
    column: str | None = None
    reason: str = ""
    good: int = 2
    left_out: int = 1
    ending: str = "json"


def between(bad: bytes) -> bytes:
    return line() + bad + line(itemInSession=9)


def value(name, column, found, reason, **options) -> Broken:
    """A value that a column can't take."""
    bad = line(**{"itemInSession": 1, column: found})
    return Broken(name, between(bad), 2, column, reason, **options)


def raw(name, text: bytes, reason, **options) -> Broken:
    """A line that is no JSON object."""
    return Broken(name, between(text + b"\n"), 2, None, reason, **options)


def changed(old: bytes, new: bytes, **changes) -> bytes:
    found = line(itemInSession=1, **changes)
    assert old in found
    return found.replace(old, new)


REFUSED = [
    # What is no JSON
    raw("words", b"hello", "'hello'"),
    raw("empty quotes", b'""', "expected a JSON object"),
    raw("a number", b"12", "expected a JSON object, not '12'"),
    raw("an array", b"[1, 2]", "expected a JSON object, not '[1, 2]'"),
    raw("null", b"null", "expected a JSON object, not 'null'"),
    raw("a comma behind", changed(b"}\n", b"},\n").rstrip(), "not ','", good=2, left_out=1),
    raw("a truncated line", line(itemInSession=1)[:60], "the object breaks off"),
    raw("a line without its first half", line(itemInSession=1)[60:].rstrip(), "expecting value"),
    raw("single quotes", b"{'page': 'Home'}", "repair or remove the line"),
    raw("a key without quotes", b'{page: "Home"}', "repair or remove the line"),
    raw("a comment", b"// exported at noon", "expecting value"),
    raw("CSV", b"2018-11-01,Home,39", "repair or remove the line"),
    raw("XML", b"<event page='Home'/>", "expecting value"),
    raw("a merge conflict", b"<<<<<<< HEAD", "expecting value"),
    raw("binary", bytes(range(1, 9)), "expecting value"),
    raw("NUL bytes", b"\x00\x00\x00", "expecting value"),
    raw("a bare tab in a text", changed(b"Chicago", b"Chi\tcago").rstrip(), "invalid control"),
    raw("a bad escape", changed(b"Chicago", rb"Chi\xago").rstrip(), "invalid \\escape"),
    raw("half an escape", changed(b"Chicago", rb"Chi\u12").rstrip(), "invalid \\uxxxx escape"),
    raw("a number with a leading zero", changed(b"200", b"0200").rstrip(), "repair or remove"),
    raw("Latin-1", changed(b"Chicago", b"Montr\xe9al").rstrip(), "b'\\xe9' is not UTF-8"),
    raw("half a character", changed(b"Chicago", b"\xf0\x9f\x8e").rstrip(), "is not UTF-8"),
    Broken("a character cut off by the end", between(b"") + b"\xc3", 3, None, "b'\\xc3'", 2),
    raw("a key twice", changed(b"}\n", b', "page": "Home"}\n').rstrip(), "'page' stands twice"),
    # What begins or ends wrong
    Broken("a byte order mark", BOM + between(b""), 1, None, "byte order mark", 1),
    Broken("a whole array", b"[" + line()[:-1] + b"]\n" + line(), 1, None, "JSON object", 1),
    Broken("a file that breaks off", line() + line(itemInSession=1)[:-9], 2, None, "", 1),
    # Values that columns can't take
    value("text for a number", "status", "abc", "'abc' is no whole number"),
    value("a fraction for a whole number", "status", 12.7, "'12.7' is no whole number"),
    value("a number too large for 16 bits", "status", 40_000, "'40000' is out of the range of 16"),
    value("a number too large for 32 bits", "itemInSession", 2**31, "'2147483648' is out of the"),
    value("a number too large for 64 bits", "sessionId", 2**63, "out of the range of 64 bits"),
    value("a number too small", "status", -40_000, "'-40000' is out of the range"),
    value("an object for a number", "status", {"code": 200}, "is no whole number"),
    value("an array for a number", "length", [1], "is no number"),
    value("a date for milliseconds", "ts", "2018-11-01", "'2018-11-01' is no whole number"),
    value("a number with a comma", "length", "269,58", "'269,58' is no number"),
    value("digits grouped", "sessionId", "1_000", "'1_000' is no whole number"),
    value("a hexadecimal number", "sessionId", "0x10", "'0x10' is no whole number"),
    value("infinity", "length", float("inf"), "is no finite number"),
    value("a number beyond doubles", "length", "1e400", "is no finite number"),
    value("digits grouped, with a fraction", "length", "1_000.5", "'1_000.5' is no number"),
    value("digits of another script", "status", "\uff12\uff10", "is no whole number"),
    value("such digits for a double", "length", "\u0663", "is no number"),
    value("a long text for a number", "status", "é" * 90, "'éééé"),
    Broken("5,000 digits", between(changed(b"818", b"8" * 5000)), 2, "sessionId", "range of 64"),
    Broken(
        "5,000 digits for a text", between(changed(b'"Koch"', b"8" * 5000)), 2, "lastName", "5000"
    ),
    Broken("9e15", between(changed(b'"F"', b"9e15")), None, None, "can't be loaded", 0, 0),
    raw("a deep object", changed(b'"Koch"', b"[" * 5000 + b"]" * 5000).rstrip(), "too deeply"),
    value("microseconds", "ts", 1542837407796000, "1542837407796000 is beyond the years 1 to 9999"),
    value("nanoseconds", "ts", 1542837407796000000, "is beyond the years 1 to 9999"),
    value("a time before all times", "ts", -(10**14), "is beyond the years 1 to 9999"),
    value("a user that is no number", "userId", "u-39", "'u-39' is no whole number"),
    value("a text too long", "level", "p" * 17, "17 bytes don't fit VARCHAR(16)"),
    value("a text of too many bytes", "level", "é" * 9, "18 bytes don't fit VARCHAR(16)"),
    value("a lone surrogate", "song", "\ud800", "half a character"),
    raw("a lone surrogate in a key", changed(b'"page"', rb'"p\udc00": 1, "page"').rstrip(), "half"),
    raw(
        "a lone surrogate in a value of no column",
        changed(b"}\n", rb', "zip": ["\ud800x"]}').rstrip(),
        "half a character",
    ),
    value("an object for a text", "artist", {"name": "x" * 600}, "bytes don't fit VARCHAR(512)"),
    # Values that are missing
    value("no time", "ts", None, "the value is missing"),
    value("no page", "page", None, "the value is missing"),
    value("no session", "sessionId", "", "the value is missing"),
    value("a play without a user", "userId", "", "has no user"),
    value("a play with no user at all", "userId", None, "has no user"),
    # Values that the star can't take
    value("an item beyond its room", "itemInSession", 1_000_000, "isn't from 0 to 999,999"),
    value("an item below 0", "itemInSession", -1, "isn't from 0 to 999,999"),
    value("a session too large", "sessionId", 9_000_000_000_001, "too large for songplay_id"),
    # How a file is packed
    Broken(
        "gzip that breaks off",
        gzip.compress(between(b""))[:-9],
        None,
        None,
        "gzip",
        0,
        0,
        "json.gz",
    ),
    Broken("no gzip at all", between(b""), None, None, "no whole gzip", 0, 0, "json.gz"),
    Broken(
        "a fault in gzip", gzip.compress(between(b"hello\n")), 2, None, "'hello'", ending="json.gz"
    ),
    # How lines end
    Broken(
        "a fault behind CRLF", between(b"hello\r\n").replace(b"\n", b"\r\n"), 2, None, "'hello'"
    ),
    Broken("a fault behind blank lines", b"\n\n\n" + between(b"hello\n"), 5, None, "'hello'"),
    Broken(
        "a fault in a pretty-printed object",
        json.dumps(event(), indent=1).encode() + b"\n" + line(itemInSession=1, status="abc"),
        21,
        "status",
        "'abc'",
        1,
    ),
]


@pytest.fixture(scope="module")
def engine():
    engine = connect("duckdb:///:memory:")
    create_tables(engine)
    yield engine
    assert [str(each) for each in check(engine) if each.violations] == []
    engine.dispose()


def plays(engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(SongplayFact))


def in_session(content: bytes, number: int) -> bytes:
    """Give a case sessions of its own, so that all share a warehouse."""
    if content[:2] == b"\x1f\x8b":
        try:
            return gzip.compress(in_session(gzip.decompress(content), number))
        except EOFError:
            return content
    return content.replace(b'"sessionId": 818,', b'"sessionId": %d,' % number)


def test_there_are_more_than_forty_kinds():
    assert len({each.name for each in REFUSED}) == len(REFUSED)
    assert len(REFUSED) > 40


@pytest.mark.parametrize("broken", REFUSED, ids=lambda broken: broken.name)
def test_a_broken_file_is_refused_by_place_and_value_and_changes_nothing(
    engine, star_rows, tmp_path, broken
):
    path = tmp_path / f"log.{broken.ending}"
    path.write_bytes(in_session(broken.content, 10_000 + REFUSED.index(broken)))
    before = star_rows(engine)
    with pytest.raises(InputError) as raised:
        load(engine, events=path)
    error = raised.value
    assert (error.file, error.line, error.column) == (str(path), broken.line, broken.column)
    assert broken.reason in str(error)
    assert len(str(error)) < 400
    assert star_rows(engine) == before


@pytest.mark.parametrize(
    "broken", [each for each in REFUSED if each.line], ids=lambda broken: broken.name
)
def test_with_max_errors_the_good_lines_are_in_and_the_others_listed(engine, tmp_path, broken):
    path = tmp_path / f"log.{broken.ending}"
    path.write_bytes(in_session(broken.content, 20_000 + REFUSED.index(broken)))
    before = plays(engine)
    report = load(engine, events=path, max_errors=broken.left_out)
    assert report.rejects == broken.left_out
    assert plays(engine) - before == broken.good
    with engine.connect() as connection:
        found = connection.execute(
            select(LoadReject.uri, LoadReject.line, LoadReject.reason).where(
                LoadReject.run_id == report.run_ids[0]
            )
        ).all()
    assert broken.line in {each.line for each in found}
    assert {each.uri for each in found} == {str(path)}


LOADED = {
    "numbers as text": (line(sessionId="30001", status="200", length="269.58"), {}),
    "numbers with spaces": (line(sessionId=" 30002 "), {}),
    "whole numbers with a point": (line(sessionId=30003, registration=1.0), {}),
    "numbers for text": (line(sessionId=30004, artist=112, song=1979), {"artist": "112"}),
    "a truth for text": (line(sessionId=30005, artist=True), {"artist": "true"}),
    # COPY would refuse it: DuckDB's reader takes true for 1 where it reads numbers.
    "a truth for a number": (line(sessionId=30018, status=True), {"status": 1}),
    "an object for text": (line(sessionId=30006, artist={"a": 1}), {}),
    "an empty text for a number": (line(sessionId=30007, length="", status=""), {"length": None}),
    "keys of no column": (line(sessionId=30008, zip="60601", nested={"a": [1]}), {}),
    "no final newline": (line(sessionId=30009).rstrip(), {}),
    "form feeds of Windows": (line(sessionId=30010).replace(b"\n", b"\r\n"), {}),
    "escaped slashes": (line(sessionId=30011).replace(b"Mozilla", b"Mozilla\\/5"), {}),
    "escaped characters": (line(sessionId=30012, artist="Björk"), {"artist": "Björk"}),
    "plain UTF-8": (
        json.dumps(event(sessionId=30013, artist="Björk"), ensure_ascii=False).encode(),
        {"artist": "Björk"},
    ),
    "control characters, escaped": (line(sessionId=30014, artist="a\x19b"), {"artist": "a\x19b"}),
    "text to the brim": (line(sessionId=30015, level="é" * 8), {"level": "é" * 8}),
    "keys in another order": (
        json.dumps(dict(reversed(event(sessionId=30016).items()))).encode(),
        {"artist": "Elena"},
    ),
    "an emoji": (line(sessionId=30017, artist="🎵"), {"artist": "🎵"}),
}


@pytest.mark.parametrize("name", LOADED)
def test_a_strange_file_loads_as_copy_loads_it(engine, tmp_path, name):
    content, expected = LOADED[name]
    path = tmp_path / "log.json"
    path.write_bytes(content)
    load(engine, events=path, keep_staging=True)
    with engine.connect() as connection:
        (row,) = connection.execute(select(StagingEvent.__table__)).mappings()
    assert {key: row[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({"song_id": None}, "song_id", "the value is missing"),
        ({"song_id": "S" * 33}, "song_id", "33 bytes don't fit VARCHAR(32)"),
        ({"artist_id": None}, "artist_id", "the value is missing"),
        ({"duration": "long"}, "duration", "'long' is no number"),
        ({"year": 99_999}, "year", "out of the range of 16 bits"),
        ({"artist_latitude": NAN}, "artist_latitude", "is no finite number"),
        ({"title": "t" * 513}, "title", "513 bytes don't fit VARCHAR(512)"),
    ],
)
def test_a_broken_song_is_refused_or_left_out(engine, tmp_path, changes, column, reason):
    path = tmp_path / "songs.json"
    path.write_text(json.dumps(SONG) + "\n" + json.dumps({**SONG, "song_id": "S2", **changes}))
    with pytest.raises(InputError) as raised:
        load(engine, songs=path)
    assert (raised.value.line, raised.value.column) == (2, column)
    assert reason in str(raised.value)
    assert load(engine, songs=path, max_errors=1).rejects == 1
    with engine.connect() as connection:
        assert connection.scalars(select(SongDim.song_id)).all() == [SONG["song_id"]]


# What the simulator spoils


REFUSING = {"corrupt": "repair or remove", "long_strings": "bytes don't fit"}


@pytest.mark.parametrize("name", [field.name for field in fields(Defects)])
def test_each_defect_of_the_simulator_loads_or_is_refused(tmp_path, name):
    simulate(60, 25, days=4, seed=3, defects=Defects(**{name: 0.2})).write(tmp_path / "data")
    sources = {"events": tmp_path / "data" / "log_data", "songs": tmp_path / "data" / "song_data"}
    engine = connect("duckdb:///:memory:")
    if name in REFUSING:
        with pytest.raises(InputError, match=REFUSING[name]) as raised:
            load(engine, **sources)
        assert raised.value.line
        report = load(engine, **sources, max_errors=100_000)
        assert report.rejects > 0
    else:
        report = load(engine, **sources)
        assert report.rejects == 0
    assert report.rows["songplay_fact"][1] > 0
    assert [str(each) for each in check(engine) if each.violations] == []
    engine.dispose()


@pytest.mark.parametrize("seed", range(3))
def test_all_defects_at_once_load_what_is_good(tmp_path, seed):
    rates = dict.fromkeys((field.name for field in fields(Defects)), 0.1)
    simulate(60, 25, days=4, seed=seed, defects=Defects(**rates)).write(tmp_path / "data")
    engine = connect("duckdb:///:memory:")
    report = load(
        engine,
        events=tmp_path / "data" / "log_data",
        songs=tmp_path / "data" / "song_data",
        max_errors=100_000,
    )
    assert report.rejects > 0
    assert report.rows["songplay_fact"][1] > 0
    assert [str(each) for each in check(engine) if each.violations] == []
    engine.dispose()
