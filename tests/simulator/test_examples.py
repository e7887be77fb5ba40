"""The data in `examples/data` is what this call makes."""

from __future__ import annotations

from pathlib import Path

from musicbee_warehouse.simulator import simulate

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"


def write_examples(folder):
    return simulate(songs=48, users=25, days=7, seed=2018, coverage=0.7).write(folder)


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_the_examples_are_the_simulator_s_output(tmp_path):
    written = write_examples(tmp_path)
    assert written.songs == 48
    assert 200 < written.events < 1000
    assert contents(EXAMPLES) == contents(tmp_path)
