"""Which files are there to load."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator
from datetime import date
from io import BytesIO
from operator import attrgetter
from pathlib import Path
from typing import IO, NamedTuple

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.loading.names import in_period, is_data, is_leaving

_LARGE = 256 * 1024
"""From this size in bytes a file is worth its own reader."""
_LARGE_PACKED = _LARGE // 4
"""Packed by gzip, from this one: it costs time to unpack, and is several times as large then."""


class SourceFile(NamedTuple):
    """A file to load, as it was listed; a tuple, for there are many.

    Attributes:
        uri: its absolute path, or its address in a bucket.
        size: in bytes.
        etag: what changes with its content: a bucket's ETag; of a local file the hash of its bytes,
            which is known once it was read.
        stamp: what a file system changes whenever a local file is written to, so that one that
            stands as it was needn't be read to know so.
        path: where its bytes are on this machine, empty if they must be fetched.
        content: its bytes, of a small object that was fetched.
        line: on which line of its file it begins, of a piece.
    """

    uri: str
    size: int
    etag: str = ""
    stamp: str = ""
    path: str = ""
    content: bytes | None = None
    line: int = 1

    @property
    def is_packed(self) -> bool:
        """Tell whether its bytes, where they are, are packed by gzip."""
        return (self.path or self.uri).endswith(".gz")

    @property
    def is_large(self) -> bool:
        """Tell whether it is worth its own reader.

        >>> SourceFile("a.json", 99_000).is_large, SourceFile("a.json.gz", 99_000).is_large
        (False, True)
        """
        return self.size >= _LARGE or (self.size >= _LARGE_PACKED and self.is_packed)

    def open(self) -> IO[bytes]:
        """Open its bytes, packed or not, as they are."""
        return Path(self.path).open("rb") if self.content is None else BytesIO(self.content)


def list_files(
    source: str | Path, *, since: date | None = None, until: date | None = None
) -> list[SourceFile]:
    """Return the JSON files of a folder with all its folders, of a glob, or the one file named.

    They are sorted by address. In a folder, files of other endings and what tools leave behind are
    passed over, see :func:`musicbee_warehouse.loading.names.is_leaving`; with a period, files
    whose path says another day, see :func:`musicbee_warehouse.loading.names.in_period`.

    Args:
        source: of this machine, or ``s3://bucket/prefix``, see
            :func:`musicbee_warehouse.loading.s3.list_objects`.
        since: the first day.
        until: the last day.

    Raises:
        WarehouseError: if there is no such file or folder, or no JSON file in it; that a period
            has no file is no error.

    >>> [Path(file.uri).name for file in list_files("examples/data/log_data")][:1]
    ['2018-11-01-events.json']
    """
    source = os.fspath(source)
    if not source:
        raise WarehouseError("the path is empty; the folder at hand is .")
    if source.startswith("s3://"):
        from musicbee_warehouse.loading.s3 import list_objects  # noqa: PLC0415 - it imports this

        return list(list_objects(source, since=since, until=until))
    files = list(_local_files(source))
    if not files:
        raise WarehouseError(f"there is no JSON file in {source}; check the path")
    if since is not None or until is not None:
        files = [file for file in files if in_period(file.uri, since=since, until=until)]
    return sorted(files, key=attrgetter("uri"))


def folder_of(source: str | Path) -> str:
    """Return what the addresses of all files of a folder begin with; of what is none, no file's.

    >>> folder_of("s3://bucket/log_data")
    's3://bucket/log_data/'
    """
    source = os.fspath(source)
    if not source.startswith("s3://"):
        source = os.path.realpath(source)
    return f"{source.rstrip('/')}/"


def _local_files(source: str) -> Iterable[SourceFile]:
    """Return files by their real paths, so that a file has one name however it was come by.

    What is there by its name is no glob, though the name may hold brackets or a star.
    """
    path = os.path.realpath(source)
    if Path(path).is_dir():
        return _walk(path)
    if Path(path).is_file():
        return [_file(path, Path(path).stat())]
    if glob.has_magic(source):
        return list(_matching(source))
    raise WarehouseError(f"there is no file or folder {source}; check the path")


def _matching(pattern: str) -> Iterator[SourceFile]:
    absolute = os.path.abspath(pattern)  # noqa: PTH100 - a pattern is no path
    plain = re.split(r"[*?[]", absolute, maxsplit=1)[0]
    folder = os.path.dirname(f"{plain}_")  # noqa: PTH120 - as above
    rest = absolute[len(folder) :].lstrip(os.sep)
    for path in glob.iglob(rest, root_dir=folder, recursive=True):  # noqa: PTH207 - as above
        full = os.path.join(os.path.realpath(folder), path)  # noqa: PTH118 - as above
        if not is_leaving(path) and Path(full).is_file():
            yield _file(full, Path(full).stat())


def _walk(folder: str) -> Iterator[SourceFile]:
    """Walk with scandir, which names the many small files of a folder at one look."""
    folders = [folder]
    for each in folders:
        with os.scandir(each) as entries:
            for entry in entries:
                if entry.is_dir():
                    if not is_leaving(f"{entry.name}/_") and not _leads_back(entry):
                        folders.append(entry.path)
                elif is_data(entry.name):
                    yield _file(entry.path, _status(entry))


def _status(entry: os.DirEntry[str]) -> os.stat_result:
    try:
        return entry.stat()
    except FileNotFoundError:
        raise WarehouseError(f"{entry.path} leads to no file; remove the link") from None


def _leads_back(entry: os.DirEntry[str]) -> bool:
    """Tell whether a folder is a link to one that it is in, in which one would walk for ever."""
    return entry.is_symlink() and f"{entry.path}/".startswith(f"{os.path.realpath(entry.path)}/")


def _file(path: str, status: os.stat_result) -> SourceFile:
    if not stat.S_ISREG(status.st_mode):
        raise WarehouseError(f"{path} is no file but a pipe, socket or device; remove it")
    return SourceFile(path, status.st_size, stamp=stamp_of(status), path=path)


def stamp_of(status: os.stat_result) -> str:
    """Return what a file system changes when a file is written to, replaced or touched."""
    return f"{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"
