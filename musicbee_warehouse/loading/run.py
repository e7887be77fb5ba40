"""One load: from files to the star, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from sqlalchemy import Connection, Engine, Table, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from musicbee_warehouse import star
from musicbee_warehouse.engine import create_tables
from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.loading.diagnosis import diagnose
from musicbee_warehouse.loading.report import LoadReport
from musicbee_warehouse.loading.sources import SourceFile, list_files
from musicbee_warehouse.loading.spool import Spool
from musicbee_warehouse.models import Base, StagingEvent, StagingSong
from musicbee_warehouse.pipeline import Pipeline, Report
from musicbee_warehouse.statements import Copy, CopyOptions

OnStep = Callable[[int, int, str], None]
"""Called before each step with its position, from 0, the number of steps and the step's name."""


@dataclass(frozen=True)
class _Sources:
    """The files of one load."""

    events: list[SourceFile]
    songs: list[SourceFile]

    @property
    def bytes(self) -> int:
        return sum(file.size for file in (*self.events, *self.songs))


def load(
    engine: Engine,
    *,
    events: str | Path,
    songs: str | Path,
    keep_staging: bool = False,
    on_step: OnStep | None = None,
) -> LoadReport:
    """Load activity logs and song metadata into the warehouse, and report what was done.

    The tables are created where they are missing. The star changes in one transaction: it holds
    all of the files or, after an error, what it held before. Loading files again changes nothing.

    Args:
        engine: of a DuckDB warehouse, as :func:`musicbee_warehouse.connect` makes it.
        events: the activity logs: a folder, a glob or a file of JSON, plain or gzip.
        songs: the song metadata, likewise.
        keep_staging: leave the staged rows in the warehouse's staging tables, to look at; without
            it they live in temporary tables, which is faster.
        on_step: for progress, see :data:`OnStep`.

    Raises:
        InputError: for a file that COPY would refuse, with file, line, column and value.
        WarehouseError: if there are no such files, or the engine isn't DuckDB's.

    >>> from musicbee_warehouse import connect
    >>> engine = connect("duckdb:///:memory:")
    >>> report = load(engine, events="examples/data/log_data", songs="examples/data/song_data")
    >>> report.rows["song_dim"]
    (0, 48)
    """
    if engine.dialect.name != "duckdb":
        raise WarehouseError(
            "load() works on DuckDB alone as yet; "
            "on Redshift run star.pipeline(...) in a transaction"
        )
    started = perf_counter()
    sources = _Sources(list_files(events), list_files(songs))
    create_tables(engine)
    with engine.connect() as connection:
        with connection.begin():
            before = _rows(connection)
        with Spool() as spool, _staging(connection, keep=keep_staging):
            steps = _run(connection, sources, spool, on_step)
        with connection.begin():
            rows = {table: (before[table], after) for table, after in _rows(connection).items()}
    return LoadReport(
        files=len(sources.events) + len(sources.songs),
        bytes=sources.bytes,
        steps=steps,
        rows=rows,
        seconds=perf_counter() - started,
    )


def _run(connection: Connection, sources: _Sources, spool: Spool, on_step: OnStep | None) -> Report:
    """Stage, then transform, each in its transaction.

    Staging apart from the star lets DuckDB write it in parallel and never to disk; exactly-once is
    untouched, because staging is emptied first and the star alone is the warehouse.
    """
    try:
        staged = _stage(connection, sources, spool, on_step)
        with connection.begin():
            transformed = star.transform.run(connection, on_step=_after(len(staged), on_step))
    except DBAPIError:
        diagnose(_table(StagingEvent), sources.events)
        diagnose(_table(StagingSong), sources.songs)
        raise
    return Report([*staged, *transformed])


def _stage(
    connection: Connection, sources: _Sources, spool: Spool, on_step: OnStep | None
) -> Report:
    """Copy the files into staging: trusting their layout first, then not."""
    try:
        return _copy(connection, sources, spool, on_step, careful=False)
    except DBAPIError:
        return _copy(connection, sources, spool, on_step, careful=True)


def _copy(
    connection: Connection,
    sources: _Sources,
    spool: Spool,
    on_step: OnStep | None,
    *,
    careful: bool,
) -> Report:
    options = CopyOptions(regular=not careful)
    copies = Pipeline(
        Copy(StagingEvent, spool.ready(sources.events, careful=careful), options=options),
        Copy(StagingSong, spool.ready(sources.songs, careful=careful), options=options),
    )
    with connection.begin():
        return (star.clear_staging + copies).run(connection, on_step=_after(0, on_step))


def _after(done: int, on_step: OnStep | None) -> Callable[[int, str], None] | None:
    """Count the steps of a part as steps of the whole."""
    if on_step is None:
        return None
    total = len(star.clear_staging) + 2 + len(star.transform)
    return lambda position, name: on_step(done + position, total, name)


@contextmanager
def _staging(connection: Connection, *, keep: bool) -> Iterator[None]:
    """Let temporary tables stand before the staging tables, unless those are to keep the rows."""
    tables = (
        [] if keep else [t for t in Base.metadata.sorted_tables if t.name.startswith("staging")]
    )
    with connection.begin():
        for table in tables:
            ddl = str(CreateTable(table).compile(connection)).strip().removeprefix("CREATE")
            connection.execute(text(f"CREATE OR REPLACE TEMPORARY{ddl}"))
    try:
        yield
    finally:
        with connection.begin():
            for table in tables:
                connection.execute(text(f"DROP TABLE temp.{table.name}"))


def _rows(connection: Connection) -> dict[str, int]:
    """Count the rows of the star's tables."""
    star_tables = [t for t in Base.metadata.sorted_tables if not t.name.startswith("staging")]
    return {
        table.name: connection.scalar(select(func.count()).select_from(table)) or 0
        for table in star_tables
    }


def _table(model: type[Base]) -> Table:
    return Base.metadata.tables[model.__tablename__]
