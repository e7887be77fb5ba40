"""Files damaged at random: a load names the file or leaves lines out, and nothing else happens."""

from __future__ import annotations

import gzip
import json
from random import Random

import pytest
from test_load import event, line

from musicbee_warehouse import InputError, connect, load
from musicbee_warehouse.loading import check, local, sources
from musicbee_warehouse.loading.diagnosis import diagnose
from musicbee_warehouse.loading.sources import list_files
from musicbee_warehouse.loading.stage import staging_table

SPLINTERS = [
    b'"', b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r", b" ", b"\\", b"'", b"-", b".", b"0",
    b"e5", b"null", b"true", b"NaN", b'""', b"\x00", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\\u0000",
    b"\\ud800", b"\\udc00", b"1e400", b"9" * 20, b"9" * 5000, b"/**/", b"[" * 3000,
]  # fmt: skip
# But for 1e5 and the like, which README says load for whole numbers.
VALUES = [
    "-0", "1e400", "9223372036854775807", "-9223372036854775808", "32768", "{}", "[]",
    '[{"a": 1}]', '" 5"', '"+5"', '"-5"', '"NaN"', '"inf"', '""', '" "', '"\\t"', '"\\ud800"',
    '"\\\\ud800"', '"\\ud83c\\udfb5"', '"\\uff15"', '"\\u0663"', "NaN", "-Infinity", "9e15",
    "1541048010796000", "1541048010796000000", "-99999999999999", "253402300800000", "1" * 4400,
    '"' + "\u00e9" * 60 + '"', '"' + "x" * 2000 + '"', "[" * 3000 + "]" * 3000,
]  # fmt: skip


def splintered(chance: Random) -> bytes:
    """Return good lines with some bytes replaced, in the middle of anything."""
    content = bytearray(b"".join(line(itemInSession=item) for item in range(6)))
    for _ in range(chance.choice((1, 1, 2, 4))):
        splinter = chance.choice(SPLINTERS)
        begin = chance.randrange(len(content))
        content[begin : begin + chance.choice((0, 1, len(splinter)))] = splinter
    return bytes(content)


def mistaken(chance: Random) -> bytes:
    """Return good lines, and one or two with values as no log should have them."""
    lines = [line(itemInSession=item) for item in range(4)]
    for item in range(chance.choice((1, 2))):
        wrong = {key: json.dumps(value) for key, value in event(itemInSession=10 + item).items()}
        wrong[chance.choice(list(wrong))] = chance.choice(VALUES)
        fields = ", ".join(f'"{key}": {value}' for key, value in wrong.items())
        lines.insert(chance.randrange(4), f"{{{fields}}}\n".encode())
    return b"".join(lines)


def torn(chance: Random) -> bytes:
    """Return a packed file with some of its packed bytes changed."""
    lines = (line(itemInSession=item, userAgent=chance.randbytes(20).hex()) for item in range(300))
    content = bytearray(gzip.compress(b"".join(lines)))
    for _ in range(chance.choice((1, 3))):
        content[chance.randrange(len(content))] = chance.randrange(256)
    end = chance.choice((len(content), chance.randrange(len(content))))
    return bytes(content[:end])


DAMAGES = {"splintered.json": splintered, "mistaken.json": mistaken, "torn.json.gz": torn}


def attempt(engine, path, **options):
    try:
        return load(engine, events=path, **options), None
    except InputError as error:
        return None, error


@pytest.fixture(params=["small", "large"])
def size(request, monkeypatch):
    """Let files of a few lines be as small as they are, or large, and cut when they are odd."""
    if request.param == "large":
        monkeypatch.setattr(sources, "_LARGE", 500)
        monkeypatch.setattr(sources, "_LARGE_PACKED", 100)
        monkeypatch.setattr(local, "_SOON_READ", 600)


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_named_or_loaded(tmp_path, name, seed):
    path = tmp_path / name
    path.write_bytes(DAMAGES[name](Random(f"{name} {seed}")))
    engine = connect("duckdb:///:memory:")
    _, error = attempt(engine, path)
    if error is None:
        # What is read fast is what is read slowly, in which faults are looked for.
        diagnose(staging_table("events"), list_files(path))
    else:
        assert error.file == str(path)
        assert len(str(error)) < 1000
        report, error = attempt(engine, path, max_errors=10_000)
        assert report.rejects if error is None else error.line is None
    assert [str(each) for each in check(engine) if each.violations] == []
    engine.dispose()
