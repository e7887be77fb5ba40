"""What is in a file: a hash of its bytes and how many lines it has."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import xxhash

from musicbee_warehouse.errors import InputError

_CHUNK = 64 * 1024
"""So much stays in a core's cache, and takes the allocator no new pages of memory."""
_GZIP = 16 + zlib.MAX_WBITS


class Content(NamedTuple):
    """The hash of a file's bytes, and how many lines it has."""

    etag: str
    lines: int


def fingerprint(path: str) -> Content:
    """Read a file, plain or gzip, and return its content.

    Raises:
        InputError: for a gzip file that is damaged.
    """
    hashed = xxhash.xxh3_128()

    def chunks() -> Iterator[bytes]:
        with Path(path).open("rb", buffering=0) as stream:
            while chunk := stream.read(_CHUNK):
                hashed.update(chunk)
                yield chunk

    unpacked = _unpacked(chunks(), path) if path.endswith(".gz") else chunks()
    lines = _count_newlines(unpacked)
    return Content(hashed.hexdigest(), lines)


def hash_of(stream: IO[bytes]) -> str:
    """Return the hash of the bytes of a stream."""
    hashed = xxhash.xxh3_128()
    while chunk := stream.read(_CHUNK):
        hashed.update(chunk)
    return hashed.hexdigest()


def hash_bytes(content: bytes) -> str:
    """Return the hash of bytes."""
    return xxhash.xxh3_128_hexdigest(content)


def count_lines(content: bytes) -> int:
    r"""Count the lines that aren't blank.

    >>> count_lines(b"{}\n\n {}\r\n \r\n")
    2
    """
    lines = content.split(b"\n")
    return len(lines) - lines.count(b"") - sum(map(bytes.isspace, lines))


def _count_newlines(chunks: Iterable[bytes]) -> int:
    lines, last = 0, b"\n"
    for chunk in filter(None, chunks):
        # replace() searches, at four times the speed of count(), which looks at each byte in turn.
        lines += len(chunk) - len(chunk.replace(b"\n", b""))
        last = chunk[-1:]
    return lines + (last != b"\n")


def _unpacked(chunks: Iterable[bytes], path: str) -> Iterator[bytes]:
    """Unpack gzip, of one member or of several; the last must be whole."""
    unpack = zlib.decompressobj(_GZIP)
    try:
        for packed in chunks:
            chunk = packed
            while chunk:
                yield unpack.decompress(chunk)
                chunk = unpack.unused_data
                if unpack.eof and chunk:
                    unpack = zlib.decompressobj(_GZIP)
    except zlib.error as error:
        raise no_gzip(path, error) from None
    if not unpack.eof:
        raise no_gzip(path, "it ends too early")


def no_gzip(file: str, reason: object) -> InputError:
    """Return the error for a gzip file that is damaged, or none at all."""
    return InputError(f"no whole gzip file: {reason}; pack or fetch it again", file=file)
