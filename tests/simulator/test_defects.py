"""Each defect does what its name says, to files only."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from musicbee_warehouse.simulator import Defects, simulate
from musicbee_warehouse.simulator.defects import mojibake

CLEAN = simulate(200, 60, days=6, seed=5)


@pytest.fixture
def write(tmp_path):
    def write(**rates):
        simulation = replace(CLEAN, defects=Defects(**rates))
        assert list(simulation.events()) == list(CLEAN.events())
        assert list(simulation.songs()) == list(CLEAN.songs())
        simulation.write(tmp_path)
        return tmp_path

    return write


def log(folder):
    return sorted((folder / "log_data").rglob("*.json"))


def song_files(folder):
    return sorted((folder / "song_data").rglob("*.json"))


def events(folder):
    return [json.loads(line) for path in log(folder) for line in path.read_text().splitlines()]


def songs(folder):
    return [json.loads(path.read_text()) for path in song_files(folder)]


def key(event):
    return event["sessionId"], event["itemInSession"]


def by_key(items):
    return {key(event): event for event in items}


def test_duplicates_are_lines_written_twice(write):
    written, happened = events(write(duplicates=0.1)), list(CLEAN.events())
    assert by_key(written) == by_key(happened)
    assert 0.05 < len(written) / len(happened) - 1 < 0.15


def test_out_of_order_lines_come_later_in_their_file(write):
    folder = write(out_of_order=0.2)
    written, happened = events(folder), list(CLEAN.events())
    assert written != happened
    assert sorted(written, key=lambda e: (e["ts"], key(e))) == happened
    for path in log(folder):
        days = {json.loads(line)["ts"] // 86_400_000 for line in path.read_text().splitlines()}
        assert len(days) == 1


def test_late_files_come_under_the_day_of_their_arrival(write):
    folder = write(late_files=0.5)
    late = [path for path in log(folder) if "late" in path.name]
    assert 0 < len(late) < 6
    for path in late:
        arrival, day = path.name[:10], path.name[16:26]
        assert int(arrival[-2:]) - int(day[-2:]) == 3
        assert not (path.parent / f"{day}-events.json").exists()
    assert by_key(events(folder)) == by_key(CLEAN.events())


def test_spellings_give_an_artist_several_names(write):
    written = {song["song_id"]: song["artist_name"] for song in songs(write(spellings=0.5))}
    other = [s for s in CLEAN.songs() if s["artist_name"] != written[s["song_id"]]]
    assert 60 < len(other) < 140
    for song in other:
        spelled, name = written[song["song_id"]], song["artist_name"]
        assert name.casefold() in spelled.casefold() or spelled == name.replace("&", "and")


def test_numbers_as_names_are_json_numbers(tmp_path):
    simulation = simulate(2000, 300, coverage=1.0, defects=Defects(numbers_as_names=1.0))
    simulation.write(tmp_path)
    named = {song["artist_name"] for song in songs(tmp_path)}
    numbers = {name for name in named if isinstance(name, int)}
    assert numbers
    assert not any(name.isdecimal() for name in named - numbers)
    artists = {event["artist"] for event in events(tmp_path)}
    assert artists & numbers


def test_missing_keys_are_the_null_ones(write):
    folder = write(missing_keys=0.5)
    left_out = []
    for written, happened in zip(events(folder), CLEAN.events(), strict=True):
        left = {key: value for key, value in happened.items() if value is not None}
        assert written in (happened, left)
        if left != happened:
            left_out.append(written == left)
    assert 0.3 < sum(left_out) / len(left_out) < 0.7
    assert any(len(song) < 10 for song in songs(folder))


def test_crlf_ends_the_lines_of_whole_files(write):
    folder = write(crlf=0.5)
    files = [path.read_bytes() for path in log(folder) + song_files(folder)]
    windows = [data for data in files if b"\r" in data]
    assert 0 < len(windows) < len(files)
    assert all(data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r") for data in windows)
    assert events(folder) == list(CLEAN.events())


def test_pretty_printed_objects_take_many_lines(write):
    folder = write(pretty_printed=1.0)
    text = log(folder)[0].read_text()
    assert text.startswith('{\n  "artist": ')
    assert _decoded(text) == [e for e in CLEAN.events() if e["ts"] < 1541030400000 + 86_400_000]
    assert songs(folder)[0]["num_songs"] == 1
    assert len(song_files(folder)[0].read_text().splitlines()) == 12


def test_concatenated_objects_have_nothing_between_them(write):
    folder = write(concatenated=1.0)
    assert all(b"\n" not in path.read_bytes() for path in log(folder) + song_files(folder))
    assert [e for path in log(folder) for e in _decoded(path.read_text())] == list(CLEAN.events())


def test_mojibake_can_be_undone(write):
    spoiled = 0
    for written, happened in zip(events(write(mojibake=0.5)), CLEAN.events(), strict=True):
        for name in ("artist", "song"):
            if written[name] != happened[name]:
                assert written[name] == mojibake(happened[name])
                twice = written[name].encode("latin-1").decode().encode("latin-1").decode()
                assert twice == happened[name]
                spoiled += 1
    assert spoiled


def test_nul_characters_are_escaped_in_texts(write):
    folder = write(nul=0.1)
    assert all(b"\0" not in path.read_bytes() for path in log(folder))
    agents = [event["userAgent"] for event in events(folder) if event["userAgent"]]
    assert 0.05 < sum("\0" in agent for agent in agents) / len(agents) < 0.15
    assert any("\0" in song["artist_location"] for song in songs(folder))


def test_long_strings_are_long(write):
    folder = write(long_strings=0.1)
    agents = [event["userAgent"] for event in events(folder) if event["userAgent"]]
    assert 0.05 < sum(len(agent) == 5000 for agent in agents) / len(agents) < 0.15
    assert any(len(song["artist_location"]) == 5000 for song in songs(folder))


def test_corrupt_lines_are_not_json(write):
    folder = write(corrupt=0.1)
    lines = [line for path in log(folder) for line in path.read_text().splitlines()]
    assert len(lines) == len(list(CLEAN.events()))
    assert 0.05 < sum(not line.endswith("}") for line in lines) / len(lines) < 0.15
    with pytest.raises(json.JSONDecodeError):
        events(folder)


def test_all_defects_together_can_be_written(write):
    folder = write(**dict.fromkeys(Defects.__dataclass_fields__, 0.5))
    assert len(log(folder)) == 6


@pytest.mark.parametrize("name", list(Defects.__dataclass_fields__))
@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_rates_are_from_0_to_1(name, rate):
    with pytest.raises(ValueError, match=rf"^{name} is {rate}: give a rate from 0 to 1\.$"):
        Defects(**{name: rate})


def _decoded(text):
    decoder, found = json.JSONDecoder(), []
    while text := text.lstrip():
        item, end = decoder.raw_decode(text)
        found.append(item)
        text = text[end:]
    return found
