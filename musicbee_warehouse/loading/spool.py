"""A spool: files made ready for DuckDB's fast reader, which wants few files and an object a line.

Large newline-delimited files are read where they are. Small files are concatenated, which DuckDB
would open one by one at some forty times the cost. Objects that span lines, or share one, get a
line each, as COPY accepts them.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import chain, count, pairwise
from pathlib import Path
from shutil import copyfileobj, rmtree
from tempfile import TemporaryDirectory, gettempdir
from types import TracebackType
from typing import IO, BinaryIO, Self, cast

from musicbee_warehouse.errors import InputError, WarehouseError
from musicbee_warehouse.loading.content import (
    Content,
    count_lines,
    fingerprint,
    hash_bytes,
    hash_of,
    no_gzip,
)
from musicbee_warehouse.loading.sources import SourceFile, stamp_of
from musicbee_warehouse.statements.copy import MAX_OBJECT_BYTES

if sys.platform != "win32":
    import fcntl

_PREFIX = "musicbee-spool-"
_MOMENT = 60.0
_CHUNK = 4 * 1024 * 1024
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)  # Windows would change ends of lines
_NEIGHBOURS = re.compile(rb"\}[ \t\r]*\{")
_BETWEEN = re.compile(rb"\}[ \t\r]*\n(?=\{)")
_SPACE = re.compile(r"\s*")
_TOO_LARGE = f"Expected an object of at most {MAX_OBJECT_BYTES:,} bytes"
_NO_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)


@dataclass(frozen=True)
class Ready:
    """Files that DuckDB can read, and what the files that they were made of hold.

    Attributes:
        paths: newline-delimited files.
        known: what the sources hold, by their addresses.
        pending: what large sources hold, which is found out meanwhile.
    """

    paths: list[str]
    known: Mapping[str, Content]
    pending: Mapping[SourceFile, Future[Content]] = field(default_factory=dict)

    def contents(self) -> dict[str, Content]:
        """Return what all of the sources hold, when it is known.

        Blank lines of large files count as lines; to tell them takes a second look.
        """
        found = {file.uri: content.result() for file, content in self.pending.items()}
        return {**self.known, **found}

    def recounted(self) -> dict[str, Content]:
        """Return what all of the sources hold, without blank lines."""
        found = {
            file.uri: Content(content.result().etag, _count_filled_lines(file))
            for file, content in self.pending.items()
        }
        return {**self.known, **found}


class Spool:
    """A temporary folder of files made ready; it goes when the context ends.

    >>> from musicbee_warehouse.loading.sources import list_files
    >>> with Spool() as spool:
    ...     len(spool.ready(list_files("examples/data/song_data")).paths)
    1
    """

    def __init__(self) -> None:
        _sweep(gettempdir())
        self._folder = TemporaryDirectory(prefix=_PREFIX)
        self._lock = _lock(self._folder.name, wait=True)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._numbers = count(1)
        self._written: list[str] = []
        self._expected: tuple[Sequence[SourceFile], Future[Ready]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._reader.shutdown(cancel_futures=True)
        self._folder.cleanup()
        if self._lock is not None:
            os.close(self._lock)

    @property
    def folder(self) -> str:
        """Where the files are."""
        return self._folder.name

    def expect(self, files: Sequence[SourceFile]) -> None:
        """Begin to concatenate the small ones of files that :meth:`ready` will be asked for."""
        small = _small(files)
        if small:
            self._expected = small, self._reader.submit(self._concatenate, small)

    def ready(self, files: Sequence[SourceFile], *, careful: bool = False) -> Ready:
        """Return newline-delimited files with the objects of ``files``.

        A file's first line tells how it is laid out. With ``careful`` no line is trusted: every
        object is found and put on a line of its own, which takes some ten times longer.

        Raises:
            InputError: when careful, for what is no sequence of JSON objects.
            WarehouseError: for a small file that was written to since it was listed.
        """
        if careful:
            made = [self._concatenate(files, careful=True)]
        else:
            small = _small(files)
            made = [self._concatenated(small)] if small else []
        paths = self._keep(made)
        known = dict(chain.from_iterable(each.known.items() for each in made))
        pending: dict[SourceFile, Future[Content]] = {}
        for file in files:
            if file.uri in known:
                continue
            if _by_lines(file):
                paths.append(file.path)
                pending[file] = self._reader.submit(fingerprint, file.path)
            else:
                odd = self._concatenate([file])
                paths += self._keep([odd])
                known |= odd.known
        return Ready(paths, known, pending)

    @contextmanager
    def unpacked(self, file: SourceFile) -> Iterator[SourceFile]:
        """Yield a file of plain bytes: a large packed one unpacked, for as long as the context is.

        Raises:
            InputError: for a gzip file that is damaged.
        """
        if not (file.is_packed and file.is_large):
            yield file
            return
        with self._new_file() as plain:
            with open_bytes(file) as content:
                copyfileobj(content, plain, _CHUNK)
            size = plain.tell()
        try:
            yield file._replace(path=plain.name, size=size, stamp="")
        finally:
            Path(plain.name).unlink()

    def pieces(self, file: SourceFile, cuts: Iterable[int]) -> Iterator[SourceFile]:
        """Yield the pieces of a file between cuts; one is on disk until the next is asked for."""
        line = file.line
        with file.open() as stream:
            for begin, end in pairwise([0, *cuts, file.size]):
                content = stream.read(end - begin)
                with self._new_file() as piece:
                    piece.write(content)
                yield file._replace(path=piece.name, size=len(content), stamp="", line=line)
                Path(piece.name).unlink()
                line += content.count(b"\n")

    def write(self, sources: Iterable[tuple[SourceFile, Iterable[str]]]) -> Ready:
        """Return one file with the objects given of each source."""
        known: dict[str, Content] = {}
        with self._new_file() as spool:
            for file, texts in sources:
                known[file.uri] = Content(_hash(file), _append_lines(texts, spool))
                require_unchanged(file)
        made = Ready([spool.name], known)
        self._keep([made])
        return made

    def clear(self) -> None:
        """Remove the files that were made ready, so that no more than a batch is on disk.

        What is expected stays until it was asked for.
        """
        for path in self._written:
            Path(path).unlink()
        self._written.clear()

    def _keep(self, made: Iterable[Ready]) -> list[str]:
        """Note which files are to be removed by :meth:`clear`, and return them."""
        paths = [path for each in made for path in each.paths]
        self._written += paths
        return paths

    def _concatenated(self, files: Sequence[SourceFile]) -> Ready:
        """Return small files concatenated, by what was expected if it is of these."""
        if self._expected is not None and self._expected[0] == files:
            _, expected = self._expected
            self._expected = None
            return expected.result()
        return self._concatenate(files)

    def _concatenate(self, files: Iterable[SourceFile], *, careful: bool = False) -> Ready:
        with self._new_file() as spool:
            known = {file.uri: _append(file, spool, careful=careful) for file in files}
        return Ready([spool.name], known)

    @contextmanager
    def _new_file(self) -> Iterator[IO[bytes]]:
        path = Path(self._folder.name, f"{next(self._numbers)}.json")
        try:
            with path.open("wb") as file:
                yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _lock(folder: str, *, wait: bool) -> int | None:
    """Lock a folder until the process ends, however it does; return the lock, to be closed.

    Windows locks no folders: there is None, and nothing is swept.
    """
    if sys.platform == "win32":
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _sweep(folder: str) -> None:
    """Remove the spools that processes left which were killed: nobody holds their locks."""
    for path in Path(folder).glob(f"{_PREFIX}*"):
        try:
            held = _lock(str(path), wait=False)
        except OSError:  # it is in use, another's, or gone by now
            continue
        if held is not None:
            # One that isn't locked yet is just being made: it is no older than a moment.
            if time.time() - os.fstat(held).st_mtime > _MOMENT:
                rmtree(path, ignore_errors=True)
            os.close(held)


def _small(files: Iterable[SourceFile]) -> list[SourceFile]:
    return [file for file in files if not file.is_large]


def _append(file: SourceFile, spool: IO[bytes], *, careful: bool) -> Content:
    content = b"" if careful or file.is_large else _read(file)
    if not content:
        lines = _append_lines((text for _, text in objects(file)), spool)
        found = Content(_hash(file), lines)
        require_unchanged(file)
        return found
    unpacked = _unpack(content, file)
    if _one_object_a_line(unpacked):
        spool.write(unpacked)
        spool.write(b"\n")
        lines = count_lines(unpacked)
    else:
        lines = _append_lines((text for _, text in objects(file)), spool)
    return Content(hash_bytes(content), lines)


def _append_lines(texts: Iterable[str], spool: IO[bytes]) -> int:
    lines = 0
    for lines, text in enumerate(texts, start=1):  # noqa: B007 - the last is the count
        spool.write(text.replace("\r", " ").replace("\n", " ").encode())
        spool.write(b"\n")
    return lines


def _hash(file: SourceFile) -> str:
    with file.open() as stream:
        return hash_of(stream)


def objects(file: SourceFile) -> Iterator[tuple[int, str]]:
    """Yield the line on which each JSON value of a file begins, from 1, and its text.

    Raises:
        InputError: at the first place that is no JSON or no UTF-8.
    """
    line, name = file.line, file.uri
    with open_bytes(file) as content:
        stream = TextIOWrapper(cast(BinaryIO, content), encoding="utf-8", newline="")
        try:
            for space, text in _values(stream):
                line += space.count("\n")
                yield line, text
                line += text.count("\n")
        except json.JSONDecodeError as error:
            raise _no_json(error, name, line) from None
        except UnicodeDecodeError:
            raise _no_utf8(file) from None


def _no_utf8(file: SourceFile) -> InputError:
    """Return the error for the first line that isn't UTF-8, which no decoder of chunks can tell."""
    with open_bytes(file) as stream:
        found = enumerate(map(find_undecodable, stream), start=file.line)
        line, byte = next((line, byte) for line, byte in found if byte)
    reason = f"{byte!r} is not UTF-8; convert the file, for example with iconv"
    return InputError(reason, file=file.uri, line=line)


def find_undecodable(line: bytes) -> bytes:
    r"""Return the first byte that isn't UTF-8, or none.

    >>> find_undecodable(b"Montr\xe9al"), find_undecodable(b"Montreal")
    (b'\xe9', b'')
    """
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return line[error.start : error.start + 1]
    return b""


def _no_json(error: json.JSONDecodeError, name: str, line: int) -> InputError:
    """Return the error for what is no JSON, in a text that begins on a line.

    Of an object that breaks off the parser complains where the next one begins.
    """
    rest = error.doc[error.pos : error.pos + 40]
    begins = line + error.doc[: len(error.doc) - len(error.doc.lstrip())].count("\n")
    complained = line + error.doc[: error.pos].count("\n")
    if rest.startswith("\ufeff"):
        reason = "the file starts with a byte order mark; save it as UTF-8 without"
    elif error.msg == _TOO_LARGE and rest.startswith("["):
        reason = "this is an array; write one object after the other, as jq -c '.[]' does"
    elif complained > begins and rest.lstrip().startswith("{"):
        reason, complained = "the object breaks off; repair or remove it", begins
    else:
        found = rest.splitlines()[0] if rest else ""
        what = f"not {found!r}" if found else f"but the {'line' if rest else 'file'} ends"
        reason = f"{error.msg.lower()}, {what}; repair or remove the line"
    return InputError(reason, file=name, line=complained)


def _values(stream: IO[str]) -> Iterator[tuple[str, str]]:
    """Yield the space before each JSON value and the value's text, reading on as needed."""
    # Numbers stay text: nobody looks at them here, and Python makes none of very many digits.
    decode = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
    text, start, more = "", 0, True
    while True:
        space = _SPACE.match(text, start)
        assert space  # noqa: S101 - the pattern matches nothing too
        begin = space.end()
        try:
            if begin == len(text):
                raise json.JSONDecodeError("expecting value", text, begin)
            _, end = decode(text, begin)
        except json.JSONDecodeError as error:
            # What is no object by now won't become one that COPY reads, however much is read on.
            has_room = len(text) - begin <= MAX_OBJECT_BYTES
            chunk = stream.read(_CHUNK) if more and has_room else ""
            if chunk:
                text, start = text[start:] + chunk, 0
                continue
            more = False
            if begin == len(text):
                return
            if error.pos - begin > MAX_OBJECT_BYTES:
                raise json.JSONDecodeError(_TOO_LARGE, text[start:], begin - start) from None
            raise json.JSONDecodeError(error.msg, text[start:], error.pos - start) from None
        except RecursionError:
            raise json.JSONDecodeError("Nested too deeply", text[start:], begin - start) from None
        yield space.group(), text[begin:end]
        start = end


def find_cuts(file: SourceFile, size: int) -> list[int]:
    """Return where a file can be cut into pieces of some ``size`` bytes: between two objects.

    There is no such place, as far as is known, in a file that hasn't an object a line.
    """
    if file.size <= 2 * size or not _by_lines(file):
        return []
    cuts = []
    with file.open() as stream:
        for place in range(size, file.size - size // 2, size):
            stream.seek(place)
            between = _BETWEEN.search(stream.read(min(size, MAX_OBJECT_BYTES)))
            if between:
                cuts.append(place + between.end())
    return cuts


@contextmanager
def open_bytes(file: SourceFile) -> Iterator[IO[bytes]]:
    """Open a plain or gzip file and yield its bytes, unpacked.

    Raises:
        InputError: for a gzip file that is damaged, as it is read.
    """
    with file.open() as stream:
        if not file.is_packed:
            yield stream
            return
        try:
            with gzip.GzipFile(fileobj=stream) as unpacked:
                yield cast(IO[bytes], unpacked)
        except _NO_GZIP as error:
            raise no_gzip(file.uri, error) from None


def _read(file: SourceFile) -> bytes:
    if file.content is not None:
        return file.content
    descriptor = os.open(file.path, _READ)  # thousands of files: open() takes twice as long
    try:
        content = os.read(descriptor, file.size)
        while len(content) < file.size and (more := os.read(descriptor, file.size)):
            content += more
        _require_same(file, os.fstat(descriptor))
    finally:
        os.close(descriptor)
    return content


def require_unchanged(file: SourceFile) -> None:
    """Refuse a file that was written to since it was listed: its rows may be of two versions."""
    if file.path:
        _require_same(file, Path(file.path).stat())


def _require_same(file: SourceFile, status: os.stat_result) -> None:
    if file.stamp and stamp_of(status) != file.stamp:
        raise WarehouseError(f"{file.uri} changed while it was loaded; load again")


def _unpack(content: bytes, file: SourceFile) -> bytes:
    if not file.is_packed:
        return content
    try:
        return gzip.decompress(content)
    except _NO_GZIP as error:
        raise no_gzip(file.uri, error) from None


def _one_object_a_line(content: bytes) -> bool:
    first, _, rest = content.lstrip().partition(b"\n")
    if not rest.strip() and not _NEIGHBOURS.search(first):
        return True
    begins_and_ends = first.startswith(b"{") and first.rstrip().endswith(b"}")
    return begins_and_ends and not _NEIGHBOURS.search(content)


def _by_lines(file: SourceFile) -> bool:
    try:
        with open_bytes(file) as stream:
            lines = iter(lambda: stream.readline(MAX_OBJECT_BYTES), b"")
            return _is_object(next(filter(bytes.strip, lines), b""))
    except InputError:
        return False


def _count_filled_lines(file: SourceFile) -> int:
    with open_bytes(file) as stream:
        return sum(not line.isspace() for line in stream)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
