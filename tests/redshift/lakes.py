"""What lies in the buckets of tests of loads on Redshift."""

from __future__ import annotations

from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"


def contents(folder, prefix=""):
    """Return the bytes of a folder's files by the keys that they have under a prefix."""
    paths = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    return {f"{prefix}{path.relative_to(folder).as_posix()}": path.read_bytes() for path in paths}
