"""Taking a file out of the warehouse again: why it can't be done by itself, and what can."""

from __future__ import annotations

import os

from sqlalchemy import Engine, select

from musicbee_warehouse.engine import require_tables
from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.models import LoadedFile, LoadRun


def forget(engine: Engine, file: str | os.PathLike[str]) -> str:
    """Tell how to take the rows of a loaded file out of the warehouse; nothing changes.

    A row of the star doesn't know its files: several may hold it, and the row that it replaced is
    gone. So only the star built anew from the other files is right without it.

    Raises:
        WarehouseError: if there is no such file in the ledger.

    >>> from musicbee_warehouse import connect, load
    >>> engine = connect("duckdb:///:memory:")
    >>> report = load(engine, songs="examples/data/song_data")
    >>> print(forget(engine, "examples/data/song_data/A/A/A/TRAAABAD9256D63E00.json"))
    ... # doctest: +ELLIPSIS, +NORMALIZE_WHITESPACE
    /.../TRAAABAD9256D63E00.json was loaded by run ..., with 1 row. ...
    """
    given = os.fspath(file)
    uri = given if given.startswith("s3://") else os.path.realpath(given)
    query = (
        select(LoadedFile.run_id, LoadedFile.rows, LoadedFile.kind, LoadRun.finished_at)
        .join(LoadRun, LoadRun.run_id == LoadedFile.run_id)
        .where(LoadedFile.uri == uri)
    )
    with engine.connect() as connection:
        require_tables(connection)
        found = connection.execute(query).one_or_none()
    if found is None:
        raise WarehouseError(f"{uri} isn't loaded; the table loaded_file lists what is")
    rows = "" if found.rows is None else f", with {found.rows:,} row{'s' * (found.rows != 1)}"
    return (
        f"{uri} was loaded by run {found.run_id} at {found.finished_at:%Y-%m-%d %H:%M} UTC{rows}. "
        "Its rows can't be taken out by themselves: a row of the star may stem from several files, "
        "or have replaced another file's. Move the file out of its folder and build the star anew "
        "from the others, in one transaction: musicbee-warehouse load --full-refresh, with "
        "--events and --songs."
    )
