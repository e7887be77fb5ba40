"""What the environment says; read here and passed on as arguments, never looked up deeper down."""

from __future__ import annotations

import os

URL_VARIABLE = "MUSICBEE_WAREHOUSE_URL"
DEFAULT_URL = "duckdb:///musicbee.duckdb"


def warehouse_url() -> str:
    """Return the address of the warehouse, by default a DuckDB file in the current folder.

    >>> "://" in warehouse_url()
    True
    """
    return os.environ.get(URL_VARIABLE) or DEFAULT_URL
