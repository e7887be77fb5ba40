"""Which files are there to load."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from musicbee_warehouse.errors import WarehouseError

_ENDINGS = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
_SKIPPED_FOLDERS = {".ipynb_checkpoints", "__MACOSX"}


@dataclass(frozen=True, order=True)
class SourceFile:
    """A file to load: its path and its size in bytes."""

    path: str
    size: int


def list_files(source: str | Path) -> list[SourceFile]:
    """Return the JSON files of a folder with all its folders, of a glob, or the one file named.

    They are sorted by path. In a folder, files of other endings and the leavings of notebooks and
    archives (``.ipynb_checkpoints``, ``__MACOSX``) are passed over.

    Raises:
        WarehouseError: if there is no such file or folder, or no JSON file in it.

    >>> [file.path for file in list_files("examples/data/log_data")][:1]
    ['examples/data/log_data/2018/11/2018-11-01-events.json']
    """
    source = os.fspath(source)
    if source.startswith("s3://"):
        raise WarehouseError(
            f"{source} is in a bucket, and DuckDB loads local files; "
            f"copy them first, for example with: aws s3 sync {source} data"
        )
    if glob.has_magic(source):
        paths = map(Path, glob.iglob(source, recursive=True))  # noqa: PTH207 - a path may be absolute
        files = [SourceFile(str(path), path.stat().st_size) for path in paths if path.is_file()]
    elif Path(source).is_dir():
        files = list(_walk(source))
    elif Path(source).is_file():
        files = [SourceFile(source, Path(source).stat().st_size)]
    else:
        raise WarehouseError(f"there is no file or folder {source}; check the path")
    if not files:
        raise WarehouseError(f"there is no JSON file in {source}; check the path")
    return sorted(files)


def _walk(folder: str) -> Iterator[SourceFile]:
    """Walk with scandir, which gives the sizes of many small files without a look at each path."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name not in _SKIPPED_FOLDERS:
                    yield from _walk(entry.path)
            elif entry.name.endswith(_ENDINGS) and not entry.name.startswith("."):
                yield SourceFile(entry.path, entry.stat().st_size)
