"""The wheel: it holds every module of the checkout, and migrates from anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("musicbee_warehouse", "alembic", "pyproject.toml", "setup.cfg", "README.md", "LICENSE")


def run(*arguments, **options):
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return the folder into which the built wheel was installed."""
    folder = tmp_path_factory.mktemp("wheel")
    checkout = folder / "checkout"
    checkout.mkdir()
    for name in NEEDED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, checkout / name)
    options = ("--quiet", "--no-deps", "--disable-pip-version-check")
    run("-m", "pip", "wheel", *options, "--no-build-isolation", "-w", str(folder), str(checkout))
    (wheel,) = folder.glob("*.whl")
    run("-m", "pip", "install", *options, "--target", str(folder / "site"), str(wheel))
    return folder / "site"


def test_the_wheel_holds_every_module_and_migration(installed):
    def modules(folder):
        return {path.relative_to(folder) for path in folder.rglob("*.py")}

    scripts = Path("migrations", "scripts")
    expected = modules(ROOT / "musicbee_warehouse")
    expected |= {scripts / name for name in modules(ROOT / "alembic")}
    assert modules(installed / "musicbee_warehouse") == expected
    assert (installed / "musicbee_warehouse" / scripts / "script.py.mako").exists()


def test_an_installed_package_migrates_from_anywhere(installed, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    url = f"duckdb:///{tmp_path / 'w.duckdb'}"
    where = "import musicbee_warehouse; print(musicbee_warehouse.__file__)"
    assert str(installed) in run("-c", where, cwd=tmp_path, env=environment)
    command = ("-m", "musicbee_warehouse", "migrate", "--url", url)
    assert "to revision" in run(*command, cwd=tmp_path, env=environment)
    assert "CREATE TABLE song_dim" in run(*command, "--sql", cwd=tmp_path, env=environment)
