"""Files that change, move or go after they were loaded."""

from __future__ import annotations

import json
import os

import pytest
from oracle import star_of
from sqlalchemy import select
from test_load import SONG, event

from musicbee_warehouse import (
    ArtistDim,
    LoadedFile,
    SongDim,
    SongplayFact,
    TimeDim,
    UnmatchedSongplay,
    UserDim,
    WarehouseError,
    connect,
    create_tables,
    load,
    plan,
)
from musicbee_warehouse.loading import check


@pytest.fixture
def engine():
    engine = connect("duckdb:///:memory:")
    create_tables(engine)
    yield engine
    assert [str(each) for each in check(engine) if each.violations] == []
    engine.dispose()


@pytest.fixture
def folder(tmp_path):
    """Return an object that writes files and loads all that are there."""
    return Folder(tmp_path / "data")


class Folder:
    def __init__(self, path) -> None:
        self.path = path

    def write(self, name: str, *objects: dict) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(each) + "\n" for each in objects))

    def load(self, engine, **options):
        kinds = [kind for kind in ("events", "songs") if (self.path / kind).exists()]
        return load(engine, **{kind: self.path / kind for kind in kinds}, **options)


def song(**changes) -> dict:
    return {**SONG, **changes}


def rows(engine, *columns) -> list[tuple]:
    with engine.connect() as connection:
        return sorted(map(tuple, connection.execute(select(*columns))), key=repr)


def test_a_changed_log_replaces_the_plays_of_the_same_keys(engine, folder):
    folder.write("events/a.json", event(), event(itemInSession=1), event(sessionId=1))
    folder.write("events/b.json", event(sessionId=2))
    folder.load(engine)
    folder.write("events/a.json", event(level="free"), event(itemInSession=1, location="Bonn"))
    report = folder.load(engine)
    assert (report.files, report.changed, report.known) == (1, 1, 1)
    assert rows(engine, SongplayFact.songplay_id, SongplayFact.level, SongplayFact.location) == [
        (1000000, "paid", "Chicago"),
        (2000000, "paid", "Chicago"),
        (818000000, "free", "Chicago"),
        (818000001, "paid", "Bonn"),
    ]
    assert len(rows(engine, UnmatchedSongplay.songplay_id)) == 4
    assert len(rows(engine, LoadedFile.uri)) == 2


def test_rows_that_only_the_former_version_had_stay_and_the_report_says_so(engine, folder):
    folder.write("events/a.json", event(), event(sessionId=1))
    folder.load(engine)
    folder.write("events/a.json", event())
    report = folder.load(engine)
    assert len(rows(engine, SongplayFact.songplay_id)) == 2
    assert report.shrunk == (str(folder.path / "events" / "a.json"),)
    assert "1 changed file has fewer rows" in report.summary
    assert folder.load(engine, full_refresh=True).shrunk == ()
    assert len(rows(engine, SongplayFact.songplay_id)) == 1


def test_a_changed_log_moves_a_play_in_time(engine, folder):
    early, late = event(ts=1541030400000), event(ts=1541030400000, sessionId=1)
    folder.write("events/a.json", early)
    folder.write("events/b.json", late, event(ts=1541034000000, sessionId=2))
    folder.load(engine)
    folder.write("events/a.json", event(ts=1541037600000))
    folder.load(engine)
    assert [start.hour for (start,) in rows(engine, TimeDim.start_time)] == [0, 1, 2]
    folder.write("events/b.json", event(ts=1541041200000, sessionId=1))
    folder.load(engine)
    assert [start.hour for (start,) in rows(engine, TimeDim.start_time)] == [1, 2, 3]


def test_a_changed_log_can_correct_what_is_no_play(engine, folder):
    folder.write("events/a.json", event())
    folder.load(engine)
    folder.write("events/a.json", event(page="Home"))
    folder.load(engine)
    for model in (SongplayFact.songplay_id, UnmatchedSongplay.songplay_id, TimeDim.start_time):
        assert rows(engine, model) == []
    assert len(rows(engine, UserDim.user_id)) == 1


def test_a_changed_log_corrects_a_user_unless_a_later_event_knows_better(engine, folder):
    folder.write("events/a.json", event(level="free"))
    folder.load(engine)
    folder.write("events/a.json", event(level="paid"))
    folder.load(engine)
    assert rows(engine, UserDim.user_id, UserDim.level) == [(15, "paid")]
    folder.write("events/b.json", event(ts=event()["ts"] + 1, sessionId=1, level="free"))
    folder.load(engine)
    folder.write("events/a.json", event(level="paid", firstName="Lil"))
    folder.load(engine)
    assert rows(engine, UserDim.first_name, UserDim.level) == [("Lily", "free")]


def test_a_changed_song_replaces_a_preferred_version_and_its_plays_follow(engine, folder):
    folder.write("events/a.json", event())
    folder.write("songs/a.json", song(year=1999))
    folder.load(engine)
    assert rows(engine, SongplayFact.song_id) == [(SONG["song_id"],)]
    folder.write("songs/a.json", song(title="Another", year=0, artist_latitude=None))
    folder.load(engine)
    assert rows(engine, SongDim.title, SongDim.year) == [("Another", None)]
    assert rows(engine, ArtistDim.latitude) == [(None,)]
    assert rows(engine, SongplayFact.song_id, SongplayFact.artist_id) == [(None, None)]
    assert rows(engine, UnmatchedSongplay.title) == [("Setanta matins",)]
    folder.write("songs/a.json", song(artist_id="AR1"))
    folder.load(engine)
    assert rows(engine, SongplayFact.song_id, SongplayFact.artist_id) == [(SONG["song_id"], "AR1")]
    assert rows(engine, UnmatchedSongplay.title) == []


def test_a_changed_song_gives_its_plays_to_a_rival_that_is_nearer_now(engine, folder):
    folder.write("events/a.json", event(length=100.0))
    folder.write("songs/a.json", song(duration=101.0))
    folder.write("songs/b.json", song(song_id="SOB", duration=105.0))
    folder.load(engine)
    assert rows(engine, SongplayFact.song_id) == [(SONG["song_id"],)]
    folder.write("songs/a.json", song(duration=200.0))
    folder.load(engine)
    assert rows(engine, SongplayFact.song_id) == [("SOB",)]


def test_a_song_in_a_new_file_does_not_override_a_preferred_version(engine, folder):
    folder.write("songs/a.json", song(year=1999))
    folder.load(engine)
    folder.write("songs/b.json", song(year=0, title="Another"))
    folder.load(engine)
    assert rows(engine, SongDim.title, SongDim.year) == [("Setanta matins", 1999)]


def test_a_changed_file_competes_with_the_new_files_of_its_run_alone(engine, folder):
    folder.write("songs/a.json", song(year=1999, title="Old"))
    folder.load(engine)
    folder.write("songs/a.json", song(year=0, title="Mended"))
    folder.write("songs/b.json", song(year=2001, title="New"))
    report = folder.load(engine)
    assert (report.files, report.changed) == (2, 1)
    assert rows(engine, SongDim.title, SongDim.year) == [("New", 2001)]


def test_all_files_changed_is_as_a_load_of_the_new_versions(engine, folder, star_rows):
    """Where the new version has every key of the former one, nothing of that is left."""
    for name, level, title in (("former", "free", "Old"), ("new", "paid", "Setanta matins")):
        del name
        events = [
            event(
                sessionId=n,
                level=level,
                ts=1541030400000 + n * 3600_000 * len(title),
                userId=str(n % 3 + 1),
            )
            for n in range(9)
        ]
        songs = [song(title=title, year=len(title), song_id=f"S{n}", duration=n) for n in range(4)]
        for part in range(3):
            folder.write(f"events/{part}.json", *events[part::3])
            folder.write(f"songs/{part}.json", *songs[part::3])
        folder.load(engine)
    found = {table: set(rows) for table, rows in star_rows(engine).items()}
    right = star_of(events, songs)
    assert found == right


# Names


def test_a_file_that_was_touched_is_known(engine, folder):
    folder.write("events/a.json", event())
    folder.load(engine)
    os.utime(folder.path / "events" / "a.json", (1, 1))
    assert folder.load(engine).files == 0
    folder.write("events/a.json", event())
    assert folder.load(engine).files == 0


def test_an_edit_that_keeps_size_and_time_is_noticed(engine, folder):
    folder.write("events/a.json", event(level="paid"))
    path = folder.path / "events" / "a.json"
    status = path.stat()
    folder.load(engine)
    folder.write("events/a.json", event(level="free"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert folder.load(engine).changed == 1
    assert rows(engine, SongplayFact.level) == [("free",)]


def test_a_file_has_one_name_however_it_is_come_by(engine, folder, monkeypatch, tmp_path):
    folder.write("events/2018/a.json", event())
    folder.write("events/2018/b.json", event(sessionId=1))
    folder.load(engine)
    (tmp_path / "link").symlink_to(folder.path)
    monkeypatch.chdir(folder.path)
    for source in (
        "events",
        "./events/../events/2018",
        "events/2018/a.json",
        "events/*/*.json",
        tmp_path / "link" / "events",
        tmp_path / "link" / "events" / "2018" / "b.json",
        f"{tmp_path}/link/events/**/*.json",
    ):
        assert load(engine, events=source).files == 0


def test_links_are_followed_but_not_in_circles(engine, folder, tmp_path):
    folder.write("events/a.json", event())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "b.json").write_text(json.dumps(event(sessionId=1)))
    (folder.path / "events" / "more").symlink_to(elsewhere)
    (folder.path / "events" / "again").symlink_to(folder.path / "events")
    (folder.path / "events" / "c.json").symlink_to(elsewhere / "b.json")
    assert folder.load(engine).files == 3
    assert len(rows(engine, SongplayFact.songplay_id)) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes of a name")
def test_a_pipe_is_named_and_not_waited_for(engine, folder):
    folder.write("events/a.json", event())
    os.mkfifo(folder.path / "events" / "b.json")
    with pytest.raises(WarehouseError, match=r"events/b\.json is no file but a pipe"):
        folder.load(engine)


def test_a_link_to_nothing_is_named(engine, folder):
    folder.write("events/a.json", event())
    (folder.path / "events" / "b.json").symlink_to(folder.path / "nowhere")
    with pytest.raises(WarehouseError, match=r"events/b\.json leads to no file"):
        folder.load(engine)


def test_a_file_that_went_is_told_and_its_rows_stay(engine, folder):
    folder.write("events/a.json", event())
    folder.write("events/b.json", event(sessionId=1))
    folder.load(engine)
    (folder.path / "events" / "b.json").unlink()
    planned = plan(engine, events=folder.path / "events")
    assert planned.gone == (str(folder.path / "events" / "b.json"),)
    assert "1 loaded file is gone, its rows stay until a full refresh" in planned.summary
    folder.load(engine)
    assert len(rows(engine, SongplayFact.songplay_id)) == 2


def test_only_files_of_the_folders_asked_for_are_missed(engine, folder):
    folder.write("events/a.json", event())
    folder.write("events/b/a.json", event(sessionId=1))
    folder.load(engine)
    assert plan(engine, events=folder.path / "events" / "b").gone == ()
    assert plan(engine, events=folder.path / "events" / "*.json").gone == ()
