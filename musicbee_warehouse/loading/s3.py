"""Objects of a bucket: which are there to load, and their bytes on disk, a part at a time.

Any endpoint that speaks S3's protocol will do; boto3 finds it, the region and the credentials by
its usual settings, such as ``AWS_ENDPOINT_URL_S3`` and ``AWS_PROFILE``
(https://docs.aws.amazon.com/boto3/latest/guide/configuration.html).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import has_magic
from io import BytesIO
from pathlib import Path
from random import uniform
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from threading import Event
from typing import IO, TYPE_CHECKING, Any

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.loading.names import ENDINGS, days, in_period, is_data, is_leaving
from musicbee_warehouse.loading.s3_errors import changed, explained, split
from musicbee_warehouse.loading.sources import SourceFile

if TYPE_CHECKING:
    from datetime import date

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

_THREADS = 16
SPOOL_BYTES = 256 * 1024 * 1024
"""How much of the disk a batch of files takes at the most."""
_CHUNK = 1024 * 1024
_DISK_BLOCK = 4096
"""What even a file of one byte takes of a disk."""
_SMALL = 16 * 1024
"""Up to this size in bytes an object stays in memory: a file can cost more than the fetch."""
_ATTEMPTS = 8
"""How often in a row a request may fail without a byte gained."""
_LONGEST_WAIT = 20.0
_BLINK = 0.5
"""Seconds after which who waits looks up."""
_YEAR_FOLDER = re.compile(r"(^|/)(19|20)\d\d/$")


def connect_s3(*, connections: int = _THREADS) -> S3Client:
    """Return a client that is patient: it retries failed requests with growing, random waits.

    Another retry mode, an anonymous client, or proxies are had by passing a client of your own
    (https://docs.aws.amazon.com/boto3/latest/guide/retries.html).

    Raises:
        WarehouseError: if boto3's settings make no client, as with a profile that isn't there.
    """
    import boto3  # noqa: PLC0415 - a local load never needs it
    from botocore.config import Config  # noqa: PLC0415 - nor this
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - nor this

    config = Config(
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        max_pool_connections=connections,
        connect_timeout=10,
        read_timeout=30,
    )
    try:
        # A session of its own, for the default one isn't safe to share between threads.
        return boto3.session.Session().client("s3", config=config)
    except (BotoCoreError, ValueError) as error:
        raise WarehouseError(f"the AWS settings make no S3 client: {error}") from error


def list_objects(
    uri: str,
    *,
    client: S3Client | None = None,
    since: date | None = None,
    until: date | None = None,
) -> Iterator[SourceFile]:
    """Yield the JSON objects of a folder with all its folders, of a glob, or the one key named.

    They come sorted by key, from a page of 1,000 at a time, so memory stays bounded. A folder ends
    where its name does: ``s3://bucket/log_data`` leaves ``log_data_old/`` alone. In a glob ``*``
    stays within a folder and ``**`` crosses them. Passed over are what is no JSON by its ending
    (in a folder) and what tools leave (see :func:`musicbee_warehouse.loading.names.is_leaving`).
    A period leaves out objects whose path says another day, see
    :func:`musicbee_warehouse.loading.names.in_period`; of folders laid out as ``YYYY/MM`` only
    those of the period are listed.

    Raises:
        WarehouseError: if there is no such bucket or no JSON object, or listing isn't allowed; with
            a period it is no error that nothing is in it.

    >>> objects = list_objects("s3://bucket/log_data/2018/*/*.json")  # nothing is asked for yet
    """
    bucket, key = split(uri)
    client = connect_s3() if client is None else client
    empty = since is None and until is None
    with explained("s3:ListBucket", uri, client):
        for entry in _select(client, bucket, key, since, until):
            if in_period(entry["Key"], since=since, until=until):
                empty = False
                uri_of_entry = f"s3://{bucket}/{entry['Key']}"
                yield SourceFile(uri_of_entry, entry["Size"], entry["ETag"].strip('"'))
    if empty:
        raise WarehouseError(f"there is no JSON file in {uri}; check the path")


@contextmanager
def fetch(  # noqa: PLR0913 - what bounds a download
    objects: Iterable[SourceFile],
    folder: str | Path,
    *,
    client: S3Client | None = None,
    spool_bytes: int = SPOOL_BYTES,
    threads: int = _THREADS,
    on_object: Callable[[SourceFile], None] | None = None,
) -> Iterator[Iterator[list[SourceFile]]]:
    """Download objects into a folder, in the order given, and hand them over in batches.

    A batch takes at most ``spool_bytes`` of disk, or is one object larger than that; small objects
    keep their bytes with them, in memory. While the caller works on a batch the next one is
    downloaded; asking for the next deletes the last, so no more than two are there. Nothing of
    them is left, and no thread runs on, when the context ends, whatever ends it.

    What breaks on the way is retried, and a body that stops short goes on from where it stopped.

    Args:
        objects: as :func:`list_objects` gives them; they are drawn as they are needed.
        folder: where to put the files, in a folder of their own.
        client: by default :func:`connect_s3`; with one of your own, let it have a connection for
            each thread.
        spool_bytes: the most that a batch takes of the disk.
        threads: how many objects are downloaded at a time.
        on_object: for progress: called with each object when its file is complete, from any thread.

    Raises:
        WarehouseError: if an object changed or went since it was listed, or can't be read.

    ::

        with fetch(list_objects("s3://bucket/log_data"), folder) as batches:
            for batch in batches:
                sizes = [len(fetched.open().read()) for fetched in batch]
    """
    client = connect_s3(connections=threads) if client is None else client
    stop = Event()
    with (
        TemporaryDirectory(prefix="s3-", dir=folder) as spool,
        ThreadPoolExecutor(threads, thread_name_prefix="s3-fetch") as pool,
    ):
        download = _Download(client, stop, on_object)
        try:
            yield _batches(group(objects, spool_bytes), spool, pool, threads, download)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _select(
    client: S3Client, bucket: str, key: str, since: date | None, until: date | None
) -> Iterator[ObjectTypeDef]:
    """Yield what is data, of the whole period at least."""
    if has_magic(key):
        literal = re.split(r"[*?[]", key, maxsplit=1)[0]
        folder = literal[: literal.rfind("/") + 1]
        pattern = key[len(folder) :].split("/")
        for entry in _list(client, bucket, literal, since, until):
            path = entry["Key"][len(folder) :]
            folder_mark = not entry["Size"] and not path.endswith(ENDINGS)
            if not is_leaving(path) and not folder_mark and _matches(path.split("/"), pattern):
                yield entry
        return
    if key and not key.endswith("/"):
        # The key itself sorts before all that begin with it.
        first = client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
        if first and first[0]["Key"] == key and (first[0]["Size"] or is_data(key)):
            yield first[0]
            return
        key += "/"
    for entry in _list(client, bucket, key, since, until):
        if is_data(entry["Key"][len(key) :]):
            yield entry


def _matches(path: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_matches(path[skipped:], pattern[1:]) for skipped in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and _matches(path[1:], pattern[1:])


def _list(
    client: S3Client, bucket: str, prefix: str, since: date | None, until: date | None
) -> Iterator[ObjectTypeDef]:
    """Yield the objects whose keys begin with a prefix, leaving out folders outside the period."""
    if since is not None or until is not None:
        page = client.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/")
        folders = [folder["Prefix"] for folder in page.get("CommonPrefixes", [])]
        if any(_YEAR_FOLDER.search(folder) or days(folder) for folder in folders):
            yield from _list_period(client, bucket, prefix, since, until)
            return
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def _list_period(
    client: S3Client, bucket: str, prefix: str, since: date | None, until: date | None
) -> Iterator[ObjectTypeDef]:
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, Delimiter="/"
    )
    for page in pages:
        entries = {entry["Key"]: entry for entry in page.get("Contents", [])}
        folders = {folder["Prefix"] for folder in page.get("CommonPrefixes", [])}
        for path in sorted(entries.keys() | folders):
            if path in entries:
                yield entries[path]
            elif in_period(path, since=since, until=until):
                yield from _list(client, bucket, path, since, until)


def group(objects: Iterable[SourceFile], spool_bytes: int) -> Iterator[list[SourceFile]]:
    """Put together, in their order, what fits into ``spool_bytes`` of disk."""
    group: list[SourceFile] = []
    room = spool_bytes
    for source in objects:
        needed = (source.size // _DISK_BLOCK + 1) * _DISK_BLOCK
        if group and needed > room:
            yield group
            group, room = [], spool_bytes
        group.append(source)
        room -= needed
    if group:
        yield group


def _batches(
    groups: Iterator[list[SourceFile]],
    spool: str,
    pool: ThreadPoolExecutor,
    threads: int,
    download: _Download,
) -> Iterator[list[SourceFile]]:
    def start() -> _Batch | None:
        group = next(groups, None)
        return _Batch(group, spool, pool, threads, download) if group else None

    batch = start()
    while batch:
        following = start()
        yield batch.wait()
        batch.delete()
        batch = following


class _Batch:
    """Objects on their way into a folder; a few workers share them, an object at a time."""

    def __init__(
        self,
        group: list[SourceFile],
        spool: str,
        pool: ThreadPoolExecutor,
        threads: int,
        download: _Download,
    ) -> None:
        self._folder = mkdtemp(dir=spool)
        self._files = list(group)
        numbers = iter(range(len(group)))  # the next of a range's iterator is safe between threads
        self._workers: list[Future[None]] = [
            pool.submit(download.all, numbers, self._files, self._folder)
            for _ in range(min(threads, len(group)))
        ]

    def wait(self) -> list[SourceFile]:
        """Return the files when all are complete; raise at the first that can't be."""
        pending = set(self._workers)
        while pending:
            # A wait without an end isn't woken by Ctrl-C if another thread gets the signal.
            done, pending = wait(pending, timeout=_BLINK, return_when=FIRST_EXCEPTION)
            for worker in done:
                worker.result()
        return self._files

    def delete(self) -> None:
        rmtree(self._folder)


class _StoppedError(Exception):
    """The download isn't wanted any more."""


@dataclass(frozen=True)
class _Download:
    client: S3Client
    stop: Event
    on_object: Callable[[SourceFile], None] | None

    def all(self, numbers: Iterator[int], files: list[SourceFile], folder: str) -> None:
        """Put the bytes of one file after the other to its listing."""
        for number in numbers:
            source = files[number]
            with explained("s3:GetObject", source.uri, self.client):
                if source.size <= _SMALL:
                    content = BytesIO()
                    self._one(source, content)
                    files[number] = source._replace(content=content.getvalue())
                else:
                    path = Path(folder, f"{number}.json{'.gz' if source.is_packed else ''}")
                    with path.open("wb") as file:
                        self._one(source, file)
                    files[number] = source._replace(path=str(path))
            if self.on_object:
                self.on_object(source)

    def _one(self, source: SourceFile, file: IO[bytes]) -> None:
        """Append to the file until it has all bytes, waiting longer after each vain attempt."""
        failures = 0
        while (have := file.tell()) < source.size:
            fault = self._append(source, file)
            failures = 0 if file.tell() > have else failures + 1
            if failures == _ATTEMPTS:
                raise WarehouseError(
                    f"{source.uri} can't be read after {_ATTEMPTS} attempts: "
                    f"{fault or 'the body is empty'}; try again later"
                ) from fault
            if file.tell() < source.size and self.stop.wait(_wait(failures)):
                raise _StoppedError
        if file.tell() > source.size:
            raise changed(source.uri)

    def _append(self, source: SourceFile, file: IO[bytes]) -> Exception | None:
        """Append what of the object isn't in the file yet; return what cut it short, if anything.

        botocore retries a request, but not a body that breaks off while it is read, and its quota
        of retries can run out when many threads are told to slow down.
        """
        from botocore.exceptions import (  # noqa: PLC0415 - a local load never needs it
            ClientError,
            FlexibleChecksumError,
            HTTPClientError,
            IncompleteReadError,
        )

        bucket, key = split(source.uri)
        request: dict[str, Any] = {"Bucket": bucket, "Key": key, "IfMatch": f'"{source.etag}"'}
        if have := file.tell():
            request["Range"] = f"bytes={have}-"
        try:
            response = self.client.get_object(**request)
            if have and response["ResponseMetadata"]["HTTPStatusCode"] != 206:
                _empty(file)
            with closing(response["Body"]) as body:
                while chunk := body.read(_CHUNK):
                    file.write(chunk)
                    if self.stop.is_set():
                        raise _StoppedError
        except FlexibleChecksumError as error:
            _empty(file)
            return error
        except (HTTPClientError, IncompleteReadError) as error:
            return error
        except ClientError as error:
            if error.response["ResponseMetadata"].get("HTTPStatusCode", 0) < 500:
                raise
            return error
        return None


def _empty(file: IO[bytes]) -> None:
    file.seek(0)
    file.truncate()


def _wait(failures: int) -> float:
    """Return seconds up to twice as many after each failure, so that threads don't come at once."""
    return uniform(0, min(0.1 * 2**failures, _LONGEST_WAIT))  # noqa: S311 - no secret
