"""Files in buckets of the stand-in, for loads on Redshift."""

from __future__ import annotations

from pathlib import Path

from tests.loading.s3_server import seed

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"


def upload(folder, bucket, prefix=""):
    """Put a folder's files under a prefix of a bucket."""
    paths = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    seed(bucket, {f"{prefix}{p.relative_to(folder).as_posix()}": p.read_bytes() for p in paths})
