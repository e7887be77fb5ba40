"""The command line: each command is a thin dress of a function of the library."""

from __future__ import annotations

import sys
from io import TextIOWrapper

from musicbee_warehouse.cli import (
    analytics,
    cluster,
    diagrams,
    loading,
    migrate,
    simulation,
    warehouse,
)
from musicbee_warehouse.cli.app import app

__all__ = [
    "analytics",
    "cluster",
    "diagrams",
    "loading",
    "main",
    "migrate",
    "simulation",
    "warehouse",
]


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name that a file's encoding lacks is no error
            stream.reconfigure(errors="backslashreplace")
    app()
