"""A load from files: what is in the warehouse after it, and after one that fails."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select, text

from musicbee_warehouse import (
    InputError,
    SongDim,
    SongplayFact,
    StagingEvent,
    UserDim,
    WarehouseError,
    connect,
    create_tables,
    load,
    plan,
    star,
)
from musicbee_warehouse.loading.sources import list_files

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "data"

EVENT = {
    "artist": "Elena",
    "auth": "Logged In",
    "firstName": "Lily",
    "gender": "F",
    "itemInSession": 0,
    "lastName": "Koch",
    "length": 269.58322,
    "level": "paid",
    "location": "Chicago",
    "method": "PUT",
    "page": "NextSong",
    "registration": 1541048010796.0,
    "sessionId": 818,
    "song": "Setanta matins",
    "status": 200,
    "ts": 1542837407796,
    "userAgent": "Mozilla",
    "userId": "15",
}
SONG = {
    "num_songs": 1,
    "artist_id": "AR5KOSW1187FB35FF4",
    "artist_latitude": 49.8,
    "artist_longitude": 15.4,
    "artist_location": "Dubai UAE",
    "artist_name": "Elena",
    "song_id": "SOZCTXZ12AB0182364",
    "title": "Setanta matins",
    "duration": 269.58322,
    "year": 0,
}


def event(**changes: object) -> dict[str, object]:
    return {**EVENT, **changes}


def line(**changes: object) -> bytes:
    return json.dumps(event(**changes)).encode() + b"\n"


@pytest.fixture
def songs(tmp_path):
    path = tmp_path / "song.json"
    path.write_text(json.dumps(SONG))
    return path


@pytest.fixture
def log(tmp_path):
    """Return a function that writes a log of some bytes, under a name."""

    def write(content: bytes, name: str = "log.json") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def count(engine, model) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(model))


def test_the_report_says_what_was_read_done_and_left(engine):
    report = load(engine, events=EXAMPLES / "log_data", songs=EXAMPLES / "song_data")
    assert report.files == 55
    assert report.rows["song_dim"] == (0, 48)
    copied = {step.name: step.rows for step in report.steps if step.name.startswith("COPY")}
    assert copied["COPY staging_events"] == report.events == 360
    assert copied["COPY staging_songs"] == report.songs == 48
    assert json.loads(json.dumps(report.to_dict()))["rows"]["user_dim"]["after"] == 19
    assert "songplay_fact" in repr(report)
    assert "<td>48</td>" in report._repr_html_()


def test_a_second_load_of_the_same_files_changes_nothing(engine):
    sources = {"events": EXAMPLES / "log_data", "songs": EXAMPLES / "song_data"}
    load(engine, **sources)
    report = load(engine, **sources)
    assert all(before == after for before, after in report.rows.values())


def test_an_empty_star_has_nothing_to_replace(engine, log, songs):
    """What it is filled by is what is planned."""
    planned = plan(engine, events=log(line()), songs=songs).script
    assert "UPDATE" not in planned
    report = load(engine, events=log(line()), songs=songs)
    assert [step.name for step in report.steps if "_dim" in step.name] == [
        "INSERT artist_dim",
        "INSERT song_dim",
        "INSERT user_dim",
        "INSERT time_dim",
    ]
    assert "UPDATE songplay_fact" in plan(engine, events=log(line(), "second.json")).script


def test_a_star_filled_by_hand_is_not_empty(engine, log, songs, tmp_path):
    create_tables(engine)
    with engine.begin() as connection:
        star.pipeline(log(line(), "first.json"), songs).run(connection)
    better = tmp_path / "better.json"
    better.write_text(json.dumps(SONG | {"year": 1999}))
    assert "UPDATE songplay_fact" in plan(engine, songs=better).script
    load(engine, songs=better)
    with engine.connect() as connection:
        assert connection.execute(select(SongDim.year)).all() == [(1999,)]
        assert connection.scalars(select(SongplayFact.song_id)).all() == [SONG["song_id"]]


def test_staging_is_kept_when_asked(engine, log, songs):
    load(engine, events=log(line()), songs=songs)
    assert count(engine, StagingEvent) == 0
    load(engine, events=log(line()), songs=songs, full_refresh=True, keep_staging=True)
    assert count(engine, StagingEvent) == 1


def test_progress_names_each_step_of_the_whole(engine, log, songs):
    told = []
    load(engine, events=log(line()), songs=songs, on_step=lambda *step: told.append(step))
    assert [name for _, total, name in told if not total] == [
        "listing the files",
        "waiting for the warehouse",
    ]
    told = [step for step in told if step[1]]
    positions = [position for position, _, _ in told]
    (total,) = {total for _, total, _ in told}
    assert sorted(set(positions)) == list(range(total))
    assert positions == sorted(positions)
    assert (told[0][2], told[-1][2]) == ("DELETE staging_events", "COPY loaded_file")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("no_final_newline.json", line() + line(itemInSession=1).rstrip()),
        ("crlf.json", (line() + line(itemInSession=1)).replace(b"\n", b"\r\n")),
        ("old_mac.json", (line() + line(itemInSession=1)).replace(b"\n", b"\r")),
        ("blank_lines.json", b"\n\n" + line() + b"\n  \n" + line(itemInSession=1) + b"\n"),
        ("one_line.json", line().rstrip() + line(itemInSession=1).rstrip()),
        ("spaced.json", line().rstrip() + b" " + line(itemInSession=1).rstrip()),
        ("pretty.json", json.dumps(event(), indent=4).encode() + line(itemInSession=1)),
        ("line_then_pretty.json", line() + json.dumps(event(itemInSession=1), indent=4).encode()),
        ("plain.json.gz", gzip.compress(line() + line(itemInSession=1))),
        ("members.json.gz", gzip.compress(line()) + gzip.compress(line(itemInSession=1))),
        ("braces.json", line(song="}{") + line(itemInSession=1, song="} {")),
        ("separators.json", line(song="a\u2028b") + line(itemInSession=1, location="\x85")),
    ],
)
def test_objects_are_read_however_a_file_is_laid_out(engine, log, songs, name, content):
    load(engine, events=log(content, name), songs=songs)
    assert count(engine, SongplayFact) == 2


def test_an_empty_file_is_no_event(engine, log, songs):
    load(engine, events=log(b""), songs=songs)
    assert count(engine, SongplayFact) == 0


def test_keys_may_be_absent_and_others_are_ignored(engine, log, songs):
    few = {key: EVENT[key] for key in ("page", "ts", "sessionId", "itemInSession", "userId")}
    load(engine, events=log(json.dumps({**few, "zip": "60601"}).encode()), songs=songs)
    with engine.connect() as connection:
        assert connection.execute(select(SongplayFact.level, SongplayFact.song_id)).all() == [
            (None, None)
        ]


@pytest.mark.parametrize(
    ("content", "place", "reason"),
    [
        (line() + b'{"page": "Home"', "line 2", "the file ends"),
        (line() + b"hello\n" + line(), "line 2", "'hello'"),
        (line() + line(status="abc"), "line 2, status", "'abc' is no whole number"),
        (line() + line(status=12.7), "line 2, status", "'12.7' is no whole number"),
        (line() + line(status=40_000), "line 2, status", "out of the range of 16 bits"),
        (line(length="long"), "line 1, length", "'long' is no number"),
        (line(level="p" * 17), "line 1, level", "17 bytes don't fit VARCHAR(16)"),
        (line(level="é" * 9), "line 1, level", "18 bytes don't fit VARCHAR(16)"),
        (line(ts=None), "line 1, ts", "the value is missing"),
        (line(page=None), "line 1, page", "the value is missing"),
        (line() + line(itemInSession=1, userId=""), "line 2, userId", "has no user"),
        (line() + line().replace(b"Chicago", b"Montr\xe9al"), "line 2", "is not UTF-8"),
        (b"\xef\xbb\xbf" + line(), "line 1", "byte order mark"),
        (b"[" + line() + b"]", "line 1", "expected a JSON object"),
        (line() + b"12\n", "line 2", "expected a JSON object"),
        (line()[:-2] + b', "ts": 1}\n', "line 1", "'ts' stands twice"),
        (line(song="\ud800"), "line 1, song", "half a character"),
        (b"PK\x03\x04\x00\x00", "line 1", "expecting value"),
        (json.dumps(event(status="x"), indent=1).encode(), "line 1, status", "no whole number"),
        (b"\n\n" + line(status="x"), "line 3, status", "no whole number"),
    ],
)
def test_a_fault_names_file_line_and_column_and_leaves_the_warehouse_alone(
    engine, log, songs, content, place, reason
):
    load(engine, events=log(line(sessionId=1), "good.json"), songs=songs)
    bad = log(content)
    with pytest.raises(InputError) as raised:
        load(engine, events=bad, songs=songs)
    assert str(raised.value).startswith(f"{bad}, {place}: ")
    assert reason in raised.value.reason
    assert count(engine, SongplayFact) == 1
    assert count(engine, UserDim) == 1
    assert inspect(engine).has_table("staging_events")


def test_a_fault_in_a_large_file_is_found_on_its_line(engine, log, songs):
    good = line(userAgent="x" * 1000)
    bad = log(good * 4000 + line(status="abc") + good * 100)
    with pytest.raises(InputError, match=r"line 4001, status: 'abc'"):
        load(engine, events=bad, songs=songs)


DAMAGED = {
    "torn": lambda packed: packed[:-20],
    "of another sum": lambda packed: packed[:-8] + bytes(4) + packed[-4:],
    "no gzip": lambda packed: b"xx" + packed[2:],
    "no deflate": lambda packed: packed[:10] + b"\xff" * 20 + packed[30:],
    "followed by other bytes": lambda packed: packed + b"junk",
}


@pytest.mark.parametrize("max_errors", [0, 10])
@pytest.mark.parametrize("events", [100, 3000], ids=["small", "large"])
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_gzip_file_is_named(engine, log, songs, star_rows, damage, events, max_errors):
    """Whole, not by line: nobody knows what its lines were."""
    noise = random.Random(7)
    lines = (
        line(itemInSession=item, userAgent=noise.randbytes(40).hex()) for item in range(events)
    )
    bad = log(DAMAGED[damage](gzip.compress(b"".join(lines))), "damaged.json.gz")
    assert list_files(bad)[0].is_large == (events == 3000)
    load(engine, songs=songs)
    before = star_rows(engine)
    with pytest.raises(InputError, match=r"damaged\.json\.gz: no whole gzip file.*pack or fetch"):
        load(engine, events=bad, songs=songs, max_errors=max_errors)
    assert star_rows(engine) == before


@pytest.mark.parametrize("missing", ["nowhere", "nowhere/*.json"])
def test_a_folder_that_is_not_there_is_named(engine, songs, missing):
    with pytest.raises(WarehouseError, match="nowhere"):
        load(engine, events=missing, songs=songs)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "there is nothing to load"),
        ({"events": ""}, "the path is empty"),
        (
            {"since": date(2018, 11, 5), "until": date(2018, 11, 4)},
            "the period ends, 2018-11-04, before it begins, 2018-11-05",
        ),
    ],
)
def test_what_can_not_be_meant_is_refused(engine, songs, arguments, reason):
    given = {"songs": songs, **arguments} if arguments else {}
    for ask in (plan, load):
        with pytest.raises(WarehouseError, match=reason):
            ask(engine, **given)


@pytest.mark.parametrize("name", ["log.json", "log.csv", "log.json.gz"])
def test_data_is_no_warehouse(log, songs, name):
    """DuckDB opens such a file, and keeps what is loaded in memory, until it is closed."""
    data = log(line(), name)
    with pytest.raises(WarehouseError, match=f"{name} is no DuckDB database"):
        load(connect(f"duckdb:///{data}"), songs=songs)
    assert data.read_bytes() == line()


def test_a_warehouse_stays_locked_though_it_is_connected_to_again(tmp_path):
    database = tmp_path / "warehouse.duckdb"
    engine = connect(f"duckdb:///{database}")
    with engine.connect(), connect(f"duckdb:///{database}").connect():
        opening = f"import duckdb; duckdb.connect({str(database)!r})"
        other = subprocess.run([sys.executable, "-c", opening], capture_output=True, check=False)
    assert b"Could not set lock" in other.stderr


def test_files_of_this_machine_are_not_for_redshift(log, songs):
    engine = connect("redshift://user@host/db", work="s3://bucket/work")
    with pytest.raises(WarehouseError, match=r"upload it with 'aws s3 cp"):
        load(engine, events=log(line()), songs=songs)


def test_a_folder_is_read_without_the_leavings_of_other_programs(engine, tmp_path, songs):
    folder = tmp_path / "logs"
    for name in (".ipynb_checkpoints", "__MACOSX", "2018"):
        (folder / name).mkdir(parents=True)
        (folder / name / "log.json").write_bytes(line(sessionId=len(name)))
    (folder / "2018" / "._log.json").write_bytes(b"\x00\x05")
    (folder / "2018" / "readme.txt").write_text("hello")
    report = load(engine, events=folder, songs=songs)
    assert report.files == 2
    assert count(engine, SongplayFact) == 1


def test_create_tables_twice_and_beside_a_load(engine, log, songs):
    create_tables(engine)
    create_tables(engine)
    load(engine, events=log(line()), songs=songs)
    assert count(engine, SongplayFact) == 1


def test_a_local_load_imports_no_driver_of_redshift_nor_pandas(tmp_path):
    program = f"""
import sys
from musicbee_warehouse import connect, load
engine = connect("duckdb:///{tmp_path}/w.duckdb")
load(engine, events=r"{EXAMPLES / "log_data"}", songs=r"{EXAMPLES / "song_data"}")
print(*sorted({{name.split(".")[0] for name in sys.modules}}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    imported = set(done.stdout.split())
    assert {"duckdb", "sqlalchemy"} <= imported
    assert not imported & {"boto3", "redshift_connector", "alembic", "pandas"}


def test_a_look_at_the_first_rows_that_fails_leaves_none_of_them(engine, log, songs, monkeypatch):
    """They are committed before, and copied once more after a failure."""
    with engine.begin() as connection:
        connection.execute(text("CREATE SEQUENCE looks"))
    fails_once = text("SELECT CASE WHEN nextval('looks') = 1 THEN error('no more') ELSE 0 END")
    monkeypatch.setattr(star, "unfit", {StagingEvent.__table__: fails_once})
    report = load(engine, events=log(line() + line(sessionId=1)), songs=songs, keep_staging=True)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT nextval('looks')")) > 2
    assert (report.events, count(engine, StagingEvent)) == (2, 2)
