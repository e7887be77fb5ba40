"""What COPY leaves in the system tables: errors, and files that were read.

A cluster keeps it outside of any transaction: the one that loads can read it at once, and it stays
after a rollback. So here it is in files, which PostgreSQL reads as foreign tables.
"""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ERRORS, FILES = "load_errors.csv", "load_files.csv"


class LoadLog:
    """Files in a folder that PostgreSQL may read."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()
        for name in (ERRORS, FILES):
            (folder / name).touch(mode=0o644)

    def add_errors(
        self, source: tuple[int, int, int, int], errors: Iterable[dict[str, Any]]
    ) -> None:
        """Add the errors of a COPY.

        Args:
            source: the OIDs of database and table, the numbers of session and query.
            errors: the other columns of stl_load_errors, from ``filename`` on.
        """
        database, table, session, query = source
        now = datetime.now(UTC).replace(tzinfo=None)
        known = [database, 100, 0, table, now, session, query]
        self._append(ERRORS, ([*known, *error.values()] for error in errors))

    def add_files(self, database: int, query: int, files: Iterable[tuple[str, int]]) -> None:
        """Add the files that a COPY read, with their numbers of lines."""
        now = datetime.now(UTC).replace(tzinfo=None)
        self._append(FILES, ([database, query, uri, lines, now] for uri, lines in files))

    def _append(self, name: str, rows: Iterable[Sequence[Any]]) -> None:
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
        data = text.getvalue().replace("\0", "").encode("utf-8", "replace")
        with self._lock, (self._folder / name).open("ab", buffering=0) as file:
            file.write(data)  # in one piece, for who reads meanwhile
