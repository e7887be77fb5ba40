"""The star doesn't depend on the order in which files arrive, nor on how they are spread over runs.

Each case deals one input, full of collisions, to files, and the files to runs, in another way; the
right star is computed by an oracle in plain Python.
"""

from __future__ import annotations

import json
from random import Random

import pytest
from oracle import star_of
from sqlalchemy import text
from test_star_random import differences, make_world

from musicbee_warehouse import Base, connect, create_tables, load
from musicbee_warehouse.loading import check

CASES = 220
PER_TEST = 20
PARTS = CASES // PER_TEST
"""The first part runs always, the others where slow tests do."""
WORLDS = 6
STAR = [t for t in Base.metadata.sorted_tables if not t.name.startswith(("staging", "load"))]


@pytest.fixture(scope="module")
def engine():
    engine = connect("duckdb:///:memory:")
    create_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def empty(engine):
    """Return a function that empties the warehouse, which is quicker than to make another."""

    def clear():
        with engine.begin() as connection:
            for table in Base.metadata.sorted_tables:
                connection.execute(text(f"DELETE FROM {table.name}"))
        return engine

    return clear


def make_input(chance, case):
    events, songs = [], []
    for world in range(case * WORLDS, (case + 1) * WORLDS):
        more_events, more_songs = make_world(chance, world)
        events += more_events
        songs += more_songs
    return events, songs


def deal(chance, folder, kind, objects):
    """Deal objects to files, in any order, of which each has one or a few."""
    objects = chance.sample(objects, len(objects))
    files = []
    while objects:
        size = chance.randint(1, 12)
        some, objects = objects[:size], objects[size:]
        path = folder / f"{kind}-{len(files)}.json"
        path.write_text("".join(json.dumps(each) + "\n" for each in some))
        files.append((kind, path))
    return files


def run(engine, files):
    """Load files of both kinds in one run, from folders with these files alone."""
    for kind in ("events", "songs"):
        folder = files[0][1].parent / "arrived" / kind
        folder.mkdir(parents=True, exist_ok=True)
        for _, path in (each for each in files if each[0] == kind):
            path.rename(folder / path.name)
    arrived = files[0][1].parent / "arrived"
    given = {
        kind: arrived / kind for kind in ("events", "songs") if any((arrived / kind).iterdir())
    }
    return load(engine, **given)


@pytest.mark.parametrize(
    "part",
    [pytest.param(part, marks=[pytest.mark.slow] if part else []) for part in range(PARTS)],
)
def test_any_order_and_grouping_of_files_gives_the_star_of_one_run(
    empty, star_rows, tmp_path, part
):
    for case in range(part * PER_TEST, (part + 1) * PER_TEST):
        chance, engine = Random(case), empty()
        events, songs = make_input(chance, case)
        folder = tmp_path / f"{case}"
        folder.mkdir()
        files = deal(chance, folder, "events", events) + deal(chance, folder, "songs", songs)
        chance.shuffle(files)
        runs = 0
        while files:
            size = chance.choice([1, 3, len(files)])
            assert run(engine, files[:size]).files == len(files[:size])
            files, runs = files[size:], runs + 1
        assert differences(star_rows(engine), star_of(events, songs)) == {}, f"case {case}"
        broken = [str(each) for each in check(engine) if each.violations]
        assert broken == [], f"case {case}"
