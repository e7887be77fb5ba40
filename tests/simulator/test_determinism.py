"""The same values make the same bytes, on every platform and version of Python."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from math import exp, log
from statistics import NormalDist

import pytest

from musicbee_warehouse.simulator import Defects, simulate

SIMULATION = simulate(200, 100, days=10, seed=7, newcomers=0.2)
EVERY_DEFECT = Defects(**dict.fromkeys(Defects.__dataclass_fields__, 0.1))

# Whoever changes what is simulated changes these, and says so in the change log.
CLEAN = "bb5be8307590abf4e980ae6b0415e6c1609353a18f410fe5d6fe9eac9547012e"
DEFECTIVE = "a81d5aa26438d378b4dc428f38279728a10255ba25bc62534e0bed403dabadee"


def digest(folder) -> str:
    whole = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole.update(path.relative_to(folder).as_posix().encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()


def test_a_seed_makes_the_same_bytes_everywhere(tmp_path):
    assert SIMULATION.write(tmp_path).events > 1000
    assert digest(tmp_path) == CLEAN


def test_a_seed_makes_the_same_defects_everywhere(tmp_path):
    replace(SIMULATION, defects=EVERY_DEFECT).write(tmp_path)
    assert digest(tmp_path) == DEFECTIVE


def test_another_seed_makes_other_bytes(tmp_path):
    replace(SIMULATION, seed=8).write(tmp_path)
    assert digest(tmp_path) != CLEAN


def test_a_simulation_can_be_read_again():
    assert list(SIMULATION.events()) == list(SIMULATION.events())


@pytest.mark.parametrize(
    "curve", [lambda share: -log(1 - share), lambda share: exp(NormalDist().inv_cdf(share))]
)
def test_the_last_bits_of_logarithms_cannot_show_in_the_tables(curve):
    # Values are rounded to millionths: none may be so near to the middle between two that
    # another platform's mathematics could round it the other way.
    values = [curve(step / 4096) for step in range(1, 4096)]
    margin = min(abs((value * 1e6) % 1 - 0.5) / 1e6 for value in values)
    assert margin > 1000 * 2**-52
