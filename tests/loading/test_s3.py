"""Objects of a bucket, listed and fetched from a real S3 server, which may be an unreliable one."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs
from urllib.request import Request, urlopen

import pytest
import s3_server
from s3_server import Slow, Unreliable, backend, client, seed, serve

from musicbee_warehouse import WarehouseError
from musicbee_warehouse.loading import s3
from musicbee_warehouse.loading.s3 import fetch, list_objects
from musicbee_warehouse.loading.sources import SourceFile
from musicbee_warehouse.simulator import simulate

DAY = b'{"page": "NextSong"}\n'
LOG = {
    f"log_data/{year}/{month:02}/{year}-{month:02}-{day:02}-events.json": DAY
    for year in (2017, 2018)
    for month in (10, 11, 12)
    for day in (1, 15, 30)
}


class Recorded:
    """A WSGI application that keeps the requests for another."""

    def __init__(self, app) -> None:
        self.app = app
        self.requests: list[dict] = []

    def __call__(self, environ, start_response):
        self.requests.append(environ)
        return self.app(environ, start_response)

    @property
    def prefixes(self) -> list[str]:
        """The prefixes that were listed to the bottom."""
        queries = [parse_qs(environ["QUERY_STRING"]) for environ in self.requests]
        whole = [q for q in queries if q.get("max-keys") != ["1"] and "delimiter" not in q]
        return [query["prefix"][0] for query in whole if "prefix" in query]


LARGE = b"x" * 20_480
"""What is put on disk; smaller objects stay in memory."""


@pytest.fixture(autouse=True)
def _empty_bucket():
    seed("bucket", {})
    backend().buckets["bucket"].keys.clear()


@pytest.fixture(scope="module")
def server():
    with serve(Recorded) as (address, app):
        yield address, app


@pytest.fixture
def reliable(server):
    return client(server[0])


def keys(objects) -> list[str]:
    return [listed.uri.removeprefix("s3://bucket/") for listed in objects]


def read(file: SourceFile) -> bytes:
    with file.open() as stream:
        return stream.read()


def contents(objects, folder, **options) -> dict[str, bytes]:
    with fetch(objects, folder, **options) as batches:
        return {f.uri: read(f) for batch in batches for f in batch}


def left(folder: Path) -> list[Path]:
    """Return what is left of a fetch: files, and threads that run on."""
    threads = [t for t in threading.enumerate() if t.name.startswith("s3-fetch")]
    assert threads == []
    return list(folder.iterdir())


# Listing


def test_a_listed_object_has_address_size_and_etag(reliable):
    seed("bucket", {"log_data/a.json": DAY})
    (listed,) = list_objects("s3://bucket/log_data", client=reliable)
    digest = hashlib.md5(DAY).hexdigest()
    assert listed == SourceFile("s3://bucket/log_data/a.json", len(DAY), digest)


def test_a_folder_is_listed_sorted_and_without_leavings(reliable):
    data = ["a.json", "b/c/d.jsonl", "b/z.json.gz", "B.ndjson", "ü.json", "%20 +&=?.json"]
    leavings = [
        "",
        "b/",
        "b_$folder$",
        ".ipynb_checkpoints/a-checkpoint.json",
        "__MACOSX/a.json",
        "load_manifest.json",
        "log_json_path.json",
        "README.md",
    ]
    seed("bucket", {f"log_data/{name}": b"" if name[-1:] in "/$" else DAY for name in leavings})
    seed("bucket", {f"log_data/{name}": DAY for name in data})
    seed("bucket", {"log_data_old/a.json": DAY, "log_data.json": DAY, "log": DAY})
    expected = sorted(f"log_data/{name}" for name in data)
    assert keys(list_objects("s3://bucket/log_data", client=reliable)) == expected
    assert keys(list_objects("s3://bucket/log_data/", client=reliable)) == expected
    whole = ["log_data.json", "log_data_old/a.json"]
    assert keys(list_objects("s3://bucket", client=reliable)) == sorted([*expected, *whole])


def test_a_folder_may_have_an_empty_key_of_its_own_name(reliable):
    seed("bucket", {"log_data": b"", "log_data/a.json": DAY})
    assert keys(list_objects("s3://bucket/log_data", client=reliable)) == ["log_data/a.json"]


def test_a_key_named_alone_is_listed_whatever_its_ending(reliable):
    seed("bucket", {"a.json": DAY, "a.json2": DAY, "a.txt": DAY, "a.json/b.json": DAY})
    assert keys(list_objects("s3://bucket/a.json", client=reliable)) == ["a.json"]
    assert keys(list_objects("s3://bucket/a.txt", client=reliable)) == ["a.txt"]
    assert keys(list_objects("s3://bucket/a.json/", client=reliable)) == ["a.json/b.json"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("log_data/2018/*/*.json", ["log_data/2018/11/a.json", "log_data/2018/12/b.json"]),
        ("log_data/2018/1[12]/*", ["log_data/2018/11/a.json", "log_data/2018/12/b.json"]),
        ("log_data/2018/??/a.*", ["log_data/2018/11/a.json"]),
        ("log_data/*/a.json", []),
        ("log_data/**/a.json", ["log_data/2018/11/a.json", "log_data/a.json"]),
        ("log_data/2018/**", ["log_data/2018/11/a.json", "log_data/2018/12/b.json"]),
        ("*.txt", ["a.txt"]),
        ("*/a.json", ["log_data/a.json", "other/a.json"]),
        ("log*/*.json", ["log_data/a.json"]),
    ],
)
def test_a_glob_is_listed(reliable, pattern, expected):
    names = ["log_data/2018/11/a.json", "log_data/2018/12/b.json", "log_data/a.json", "a.txt"]
    names += ["other/a.json", "log_data/2018/12/.a.json", "log_data/2018/11/.hidden/a.json"]
    seed("bucket", dict.fromkeys(names, DAY))
    seed("bucket", {"log_data/2018/11/": b"", "log_data/2018/12": b""})
    if expected:
        assert keys(list_objects(f"s3://bucket/{pattern}", client=reliable)) == expected
    else:
        with pytest.raises(WarehouseError, match="there is no JSON file in s3://bucket/log_data/"):
            list(list_objects(f"s3://bucket/{pattern}", client=reliable))


def test_more_objects_than_a_page_holds_are_listed(reliable):
    names = [f"data/{number:05}.json" for number in range(2500)]
    seed("bucket", dict.fromkeys(names, DAY))
    assert keys(list_objects("s3://bucket/data", client=reliable)) == names


@pytest.mark.parametrize("uri", ["s3://bucket/log_data", "s3://bucket/log_data/*/*/*.json"])
def test_a_period_lists_its_months_alone(server, reliable, uri):
    undated = {"log_data/README.md": DAY, "log_data/late/a.json": DAY, "log_data/a.json": DAY}
    seed("bucket", LOG | undated)
    server[1].requests.clear()
    period = {"since": date(2018, 11, 15), "until": date(2018, 12, 1)}
    assert [key for key in keys(list_objects(uri, client=reliable, **period)) if "2018" in key] == [
        "log_data/2018/11/2018-11-15-events.json",
        "log_data/2018/11/2018-11-30-events.json",
        "log_data/2018/12/2018-12-01-events.json",
    ]
    expected = ["log_data/2018/11/", "log_data/2018/12/", "log_data/late/"]
    assert server[1].prefixes == expected


def test_what_has_no_date_is_in_every_period(reliable):
    seed("bucket", LOG | {"log_data/a.json": DAY, "log_data/late/a.json": DAY, "songs/a.json": DAY})
    since = date(2030, 1, 1)
    listed = keys(list_objects("s3://bucket/log_data", client=reliable, since=since))
    assert listed == ["log_data/a.json", "log_data/late/a.json"]
    assert keys(list_objects("s3://bucket/songs", client=reliable, since=since)) == ["songs/a.json"]


@pytest.mark.parametrize("folder", ["log_data", "log_data/2018", "log_data/2018/11", "log_data/**"])
def test_a_period_gives_what_listing_all_and_choosing_does(reliable, folder):
    seed("bucket", LOG)
    uri = f"s3://bucket/{folder}"
    day = date(2018, 11, 15)
    assert keys(list_objects(uri, client=reliable, since=day, until=day)) == [
        key for key in keys(list_objects(uri, client=reliable)) if "2018-11-15" in key
    ]


def test_nothing_in_a_period_is_no_error_but_nothing_at_all_is(reliable):
    seed("bucket", LOG)
    assert list(list_objects("s3://bucket/log_data", client=reliable, since=date(2030, 1, 1))) == []
    with pytest.raises(WarehouseError, match="there is no JSON file in s3://bucket/log-data"):
        list(list_objects("s3://bucket/log-data", client=reliable))


@pytest.mark.slow
def test_a_hundred_thousand_objects_are_listed_in_bounded_memory():
    command = [sys.executable, s3_server.__file__, "100000", "10"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as process:
        elsewhere = client(process.stdout.readline().strip())
        next(list_objects("s3://bucket/data", client=elsewhere))
        tracemalloc.start()
        count = sum(1 for _ in list_objects("s3://bucket/data", client=elsewhere))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        process.stdin.close()
    assert count == 100_000
    assert peak < 8_000_000


# Fetching


def test_what_is_fetched_is_what_was_put(reliable, tmp_path):
    objects = {f"s3://bucket/d/{n:03} +%ü.json": os.urandom(n * 301) for n in range(100)}
    seed("bucket", {uri.removeprefix("s3://bucket/"): body for uri, body in objects.items()})
    listed = list(list_objects("s3://bucket/d", client=reliable))
    told: list[SourceFile] = []
    with fetch(listed, tmp_path, client=reliable, on_object=told.append) as batches:
        batch = next(batches)
        assert [(f.uri, f.size, f.etag) for f in batch] == [(f.uri, f.size, f.etag) for f in listed]
        assert {f.uri: read(f) for f in batch} == objects
        assert next(batches, None) is None
    assert sorted(told, key=lambda source: source.uri) == listed
    assert left(tmp_path) == []


def test_a_packed_object_keeps_its_ending(reliable, tmp_path):
    seed("bucket", {"d/a.json.gz": LARGE, "d/b.jsonl": LARGE, "d/c.json.gz": b"small"})
    objects = list_objects("s3://bucket/d", client=reliable)
    with fetch(objects, tmp_path, client=reliable) as batches:
        batch = next(batches)
        names = [Path(fetched.path).name for fetched in batch]
    assert names == ["0.json.gz", "1.json", ""]
    assert [fetched.is_packed for fetched in batch] == [True, False, True]


def test_no_more_than_two_batches_are_on_disk(reliable, tmp_path):
    size, room = 20_000, 81_920
    seed("bucket", {f"d/{number:02}.json": bytes([number]) * size for number in range(20)})
    seed("bucket", {"d/10.json": b"x" * 200_000})
    objects = list(list_objects("s3://bucket/d", client=reliable))
    seen, before = [], []
    with fetch(objects, tmp_path, client=reliable, spool_bytes=room, threads=3) as batches:
        for batch in batches:
            assert not any(Path(fetched.path).exists() for fetched in before)
            assert all(Path(f.path).stat().st_size == f.size for f in batch)
            files = [path for path in tmp_path.rglob("*") if path.is_file()]
            assert len({path.parent for path in files}) <= 2
            assert sum(f.size for f in batch) <= room or len(batch) == 1
            seen += [f.uri for f in batch]
            before = batch
    assert seen == [listed.uri for listed in objects]
    assert left(tmp_path) == []


def test_small_objects_count_for_the_disk_they_take():
    objects = [SourceFile(f"s3://bucket/{n}", 1, "") for n in range(10)]
    assert [len(group) for group in s3.group(objects, 4 * 4096)] == [4, 4, 2]
    large = SourceFile("s3://bucket/large", 10**9, "")
    groups = s3.group([objects[0], large, objects[1]], 4 * 4096)
    assert [len(group) for group in groups] == [1, 1, 1]


def test_the_next_batch_comes_while_the_caller_works(reliable, tmp_path):
    seed("bucket", {f"d/{number}.json": LARGE for number in range(3)})
    objects = list_objects("s3://bucket/d", client=reliable)
    with fetch(objects, tmp_path, client=reliable, spool_bytes=len(LARGE)) as batches:
        next(batches)
        deadline = time.monotonic() + 10
        while len([p for p in tmp_path.rglob("*.json") if p.stat().st_size]) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_nothing_to_fetch_is_no_batch(reliable, tmp_path):
    with fetch([], tmp_path, client=reliable) as batches:
        assert list(batches) == []
    assert left(tmp_path) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_nothing_is_left_when_the_caller_fails(reliable, tmp_path, error):
    seed("bucket", {f"d/{number}.json": LARGE for number in range(9)})
    objects = list_objects("s3://bucket/d", client=reliable)

    def work():
        with fetch(objects, tmp_path, client=reliable, spool_bytes=2 * len(LARGE)) as batches:
            next(batches)
            raise error

    with pytest.raises(error):
        work()
    assert left(tmp_path) == []


def test_nothing_is_left_when_the_caller_stops_or_never_starts(reliable, tmp_path):
    seed("bucket", {f"d/{number}.json": LARGE for number in range(9)})
    objects = list(list_objects("s3://bucket/d", client=reliable))
    with fetch(objects, tmp_path, client=reliable, spool_bytes=2 * len(LARGE)) as batches:
        next(batches)
    assert left(tmp_path) == []
    with fetch(objects, tmp_path, client=reliable):
        pass
    assert left(tmp_path) == []


@pytest.fixture
def control_c():
    """Python's own handler of Ctrl-C: a process that a shell starts with ``&`` ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("control_c")
def test_nothing_is_left_after_control_c(tmp_path):
    seed("bucket", {f"d/{number}.json": b"x" for number in range(300)})
    with serve(lambda app: Slow(app, 0.2)) as (address, _):
        slow = client(address)
        objects = list(list_objects("s3://bucket/d", client=slow))
        timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
        started = time.monotonic()
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            contents(objects, tmp_path, client=slow, threads=2)
        timer.join()
    assert time.monotonic() - started < 15, "all of them take half a minute"
    assert left(tmp_path) == []


def test_an_object_that_changed_since_it_was_listed_is_refused(reliable, tmp_path):
    seed("bucket", {"d/a.json": b"1", "d/b.json": b"1"})
    objects = list(list_objects("s3://bucket/d", client=reliable))
    seed("bucket", {"d/b.json": b"2"})
    with pytest.raises(WarehouseError, match=r"s3://bucket/d/b\.json changed since .* run again"):
        contents(objects, tmp_path, client=reliable)
    assert left(tmp_path) == []


def test_an_object_that_went_since_it_was_listed_is_missed(reliable, tmp_path):
    seed("bucket", {"d/a.json": b"1"})
    objects = list(list_objects("s3://bucket/d", client=reliable))
    backend().buckets["bucket"].keys.pop("d/a.json")
    with pytest.raises(WarehouseError, match=r"s3://bucket/d/a\.json was removed since it was"):
        contents(objects, tmp_path, client=reliable)


# Faults


def put_simulated(songs: int, days: int, folder: Path) -> dict[str, bytes]:
    """Put simulated songs and logs into the bucket; return what each address holds."""
    simulate(songs=songs, users=5 * days, days=days).write(folder)
    objects = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.json")
    }
    seed("bucket", objects)
    return {f"s3://bucket/{key}": body for key, body in objects.items()}


def fetched_despite_faults(folder: Path) -> tuple[dict[str, bytes], Unreliable]:
    spool = folder / "spool"
    spool.mkdir()
    with serve(lambda app: Unreliable(app, 0.2, seed=7)) as (address, app):
        objects = list(list_objects("s3://bucket", client=client(address)))
        got = contents(objects, spool, client=client(address), spool_bytes=2**21)
    assert left(spool) == []
    return got, app


def test_a_fifth_of_the_requests_failing_loses_nothing(tmp_path):
    put = put_simulated(250, 6, tmp_path / "simulated")
    got, app = fetched_despite_faults(tmp_path)
    assert got == put
    assert len(put) == 256
    assert all(app.seen[fault] for fault in app.faults)


@pytest.mark.slow
def test_a_fifth_of_15_000_requests_failing_loses_nothing(tmp_path):
    put = put_simulated(15_000, 60, tmp_path / "simulated")
    got, app = fetched_despite_faults(tmp_path)
    assert got == put
    assert len(put) == 15_060
    assert sum(app.seen[fault] for fault in app.faults) > 3000


def test_listing_goes_on_after_faults():
    seed("bucket", {f"d/{number:05}.json": DAY for number in range(3000)})
    with serve(lambda app: Unreliable(app, 0.5, seed=3)) as (address, app):
        assert len(list(list_objects("s3://bucket/d", client=client(address)))) == 3000
    assert app.seen.total() > app.seen["none"]


def failing(times: int, fault: str):
    """Wrap an application to spoil the first so many GETs of objects."""
    remaining = iter(range(times))

    def wrap(app):
        unwell = Unreliable(app, 1.0, faults=(fault,))

        def answer(environ, start_response):
            if "list-type" not in environ["QUERY_STRING"] and next(remaining, None) is not None:
                return unwell(environ, start_response)
            return app(environ, start_response)

        return answer

    return wrap


def test_a_body_that_stops_short_goes_on_from_there(tmp_path):
    body = os.urandom(3_000_000)
    seed("bucket", {"a.json": body})
    recorded: list[Recorded] = []

    def wrap(app):
        recorded.append(Recorded(failing(3, "truncated")(app)))
        return recorded[0]

    with serve(wrap) as (address, _):
        (listed,) = list_objects("s3://bucket/a.json", client=client(address))
        assert contents([listed], tmp_path, client=client(address)) == {listed.uri: body}
    ranges = [r["HTTP_RANGE"] for r in recorded[0].requests if "HTTP_RANGE" in r]
    starts = [int(r.removeprefix("bytes=").removesuffix("-")) for r in ranges]
    assert len(starts) == 3
    assert 0 < starts[0] < starts[1] < starts[2] < len(body)


def without_length(app):
    """Answer with half a body the first time, and let nothing tell that it is half."""
    first = []

    def half(environ, start_response):
        def start(status, headers, *more):
            shown = [(k, v) for k, v in headers if k.lower() not in {"content-length", "etag"}]
            return start_response(status, shown, *more)

        if environ["REQUEST_METHOD"] != "GET" or "list-type" in environ["QUERY_STRING"] or first:
            return app(environ, start_response)
        first.append(True)
        body = b"".join(app(environ, start))
        return [body[: len(body) // 2]]

    return half


def test_a_body_shorter_than_its_object_is_never_taken_for_whole(tmp_path):
    body = json.dumps({"a": "b" * 10_000}).encode()
    seed("bucket", {"a.json": body})
    with serve(without_length) as (address, _):
        (listed,) = list_objects("s3://bucket/a.json", client=client(address))
        assert contents([listed], tmp_path, client=client(address)) == {listed.uri: body}


def without_ranges(app):
    def whole(environ, start_response):
        environ.pop("HTTP_RANGE", None)
        return app(environ, start_response)

    return whole


def test_a_server_that_knows_no_ranges_sends_the_whole_again(tmp_path):
    body = os.urandom(100_000)
    seed("bucket", {"a.json": body})
    with serve(lambda app: without_length(without_ranges(app))) as (address, _):
        (listed,) = list_objects("s3://bucket/a.json", client=client(address))
        assert contents([listed], tmp_path, client=client(address)) == {listed.uri: body}


def test_being_told_to_slow_down_beyond_botocores_quota_is_borne(tmp_path, monkeypatch):
    monkeypatch.setattr(s3, "_LONGEST_WAIT", 0.02)
    seed("bucket", {f"d/{number:02}.json": b"x" for number in range(40)})
    with serve(failing(60, "503")) as (address, _):
        impatient = client(address, attempts=1)  # as when botocore's quota has run out
        objects = list(list_objects("s3://bucket/d", client=impatient))
        assert len(contents(objects, tmp_path, client=impatient)) == 40


def test_what_fails_for_good_is_given_up_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(s3, "_LONGEST_WAIT", 0.01)
    seed("bucket", {"a.json": b"x"})
    with serve(failing(10**6, "503")) as (address, _):
        impatient = client(address, attempts=1)
        objects = list(list_objects("s3://bucket/a.json", client=impatient))
        with pytest.raises(
            WarehouseError, match=r"a\.json can't be read after 8 .*SlowDown.*later"
        ):
            contents(objects, tmp_path, client=impatient)
    assert left(tmp_path) == []


# Errors and settings


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """Return a function that sets AWS's variables, of which there are no others."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def change(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return change


@pytest.fixture
def guarded(server):
    """Return a client whose user may do nothing, and a function that allows an action."""
    address = server[0]
    iam = client(address, service="iam")
    iam.create_user(UserName="loader")
    key = iam.create_access_key(UserName="loader")["AccessKey"]

    def allow(action):
        policy = {"Version": "2012-10-17"}
        policy["Statement"] = [{"Effect": "Allow", "Action": action, "Resource": "*"}]
        backend_of_iam(iam, json.dumps(policy))

    def backend_of_iam(iam, policy):
        enforce("inf")
        iam.put_user_policy(UserName="loader", PolicyName="allowed", PolicyDocument=policy)
        enforce("0")

    def enforce(after):
        plain = {"Content-Type": "text/plain"}
        urlopen(Request(f"{address}/moto-api/reset-auth", after.encode(), plain)).close()

    enforce("0")
    yield client(address, key=key["AccessKeyId"], secret=key["SecretAccessKey"]), allow
    enforce("inf")
    iam.delete_access_key(UserName="loader", AccessKeyId=key["AccessKeyId"])
    for name in iam.list_user_policies(UserName="loader")["PolicyNames"]:
        iam.delete_user_policy(UserName="loader", PolicyName=name)
    iam.delete_user(UserName="loader")


def test_the_usual_settings_find_the_endpoint(server, environment, tmp_path):
    seed("bucket", {"a.json": b"x"})
    environment(
        AWS_ENDPOINT_URL_S3=server[0],
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_REGION="eu-central-1",
    )
    assert contents(list_objects("s3://bucket"), tmp_path) == {"s3://bucket/a.json": b"x"}


@pytest.mark.parametrize("uri", ["s3://", "s3:///a.json", "bucket/a.json", "https://bucket/a"])
def test_an_address_without_a_bucket_is_refused(reliable, uri):
    with pytest.raises(WarehouseError, match="names no bucket; write it as s3://bucket/folder"):
        list(list_objects(uri, client=reliable))


def test_a_bucket_that_is_not_there_is_named(reliable):
    with pytest.raises(WarehouseError, match="there is no bucket no-bucket; check its name"):
        list(list_objects("s3://no-bucket/log_data", client=reliable))


def test_a_denied_action_and_its_resource_are_named(guarded, tmp_path):
    seed("bucket", {"a b.json": b"x"})
    denied, allow = guarded
    with pytest.raises(WarehouseError, match=r"need s3:ListBucket on arn:aws:s3:::bucket$"):
        list(list_objects("s3://bucket", client=denied))
    allow("s3:ListBucket")
    objects = list(list_objects("s3://bucket", client=denied))
    with pytest.raises(
        WarehouseError, match=r"need s3:GetObject on arn:aws:s3:::bucket/a b\.json$"
    ):
        contents(objects, tmp_path, client=denied)
    allow(["s3:ListBucket", "s3:GetObject"])
    assert contents(objects, tmp_path, client=denied) == {"s3://bucket/a b.json": b"x"}


@pytest.mark.usefixtures("guarded")
def test_a_wrong_key_is_said_to_be_wrong(server):
    wrong = client(server[0], secret="a-wrong-secret")
    with pytest.raises(
        WarehouseError, match=r"credentials are wrong \(InvalidAccessKeyId\)"
    ) as raised:
        list(list_objects("s3://bucket", client=wrong))
    assert "a-wrong-secret" not in str(raised.value)


def test_missing_credentials_are_missed(server, environment):
    environment(AWS_ENDPOINT_URL_S3=server[0])
    with pytest.raises(WarehouseError, match="no AWS credentials for s3://bucket/a; set AWS_PROF"):
        list(list_objects("s3://bucket/a"))


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"AWS_PROFILE": "nobody"}, r"make no S3 client: .*\(nobody\) could not be found"),
        ({"AWS_ENDPOINT_URL_S3": "no address"}, "make no S3 client: Invalid endpoint: no address"),
    ],
)
def test_settings_that_make_no_client_are_named(environment, variables, expected):
    environment(**variables)
    with pytest.raises(WarehouseError, match=expected):
        list(list_objects("s3://bucket/a"))


def test_an_endpoint_that_is_not_there_is_named():
    with serve() as (address, _):
        pass
    absent = client(address, attempts=2)
    with pytest.raises(
        WarehouseError, match=f"{address} can't be reached for s3://bucket/a; check"
    ):
        list(list_objects("s3://bucket/a", client=absent))


def test_an_archived_object_is_to_be_restored(reliable, tmp_path):
    reliable.put_object(Bucket="bucket", Key="a.json", Body=b"x", StorageClass="GLACIER")
    objects = list(list_objects("s3://bucket", client=reliable))
    with pytest.raises(WarehouseError, match=r"s3://bucket/a\.json is archived; restore it"):
        contents(objects, tmp_path, client=reliable)


def saying(status: str, code: str, *headers):
    """Return an application that answers as S3 does where moto has no such answer."""

    def answer(_environ, start_response):
        start_response(status, [("Content-Type", "application/xml"), *headers])
        return [f"<Error><Code>{code}</Code><Message>said</Message></Error>".encode()]

    return answer


@pytest.mark.parametrize(
    ("application", "expected"),
    [
        (
            saying(
                "400 Bad Request",
                "AuthorizationHeaderMalformed",
                ("x-amz-bucket-region", "eu-west-1"),
            ),
            "bucket is in another region, eu-west-1; set AWS_REGION",
        ),
        (
            saying("400 Bad Request", "IllegalLocationConstraintException"),
            "bucket is in another region; set AWS_REGION",
        ),
        (saying("400 Bad Request", "ExpiredToken"), r"expired \(ExpiredToken\); log in again"),
        (saying("400 Bad Request", "Strange"), r"s3://bucket/a can't be read: .*Strange"),
    ],
)
def test_what_else_s3_says_is_passed_on(application, expected):
    with (
        serve(lambda _app: application) as (address, _),
        pytest.raises(WarehouseError, match=expected),
    ):
        list(list_objects("s3://bucket/a", client=client(address)))


def test_boto3_is_imported_by_what_needs_it_alone():
    code = (
        "import sys, musicbee_warehouse.loading.s3; "
        "print([name for name in ('boto3', 'botocore') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
