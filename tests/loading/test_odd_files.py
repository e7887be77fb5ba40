"""Files that aren't as most are: how far a load goes out of its way for them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from sqlalchemy import select
from test_load import count, line

from musicbee_warehouse import InputError, LoadedFile, LoadReject, StagingEvent, load
from musicbee_warehouse.loading import diagnosis, local, spool

ROWS = 4200


def lines(session, rows=ROWS):
    """Return events of a kilobyte each, so that a few thousand are a large file."""
    for item in range(rows):
        yield line(
            sessionId=session,
            itemInSession=item,
            ts=1542837407796 + item,
            userAgent="x" * 1000,
        )


@pytest.fixture
def folder(tmp_path):
    """Return a folder with three large logs and two small ones."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for session in range(5):
        rows = ROWS if session < 3 else 10
        (folder / f"{session}.json").write_bytes(b"".join(lines(session, rows)))
    return folder


@pytest.fixture
def looked_at(monkeypatch):
    """Return the files, and pieces of files, that are read object by object."""
    files = []
    objects = spool.objects

    def noting(file):
        files.append(file)
        return objects(file)

    for module in (spool, diagnosis):
        monkeypatch.setattr(module, "objects", noting)
    return files


def names(files):
    return {Path(file.uri).name for file in files}


def rows_of_files(engine):
    with engine.connect() as connection:
        uris = connection.execute(select(LoadedFile.uri, LoadedFile.rows))
        return {Path(uri).name: rows for uri, rows in uris}


def test_blank_lines_are_passed_over_at_full_speed(engine, folder, looked_at):
    large = folder / "1.json"
    first, *others = lines(1)
    large.write_bytes(first + b"\n \r\n\t\n" + b"".join(others) + b"\n\n  ")
    assert load(engine, events=folder).rows["songplay_fact"] == (0, 3 * ROWS + 20)
    assert rows_of_files(engine)["1.json"] == ROWS
    assert looked_at == []


def test_only_the_file_that_is_odd_is_read_object_by_object(engine, folder, looked_at):
    odd = folder / "1.json"
    first, second, *others = lines(1)
    odd.write_bytes(b"".join(others) + first.strip() + b" " + second)
    report = load(engine, events=folder, keep_staging=True)
    assert report.rows["songplay_fact"] == (0, 3 * ROWS + 20)
    assert report.events == 3 * ROWS + 20
    assert rows_of_files(engine) == dict.fromkeys(("0.json", "1.json", "2.json"), ROWS) | {
        "3.json": 10,
        "4.json": 10,
    }
    assert names(looked_at) == {"1.json"}


def test_only_the_file_with_a_fault_is_sifted(engine, folder, looked_at):
    broken = folder / "2.json"
    broken.write_bytes(
        broken.read_bytes().replace(b'"itemInSession": 7,', b'"itemInSession": 7.5,')
    )
    report = load(engine, events=folder, max_errors=1)
    assert (report.events, report.rejects) == (3 * ROWS + 19, 1)
    assert names(looked_at) == {"2.json"}


def test_a_fault_is_found_without_reading_the_others_by_line(engine, folder, looked_at):
    broken = folder / "1.json"
    broken.write_bytes(
        broken.read_bytes().replace(b'"itemInSession": 7,', b'"itemInSession": 7.5,')
    )
    with pytest.raises(InputError, match=r"1\.json, line 8, itemInSession"):
        load(engine, events=folder, keep_staging=True)
    assert names(looked_at) == {"1.json"}
    assert count(engine, StagingEvent) == 0
    assert load(engine, events=folder / "0.json").files == 1


def test_small_files_are_told_apart_in_groups():
    files = [local.SourceFile(str(number), 200_000) for number in range(30)]
    apart = local._apart([*files, local.SourceFile("large", 5_000_000)])
    assert [len(some) for some in apart] == [1, 20, 10]
    assert [file for some in apart[1:] for file in some] == files
    assert all(len(local._apart(some)) == 1 for some in apart)


@pytest.fixture(params=["plain", "packed"])
def long_log(folder, request):
    """Return the lines of a log of three pieces and more, and how to write it alone in a folder."""
    for log in folder.iterdir():
        log.unlink()

    def write(content):
        assert len(content) > 12_000_000
        packed = request.param == "packed"
        path = folder / ("long.json.gz" if packed else "long.json")
        path.write_bytes(gzip.compress(content, 1) if packed else content)
        return path

    return list(lines(7, 3 * ROWS + 100)), write


ODD = {
    "a pretty object": lambda one: json.dumps(json.loads(one), indent=2).encode() + b"\n",
    "two on a line": lambda one: one.strip() + b" " + one.replace(b'Id": 7,', b'Id": 8,'),
    "blank lines and Windows' ends": lambda one: b"\r\n\n" + one.strip() + b"\r\n \r\n",
    "a number in quotes": lambda one: one.replace(b'"status": 200', b'"status": " 200 "'),
}


@pytest.mark.parametrize("odd", ODD)
def test_of_a_long_file_only_the_odd_piece_is_read_object_by_object(
    engine, long_log, looked_at, odd
):
    rows, write = long_log
    rows[6000] = ODD[odd](rows[6000])
    path = write(b"".join(rows).rstrip(b"\n"))
    report = load(engine, events=path)
    events = len(rows) + (odd == "two on a line")
    assert (report.events, report.rows["songplay_fact"][1]) == (events, events)
    assert rows_of_files(engine) == {path.name: events}
    assert max((piece.size for piece in looked_at), default=0) < 9_000_000
    path.touch()
    assert load(engine, events=path).known == 1


@pytest.mark.parametrize(
    ("place", "fault", "column"),
    [
        (0, (b'"status": 200', b'"status": "x"'), "status"),
        (9000, (b'"status": 200', b'"status": 20.5'), "status"),
        (12_699, (b'"gender": "F"', b'"gender": "' + b"F" * 17 + b'"'), "gender"),
        (6000, (b'"userId": "15"', b'"userId": ""'), "userId"),
        (8000, (b'"userId": "15"}', b""), None),
    ],
)
def test_a_fault_in_a_long_file_is_told_by_its_line(
    engine, long_log, looked_at, place, fault, column
):
    rows, write = long_log
    rows[place] = rows[place].replace(*fault)
    path = write(b"\n".join([b"", *(row.strip() for row in rows)]))
    with pytest.raises(InputError) as raised:
        load(engine, events=path)
    assert (raised.value.file, raised.value.line, raised.value.column) == (
        str(path),
        place + 2,
        column,
    )
    report = load(engine, events=path, max_errors=1)
    assert (report.events, report.rejects) == (len(rows) - 1, 1)
    with engine.connect() as connection:
        (reject,) = connection.execute(select(LoadReject.uri, LoadReject.line))
    assert tuple(reject) == (str(path), place + 2)
    assert max(piece.size for piece in looked_at) < 9_000_000


@pytest.mark.parametrize("name", ["logs [2018]", "50% off*", "what?"])
def test_a_folder_is_found_by_its_name_though_that_looks_like_a_glob(engine, folder, name):
    strange = folder.rename(folder.with_name(name))
    assert load(engine, events=strange).events == 3 * ROWS + 20
    assert load(engine, events=strange / "0.json").known == 1
    assert load(engine, events=strange.parent / "*" / "0.json").known == 1
