"""A load from a bucket of a real S3 server, reliable and not, through to the star."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from oracle import star_of
from s3_server import ERROR, Unreliable, backend, seed, serve
from test_star_random import differences

from musicbee_warehouse import WarehouseError, connect, load, plan
from musicbee_warehouse.loading import check
from musicbee_warehouse.simulator import simulate

BOTH = {"events": "s3://bucket/log_data", "songs": "s3://bucket/song_data"}


@pytest.fixture(autouse=True)
def _settings(monkeypatch, tmp_path):
    """Give boto3 the credentials of nobody, and the spool a folder to look into."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    (tmp_path / "spools").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "spools"))
    seed("bucket", {})
    backend().buckets["bucket"].keys.clear()


@pytest.fixture
def at(monkeypatch):
    """Return a function that points boto3 to a server."""
    return lambda address: monkeypatch.setenv("AWS_ENDPOINT_URL_S3", address)


@pytest.fixture
def server(at):
    with serve() as (address, app):
        at(address)
        yield app


@pytest.fixture
def engine(tmp_path):
    engine = connect(f"duckdb:///{tmp_path}/warehouse.duckdb")
    yield engine
    assert [str(each) for each in check(engine) if each.violations] == []
    assert list((tmp_path / "spools").iterdir()) == []
    engine.dispose()


def put(simulation, folder: Path) -> int:
    """Put simulated files into the bucket and return how many they are."""
    simulation.write(folder)
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.json")}
    seed("bucket", files)
    return len(files)


def is_right(engine, star_rows, simulation) -> bool:
    right = star_of(list(simulation.events()), list(simulation.songs()))
    return differences(star_rows(engine), right) == {}


@pytest.mark.usefixtures("server")
def test_a_bucket_is_loaded_once_and_what_changed_there_again(engine, star_rows, tmp_path):
    simulation = simulate(40, 20, days=3, seed=2)
    files = put(simulation, tmp_path / "data")
    report = load(engine, **BOTH)
    assert (report.files, report.known) == (files, 0)
    assert is_right(engine, star_rows, simulation)
    assert load(engine, **BOTH).files == 0
    assert plan(engine, **BOTH).files == ()
    key = min(key for key in backend().buckets["bucket"].keys if key.startswith("log_data"))
    body = backend().buckets["bucket"].keys[key].value
    seed("bucket", {key: body.replace(b'"paid"', b'"free"')})
    report = load(engine, **BOTH)
    assert (report.files, report.changed) == (1, 1)
    backend().buckets["bucket"].keys.pop(key)
    assert plan(engine, **BOTH).gone == (f"s3://bucket/{key}",)


@pytest.mark.usefixtures("server")
def test_progress_tells_files_and_bytes_as_they_come(engine, tmp_path):
    put(simulate(40, 20, days=3, seed=2), tmp_path / "data")
    told = []
    load(engine, **BOTH, on_step=lambda *step: told.append(step[2]))
    assert any(name.startswith("fetch staging_songs (40 of 40 files, ") for name in told)
    assert any(name.startswith("COPY staging_songs (40 files, ") for name in told)


@pytest.mark.usefixtures("server")
def test_a_broken_object_is_named_by_its_address(engine, tmp_path):
    put(simulate(40, 20, days=3, seed=2), tmp_path / "data")
    seed("bucket", {"log_data/2018/11/2018-11-30-events.json": b'{"page": "Home"}\n'})
    with pytest.raises(WarehouseError, match=r"^s3://bucket/log_data/.*-30-events\.json, line 1, "):
        load(engine, **BOTH)
    assert load(engine, **BOTH, max_errors=1).rejects == 1


def faulty_load(engine, star_rows, at, simulation, folder) -> Unreliable:
    put(simulation, folder)
    with serve(lambda app: Unreliable(app, 0.2, seed=11)) as (address, app):
        at(address)
        report = load(engine, **BOTH)
    assert report.changed == 0
    assert report.events == len(list(simulation.events()))
    assert is_right(engine, star_rows, simulation)
    assert all(app.seen[fault] for fault in app.faults)
    return app


def test_a_fifth_of_the_requests_failing_loads_exactly(engine, star_rows, at, tmp_path):
    simulation = simulate(150, 20, days=5, seed=2)
    faulty_load(engine, star_rows, at, simulation, tmp_path / "data")


@pytest.mark.slow
def test_a_fifth_of_the_requests_for_15_060_objects_failing_loads_exactly(
    engine, star_rows, at, tmp_path
):
    simulation = simulate(15_000, 300, days=60, seed=2)
    app = faulty_load(engine, star_rows, at, simulation, tmp_path / "data")
    assert sum(app.seen[fault] for fault in app.faults) > 3000
    with serve() as (address, _):
        at(address)
        assert load(engine, **BOTH).files == 0


def test_a_load_that_fails_half_way_through_a_bucket_leaves_nothing(
    engine, star_rows, at, tmp_path
):
    simulation = simulate(40, 20, days=3, seed=2)
    files = put(simulation, tmp_path / "data")
    with serve() as (address, _):
        at(address)
        load(engine, songs=BOTH["songs"])
        before = star_rows(engine)
    with serve(lambda app: Denying(app, "2018-11-02")) as (address, _):
        at(address)
        with pytest.raises(WarehouseError, match=r"2018-11-02-events\.json is denied"):
            load(engine, **BOTH)
    assert star_rows(engine) == before
    with serve() as (address, _):
        at(address)
        assert load(engine, **BOTH).files == files - 40
    assert is_right(engine, star_rows, simulation)


class Denying:
    """A WSGI application that keeps one of the objects of another to itself."""

    def __init__(self, app, name: str) -> None:
        self.app, self.name = app, name

    def __call__(self, environ, start_response):
        if self.name not in environ["PATH_INFO"]:
            return self.app(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "application/xml")])
        return [ERROR.format("AccessDenied").encode()]


def test_objects_and_local_files_are_loaded_together(engine, server, tmp_path):  # noqa: ARG001
    files = put(simulate(40, 20, days=3, seed=2), tmp_path / "data")
    report = load(engine, events=tmp_path / "data" / "log_data", songs=BOTH["songs"])
    assert report.files == files
