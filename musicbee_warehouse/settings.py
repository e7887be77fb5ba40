"""What the environment says; read here and passed on as arguments, never looked up deeper down."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from musicbee_warehouse.errors import WarehouseError

URL_VARIABLE = "MUSICBEE_WAREHOUSE_URL"
DEFAULT_URL = "duckdb:///musicbee.duckdb"

SETTINGS_VARIABLE = "MUSICBEE_WAREHOUSE_SETTINGS"
SETTINGS_FILE = "musicbee-warehouse.toml"
CLUSTER_TEXTS = (
    "name",
    "events",
    "songs",
    "work",
    "ttl",
    "owner",
    "project",
    "database",
    "node_type",
    "public_from",
)
_CLUSTER_NUMBERS = ("nodes", "capacity", "daily_limit")
_CLUSTER_LISTS = ("subnets",)


def warehouse_url() -> str:
    """Return the address of the warehouse, by default a DuckDB file in the current folder.

    >>> "://" in warehouse_url()
    True
    """
    return os.environ.get(URL_VARIABLE) or DEFAULT_URL


def cluster_variable(setting: str) -> str:
    """Return the variable of the environment that a setting of the cluster can be given in.

    >>> cluster_variable("name")
    'MUSICBEE_WAREHOUSE_NAME'
    """
    return f"MUSICBEE_WAREHOUSE_{setting.upper()}"


def cluster_settings() -> dict[str, Any]:
    """Return what describes the warehouse in the cloud: variables first, then the file's table.

    The file is ``musicbee-warehouse.toml`` in the current folder, or the one that
    ``MUSICBEE_WAREHOUSE_SETTINGS`` names. It holds no secrets, so it can be kept with the code::

        [cluster]
        name = "bee"
        events = "s3://music/log_data"
        songs = "s3://music/song_data"
        work = "s3://music/work"
        ttl = "8h"

    Raises:
        WarehouseError: if the file can't be read, or holds anything else.
    """
    given = {name: os.environ.get(cluster_variable(name)) for name in CLUSTER_TEXTS}
    return _table() | {name: value for name, value in given.items() if value}


def _table() -> dict[str, Any]:
    """Return the file's table ``cluster``; empty if there is no file."""
    named = os.environ.get(SETTINGS_VARIABLE)
    path = Path(named or SETTINGS_FILE)
    if not named and not path.exists():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WarehouseError(f"the settings {path} can't be read: {error}") from error
    table = content.get("cluster", {})
    kinds: dict[str, type] = {
        **dict.fromkeys(CLUSTER_TEXTS, str),
        **dict.fromkeys(_CLUSTER_NUMBERS, int),
        **dict.fromkeys(_CLUSTER_LISTS, list),
    }
    strange = sorted((content.keys() - {"cluster"}) | (table.keys() - kinds.keys()))
    if strange:
        raise WarehouseError(
            f"the settings {path} hold {', '.join(strange)}, which isn't known; "
            f"[cluster] takes {', '.join(kinds)}"
        )
    for name, value in table.items():
        if not isinstance(value, kinds[name]) or isinstance(value, bool):
            raise WarehouseError(
                f"{name} in {path} is {value!r}; it is to be a {kinds[name].__name__}"
            )
    return dict(table)
