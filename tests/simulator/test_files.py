"""Files are laid out and written as the mission's are."""

from __future__ import annotations

import gzip
import json

import pytest

from musicbee_warehouse.simulator import Written, simulate

SIMULATION = simulate(40, 30, days=5, seed=1)


def objects(folder, pattern):
    return [
        json.loads(line)
        for path in sorted(folder.glob(pattern))
        for line in path.read_text().splitlines()
    ]


def test_songs_have_a_file_each_in_the_folders_of_their_track(tmp_path):
    SIMULATION.write(tmp_path)
    files = sorted((tmp_path / "song_data").rglob("*.json"))
    assert len(files) == 40
    for path in files:
        letters = path.parent.relative_to(tmp_path / "song_data").parts
        assert path.name.startswith("TR" + "".join(letters))
        assert len(letters) == 3
        assert len(path.stem) == 18
        assert len(path.read_text().splitlines()) == 1


def test_files_hold_the_songs_and_the_events(tmp_path):
    SIMULATION.write(tmp_path)
    assert objects(tmp_path, "log_data/2018/11/*-events.json") == list(SIMULATION.events())
    songs = objects(tmp_path, "song_data/*/*/*/*.json")
    assert sorted(songs, key=str) == sorted(SIMULATION.songs(), key=str)


def test_a_day_is_a_file(tmp_path):
    SIMULATION.write(tmp_path)
    assert [path.name for path in sorted((tmp_path / "log_data/2018/11").iterdir())] == [
        f"2018-11-0{day}-events.json" for day in range(1, 6)
    ]
    for path in (tmp_path / "log_data/2018/11").iterdir():
        midnight = 1541030400000 + 86_400_000 * (int(path.name[8:10]) - 1)
        times = [json.loads(line)["ts"] for line in path.read_text().splitlines()]
        assert midnight <= times[0] <= times[-1] < midnight + 86_400_000


def test_lines_are_compact_ascii_json(tmp_path):
    SIMULATION.write(tmp_path)
    for path in (tmp_path / "log_data").rglob("*.json"):
        for line in path.read_text("ascii").splitlines():
            assert line == json.dumps(json.loads(line), separators=(",", ":"))


def test_many_songs_can_share_a_file(tmp_path):
    SIMULATION.write(tmp_path, songs_per_file=16)
    files = sorted((tmp_path / "song_data").rglob("*.json"))
    assert sorted(len(path.read_text().splitlines()) for path in files) == [8, 16, 16]
    assert len(objects(tmp_path, "song_data/*/*/*/*.json")) == 40


def test_compressed_files_hold_the_same_bytes(tmp_path):
    plain, compressed = tmp_path / "plain", tmp_path / "compressed"
    SIMULATION.write(plain)
    SIMULATION.write(compressed, gzip=True)
    files = [path for path in plain.rglob("*") if path.is_file()]
    for path in files:
        packed = (compressed / path.relative_to(plain)).with_suffix(".json.gz").read_bytes()
        assert gzip.decompress(packed) == path.read_bytes()
        assert packed[3] == 0  # no name
        assert packed[4:8] == bytes(4)  # no time of writing
    assert len(files) == len([path for path in compressed.rglob("*") if path.is_file()])


def test_the_report_counts_what_was_written(tmp_path):
    written = SIMULATION.write(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written == Written(
        folder=tmp_path,
        files=len(files),
        songs=40,
        events=len(list(SIMULATION.events())),
        bytes=sum(path.stat().st_size for path in files),
    )


def test_progress_counts_the_days(tmp_path, capsys):
    steps = []
    SIMULATION.write(tmp_path, on_progress=lambda done, total: steps.append((done, total)))
    assert steps == [(day, 5) for day in range(6)]
    assert capsys.readouterr() == ("", "")


def test_a_day_without_events_has_no_file(tmp_path):
    assert simulate(0, 0, days=3).write(tmp_path) == Written(tmp_path, 0, 0, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_no_songs_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^songs_per_file is 0: give 1 or more\.$"):
        SIMULATION.write(tmp_path, songs_per_file=0)


def test_writing_twice_replaces(tmp_path):
    SIMULATION.write(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    SIMULATION.write(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
