"""What a load writes into a bucket for COPY to read: manifests, JSONPaths, rows of the ledger."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.loading.s3 import connect_s3
from musicbee_warehouse.loading.s3_errors import explained, split

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_log = logging.getLogger(__name__)


class Work:
    """A prefix of a bucket in which each run has a folder of its own.

    Args:
        address: the prefix, as ``s3://bucket/prefix/``.
        client: by default :func:`musicbee_warehouse.loading.s3.connect_s3`.

    Raises:
        WarehouseError: if the address names no bucket.
    """

    def __init__(self, address: str, *, client: S3Client | None = None) -> None:
        self.bucket, prefix = split(address)
        self._prefix = f"{prefix.rstrip('/')}/".lstrip("/")
        self.client = connect_s3() if client is None else client
        self._run_id = ""
        self._keys: list[str] = []
        self._regions: dict[str, str | None] = {}

    def open(self, run_id: str) -> None:
        """Begin the folder of a run; that of the run before, which succeeded, is removed."""
        self.remove()
        self._run_id = run_id

    def write(self, name: str, content: bytes) -> str:
        """Write a file into the run's folder and return its address."""
        address = self.address(name)
        key = split(address)[1]
        with explained("s3:PutObject", address, self.client):
            self.client.put_object(Bucket=self.bucket, Key=key, Body=content)
        self._keys.append(key)
        return address

    def address(self, name: str) -> str:
        """Return where a file of the run is; before a run begins, where its folder would be."""
        return f"s3://{self.bucket}/{self._prefix}{self._run_id or 'RUN_ID'}/{name}"

    def remove(self) -> None:
        """Remove what was written; that it can't be is no reason to fail after a load."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - lazy

        try:
            for key in self._keys:
                self.client.delete_object(Bucket=self.bucket, Key=key)
        except (BotoCoreError, ClientError) as error:
            _log.warning("s3://%s/%s is left behind: %s", self.bucket, self._keys[0], error)
        self._keys = []

    def forget(self) -> None:
        """Leave what was written where it is."""
        self._keys = []

    def region(self, bucket: str) -> str | None:
        """Return the region of a bucket, for COPY to know; None if the storage has none.

        https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-source-s3.html
        """
        if bucket not in self._regions:
            with explained("s3:ListBucket", f"s3://{bucket}", self.client):
                found: Any = self.client.head_bucket(Bucket=bucket)
            headers = found["ResponseMetadata"].get("HTTPHeaders", {})
            self._regions[bucket] = headers.get("x-amz-bucket-region")
        return self._regions[bucket]


def require_apart(address: str, sources: Iterable[str]) -> None:
    """Refuse a work prefix within the files: the next load would take its files for data.

    https://github.com/opt-tech/redshift-fake-driver/issues/62

    >>> require_apart("s3://bucket/work/", ["s3://bucket/log_data"])
    """
    work = f"{address.rstrip('/')}/"
    for source in sources:
        folder = re.split(r"[*?[]", source, maxsplit=1)[0]
        if folder == source:
            folder = f"{source.rstrip('/')}/"
        if work.startswith(folder):
            raise WarehouseError(
                f"the work prefix {address} is within {source}, where the next load would take "
                "its files for data; give one beside it, such as "
                f"s3://{split(address)[0]}/musicbee-work/"
            )


def manifest(addresses: Iterable[str]) -> bytes:
    """Return the manifest of files, each once and each of which COPY must find.

    https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html

    >>> manifest(["s3://bucket/a.json", "s3://bucket/a.json"])
    b'{"entries": [{"url": "s3://bucket/a.json", "mandatory": true}]}'
    """
    entries = [{"url": address, "mandatory": True} for address in dict.fromkeys(addresses)]
    return json.dumps({"entries": entries}, ensure_ascii=False).encode()


def json_lines(rows: Iterable[dict[str, Any]]) -> bytes:
    r"""Return rows as JSON, one a line.

    >>> json_lines([{"line": 1}, {"line": 2}])
    b'{"line": 1}\n{"line": 2}\n'
    """
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
