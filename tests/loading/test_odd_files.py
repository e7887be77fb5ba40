"""Files that aren't as most are: how far a load goes out of its way for them."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from musicbee_warehouse import InputError, LoadedFile, load
from musicbee_warehouse.loading import diagnosis, local, spool

ROWS = 4200
EVENT = {
    "artist": "Elena",
    "auth": "Logged In",
    "firstName": "Lily",
    "gender": "F",
    "lastName": "Koch",
    "length": 269.58322,
    "level": "paid",
    "location": "Chicago",
    "method": "PUT",
    "page": "NextSong",
    "registration": 1541048010796.0,
    "song": "Setanta matins",
    "status": 200,
    "ts": 1542837407796,
    "userAgent": "x" * 1000,
    "userId": "15",
}


def lines(session, rows=ROWS):
    """Return events of a kilobyte each, so that a few thousand are a large file."""
    for item in range(rows):
        event = {**EVENT, "ts": EVENT["ts"] + item, "sessionId": session, "itemInSession": item}
        yield json.dumps(event).encode() + b"\n"


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
    """Return the names of the files that are read object by object."""
    names = []
    objects = spool.objects

    def noting(file):
        names.append(file.uri.rsplit("/", maxsplit=1)[1])
        return objects(file)

    for module in (spool, diagnosis):
        monkeypatch.setattr(module, "objects", noting)
    return names


def rows_of_files(engine):
    with engine.connect() as connection:
        uris = connection.execute(select(LoadedFile.uri, LoadedFile.rows))
        return {uri.rsplit("/", maxsplit=1)[1]: rows for uri, rows in uris}


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
    assert set(looked_at) == {"1.json"}


def test_only_the_file_with_a_fault_is_sifted(engine, folder, looked_at):
    broken = folder / "2.json"
    broken.write_bytes(
        broken.read_bytes().replace(b'"itemInSession": 7}', b'"itemInSession": 7.5}')
    )
    report = load(engine, events=folder, max_errors=1)
    assert (report.events, report.rejects) == (3 * ROWS + 19, 1)
    assert set(looked_at) == {"2.json"}


def test_a_fault_is_found_without_reading_the_others_by_line(engine, folder, looked_at):
    broken = folder / "1.json"
    broken.write_bytes(
        broken.read_bytes().replace(b'"itemInSession": 7}', b'"itemInSession": 7.5}')
    )
    with pytest.raises(InputError, match=r"1\.json, line 8, itemInSession"):
        load(engine, events=folder)
    assert set(looked_at) == {"1.json"}
    assert load(engine, events=folder / "0.json").files == 1


def test_small_files_are_told_apart_in_groups():
    files = [local.SourceFile(str(number), 200_000) for number in range(30)]
    apart = local._apart([*files, local.SourceFile("large", 5_000_000)])
    assert [len(some) for some in apart] == [1, 20, 10]
    assert [file for some in apart[1:] for file in some] == files
    assert all(len(local._apart(some)) == 1 for some in apart)


@pytest.mark.parametrize("name", ["logs [2018]", "50% off*", "what?"])
def test_a_folder_is_found_by_its_name_though_that_looks_like_a_glob(engine, folder, name):
    strange = folder.rename(folder.with_name(name))
    assert load(engine, events=strange).events == 3 * ROWS + 20
    assert load(engine, events=strange / "0.json").known == 1
    assert load(engine, events=strange.parent / "*" / "0.json").known == 1
