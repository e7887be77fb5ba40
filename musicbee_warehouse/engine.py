"""Engines: an embedded DuckDB or Redshift, set up as the warehouse needs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.migrations.revision import VERSION, require_current, stamp
from musicbee_warehouse.models import Base

_DUCKDB_SETTINGS: Mapping[str, str | bool] = {
    # Rows have no order in a warehouse, and without one DuckDB inserts in parallel:
    # https://duckdb.org/docs/stable/guides/performance/how_to_tune_workloads
    "preserve_insertion_order": False,
    # Compresses better than the format that the oldest DuckDB can still read.
    "storage_compatibility_version": "latest",
}
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
"""What AWS takes as the name of a cluster or of a workgroup."""
_DUCKDB_MEMORY = "2GB"
"""Enough for a load of any size: DuckDB spills what exceeds it, at next to no cost."""
_TABLES = text(
    "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
)


def connect(url: str | URL = "duckdb:///musicbee.duckdb", **options: Any) -> Engine:
    """Return an engine for a warehouse, by default a DuckDB file in the current folder.

    Args:
        url: ``duckdb:///file``, ``duckdb:///:memory:``, ``redshift://user@host:5439/database``, or
            the name of a Redshift cluster or of a workgroup of Redshift Serverless alone, whose
            host, user and password are asked of AWS. A setting of DuckDB may stand in the URL, as
            in ``duckdb:///file?memory_limit=8GB&threads=4``; a load gets by with the 2 GB that a
            file's engine is given otherwise.
        options: passed to :func:`sqlalchemy.create_engine`; on Redshift also those of
            :class:`musicbee_warehouse.redshift.connection.Settings`, such as ``schema``, ``work``
            and ``iam_role``, which may stand in the URL too.

    Raises:
        sqlalchemy.exc.ArgumentError: for any other database.
        WarehouseError: if AWS knows no such cluster, or doesn't let it be seen; from the engine, if
            a file is of JSON, CSV or Parquet, which DuckDB would open in memory.

    >>> connect("duckdb:///:memory:").dialect.name
    'duckdb'
    """
    if isinstance(url, str) and _NAME.fullmatch(url):
        return _redshift_by_name(url, options)
    url = make_url(url)
    make = _ENGINES.get(url.get_backend_name())
    if make is None:
        raise ArgumentError(
            f"the warehouse runs on {' and '.join(_ENGINES)}, not on {url.get_backend_name()}; "
            "give a URL such as duckdb:///musicbee.duckdb"
        )
    return make(url, options)


def backend_of(url: str) -> str:
    """Return what a warehouse runs on, by its URL or the name of a cluster; nothing is asked.

    >>> backend_of("musicbee"), backend_of("duckdb:///musicbee.duckdb")
    ('redshift', 'duckdb')
    """
    return "redshift" if _NAME.fullmatch(url) else make_url(url).get_backend_name()


def create_tables(engine: Engine) -> None:
    """Create the tables that are not there yet, and note which revision of the schema they are.

    What :func:`musicbee_warehouse.migrations.upgrade` would make of an empty warehouse is the same.

    Raises:
        BehindError: if tables are there that other models made; the message names the command that
            migrates them.

    >>> from sqlalchemy import inspect
    >>> engine = connect("duckdb:///:memory:")
    >>> create_tables(engine)
    >>> inspect(engine).has_table("songplay_fact")
    True
    """
    with engine.begin() as connection:
        there = _tables_of(connection)
        is_stamped = require_current(connection, there)
        Base.metadata.create_all(connection, tables=missing(connection), checkfirst=False)
        if VERSION.name not in there:
            VERSION.create(connection, checkfirst=False)
        if not is_stamped:
            stamp(connection)


def missing(connection: Connection) -> list[Table]:
    """Return the tables that a warehouse doesn't have."""
    there = _tables_of(connection)
    return [table for table in Base.metadata.sorted_tables if table.name not in there]


def require_tables(connection: Connection) -> None:
    """Raise a WarehouseError for a database that has no warehouse yet, or an older one."""
    if lacking := missing(connection):
        raise WarehouseError(
            f"the warehouse has no table {lacking[0].name}; load, or alembic upgrade head, makes it"
        )


def _tables_of(connection: Connection) -> set[str]:
    """Ask in plain SQL: the reflection of DuckDB's dialect imports pandas where it can."""
    return set(connection.scalars(_TABLES))


def holder_of(error: DBAPIError) -> str | None:
    """Return the process that keeps a DuckDB file from being opened, if that is the error.

    https://duckdb.org/docs/stable/connect/concurrency
    """
    said = str(error.orig)
    if "Could not set lock" not in said:
        return None
    named = re.search(r"held in (.+? \(PID \d+\))", said)
    return named[1] if named else "another process"


def _duckdb(url: URL, options: dict[str, Any]) -> Engine:
    settings: dict[str, Any] = dict(_DUCKDB_SETTINGS)
    if url.database not in (None, "", ":memory:"):
        settings["memory_limit"] = _DUCKDB_MEMORY
    named = {name.lower() for name in url.query}
    config = {name: value for name, value in settings.items() if name.lower() not in named}
    engine = create_engine(url, connect_args={"config": config}, **options)
    event.listen(engine, "connect", lambda opened, _: _require_database(opened, url.database))
    return engine


def _require_database(opened: Any, path: str | None) -> None:
    """Refuse a file of JSON, CSV or Parquet: DuckDB opens it as views, and writes to memory alone.

    DuckDB is asked, for to open and close its file once more would end its lock of the file.
    """
    if path is None or not Path(path).is_file():
        return
    ((on_disk,),) = opened.execute("SELECT count(path) FROM duckdb_databases()").fetchall()
    if not on_disk:
        opened.close()
        raise WarehouseError(f"{path} is no DuckDB database; name the file of the warehouse")


def _redshift(url: URL, options: dict[str, Any]) -> Engine:
    from musicbee_warehouse.redshift.connection import by_url  # noqa: PLC0415 - Redshift alone

    return by_url(url, options)


def _redshift_by_name(name: str, options: dict[str, Any]) -> Engine:
    from musicbee_warehouse.redshift.connection import by_name  # noqa: PLC0415 - Redshift alone

    return by_name(name, options)


_ENGINES: Mapping[str, Callable[[URL, dict[str, Any]], Engine]] = {
    "duckdb": _duckdb,
    "redshift": _redshift,
}
