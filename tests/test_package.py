"""What is installed: all of the package, and nothing beside it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from setuptools import find_namespace_packages

ROOT = Path(__file__).parents[1]
SCRIPTS = {
    "musicbee_warehouse.migrations.scripts",
    "musicbee_warehouse.migrations.scripts.versions",
}


def test_every_package_is_named():
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    there = find_namespace_packages(
        str(ROOT), include=["musicbee_warehouse*"], exclude=["*__pycache__"]
    )
    assert set(named) - SCRIPTS == set(there)
