"""What COPY refuses on Redshift: what is said of it, and what is left out where that may be."""

from __future__ import annotations

import json
import re

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from musicbee_warehouse import InputError, LoadReject, SongplayFact, WarehouseError, load
from musicbee_warehouse.cli import app
from musicbee_warehouse.errors import LoadError
from tests.loading.test_load import SONG, event, line

WIDE = "La " * 200
FAULTS = {
    "wide": (line(itemInSession=7, song=WIDE), "song VARCHAR(512)"),
    "bytes": (line(itemInSession=7, level="é" * 9), "level VARCHAR(16)"),
    "word": (line(itemInSession=7, status="abc"), "status INT2"),
    "large": (line(itemInSession=7, status=40_000), "status INT2"),
    "number": (line(itemInSession=7, length="long"), "length FLOAT8"),
    "missing": (line(itemInSession=7, ts=None), "ts TIMESTAMP"),
}


@pytest.fixture
def load_log(redshift, bucket, put):
    """Return a function that loads a log of some bytes, and a song, from a bucket."""
    put(bucket, {"songs/a.json": json.dumps(SONG).encode()})

    def run(content, **options):
        put(bucket, {"logs/log.json": content})
        return load(
            redshift,
            events=f"s3://{bucket}/logs",
            songs=f"s3://{bucket}/songs",
            work=f"s3://{bucket}/work",
            **options,
        )

    return run


def count(engine, model):
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(model))


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_names_file_line_column_value_and_remedy(load_log, redshift, bucket, kind):
    content, column = FAULTS[kind]
    with pytest.raises(LoadError) as raised:
        load_log(line() + line(itemInSession=1) + content)
    error = raised.value
    assert (error.file, error.line) == (f"s3://{bucket}/logs/log.json", 3)
    assert f"{error.column} {error.type}" == column
    assert error.remedy
    if error.value:
        assert error.value == str(json.loads(content)[error.column])
    assert count(redshift, SongplayFact) == 0


def test_a_column_too_narrow_is_to_be_widened_enough(load_log):
    with pytest.raises(LoadError, match=r"widen song to VARCHAR\(1024\)") as raised:
        load_log(FAULTS["wide"][0])
    assert raised.value.value == WIDE
    assert "(600 bytes)" in str(raised.value)


def test_an_object_that_spans_lines_is_shown_by_its_last(load_log):
    content = line() + json.dumps(event(itemInSession=1, status="x"), indent=1).encode()
    with pytest.raises(LoadError) as raised:
        load_log(content)
    assert raised.value.value == "x"
    assert raised.value.line == content.count(b"\n") + 1


def test_what_the_star_cannot_take_is_found_in_the_file(load_log):
    with pytest.raises(InputError, match=r"log\.json, line 2, userId: .*has no user"):
        load_log(line() + line(itemInSession=1, userId=""))
    with pytest.raises(InputError, match=r"log\.json, line 1, itemInSession"):
        load_log(line(itemInSession=1_000_000))
    with pytest.raises(InputError, match=r"line 2, ts.*1542837407796000"):
        load_log(line() + line(itemInSession=1, ts=1542837407796000))


def test_files_of_a_failed_run_stay_and_those_of_a_good_one_go(load_log, cloud, bucket):
    def kept():
        found = cloud.client("s3").list_objects_v2(Bucket=bucket, Prefix="work/")
        return [entry["Key"] for entry in found.get("Contents", [])]

    load_log(line())
    assert kept() == []
    with pytest.raises(LoadError):
        load_log(FAULTS["word"][0])
    assert len({key.split("/")[1] for key in kept()}) == 1
    assert {key.rsplit(".", 1)[1] for key in kept()} == {"manifest", "jsonpaths"}


def test_the_command_line_says_it_in_six_lines(redshift_url, bucket, put):
    put(bucket, {"songs/a.json": json.dumps(SONG).encode(), "logs/l.json": FAULTS["wide"][0]})
    arguments = [
        *("load", "--url", f"{redshift_url}?work=s3://{bucket}/work"),
        *("--events", f"s3://{bucket}/logs", "--songs", f"s3://{bucket}/songs"),
    ]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "80"})
    assert result.exit_code == 1
    told = result.stderr.strip().splitlines()
    assert len(told) <= 6, told
    said = re.sub(r"\s+", " ", result.stderr)
    for part in ("logs/l.json, line 1", "song VARCHAR(512)", "'La La", "widen song to"):
        assert part in said, said


# Left out -------------------------------------------------------------------------------------

MIXED = (
    line()
    + line(itemInSession=1, status="abc")
    + line(itemInSession=2, level="p" * 17)
    + line(itemInSession=3, userId="")
    + json.dumps(event(itemInSession=4, length="long"), indent=1).encode()
    + b"\n"
    + line(itemInSession=5)
)


def rejects(engine):
    columns = (LoadReject.line, LoadReject.reason, LoadReject.text)
    with engine.connect() as connection:
        return connection.execute(select(*columns).order_by(LoadReject.line)).all()


def test_lines_are_left_out_and_listed_as_on_duckdb(
    load_log, redshift, duckdb, tmp_path, star_rows
):
    report = load_log(MIXED, max_errors=4)
    (tmp_path / "log.json").write_bytes(MIXED)
    (tmp_path / "song.json").write_text(json.dumps(SONG))
    local = load(duckdb, events=tmp_path / "log.json", songs=tmp_path / "song.json", max_errors=4)
    assert (report.rejects, report.events) == (local.rejects, local.events) == (4, 2)
    assert rejects(redshift) == rejects(duckdb)
    assert star_rows(redshift) == star_rows(duckdb)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_one_more_than_may_be_left_out_is_an_error(load_log, redshift, most):
    with pytest.raises(InputError):
        load_log(MIXED, max_errors=most)
    assert count(redshift, SongplayFact) == 0
    assert count(redshift, LoadReject) == 0


# Access ---------------------------------------------------------------------------------------


def test_a_role_that_may_not_read_is_told_what_it_needs(redshift, lake, cloud, bucket):
    role = cloud.add_role(f"blind-{bucket}")
    cloud.warehouse.roles.append(role)
    with pytest.raises(LoadError, match="give the role s3:GetObject on"):
        load(redshift, **lake, iam_role=role)


def test_a_role_that_is_not_attached_is_told_so(redshift, lake):
    with pytest.raises(LoadError, match="attach the role to the cluster"):
        load(redshift, **lake, iam_role="arn:aws:iam::123456789012:role/stranger")


@pytest.mark.parametrize("work", ["log_data", "log_data/work/", "song_data/A"])
def test_a_work_prefix_within_the_files_is_refused(redshift, lake, bucket, work):
    with pytest.raises(WarehouseError, match="would take its files for data"):
        load(redshift, **{**lake, "work": f"s3://{bucket}/{work}"})


def test_a_work_prefix_is_asked_for(redshift, lake):
    with pytest.raises(WarehouseError, match="give work='s3://bucket/prefix/'"):
        load(redshift, **{**lake, "work": None})


def test_a_work_bucket_that_is_not_there_is_named(redshift, lake):
    with pytest.raises(WarehouseError, match="no bucket nowhere-at-all"):
        load(redshift, **{**lake, "work": "s3://nowhere-at-all/work"})


def test_an_object_that_is_gone_stops_the_load(redshift, lake, cloud, bucket, monkeypatch):
    from musicbee_warehouse.redshift import stage  # noqa: PLC0415 - to be changed here

    real = stage.manifest

    def and_remove(addresses):
        cloud.client("s3").delete_object(
            Bucket=bucket, Key="log_data/2018/11/2018-11-02-events.json"
        )
        return real(addresses)

    monkeypatch.setattr(stage, "manifest", and_remove)
    with pytest.raises(LoadError, match="load again"):
        load(redshift, **lake)
