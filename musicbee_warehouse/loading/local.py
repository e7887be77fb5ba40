"""Staging on DuckDB: local files, or a bucket's objects fetched here, into temporary tables.

Staging apart from the star's transaction lets DuckDB write it in parallel and never to disk;
exactly-once is untouched, because the star and the ledger alone are the warehouse.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self
from weakref import WeakValueDictionary

from sqlalchemy import Connection, Engine, Table, delete, exists, select, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql.expression import Executable

from musicbee_warehouse import star
from musicbee_warehouse.engine import holder_of
from musicbee_warehouse.errors import InputError, WarehouseError
from musicbee_warehouse.loading.content import Content, hash_of
from musicbee_warehouse.loading.diagnosis import diagnose, sift
from musicbee_warehouse.loading.planning import Plan, human
from musicbee_warehouse.loading.s3 import SPOOL_BYTES, fetch, group
from musicbee_warehouse.loading.sources import SourceFile
from musicbee_warehouse.loading.spool import Ready, Spool, find_cuts, require_unchanged
from musicbee_warehouse.loading.stage import (
    Options,
    Progress,
    Reject,
    Staged,
    parts,
    script_of,
    staging_table,
)
from musicbee_warehouse.models import Base
from musicbee_warehouse.pipeline import Pipeline, Step
from musicbee_warehouse.statements import Copy, CopyOptions

_REASON, _TEXT = 1024, 4096
_DATA_FAULTS = (DataError, IntegrityError, ProgrammingError, UnicodeDecodeError)
"""What DuckDB raises for a value; for memory, disk and the like it raises others.

The last is Python's: DuckDB shows the first bytes of a value, which may end within a character.
"""
_MEMORY = ":memory:"
_SOON_READ = 4 * 1024 * 1024
"""So many bytes are read line by line in a moment."""
_PIECES = 64
_PATIENCE = 0.2
"""Seconds between two attempts to open a file that another process has open."""


class _Held:
    """A warehouse that a load may hold: one process at a time has a DuckDB file open."""

    def __init__(self) -> None:
        self.lock = Lock()


_held: WeakValueDictionary[str, _Held] = WeakValueDictionary()


class LocalStage:
    """Stages files on a DuckDB engine; what it wrote to disk goes when the context ends."""

    def __init__(self, engine: Engine, options: Options) -> None:
        self._engine, self._options = engine, options
        self._spool = Spool()
        self._following: dict[SourceFile, Sequence[SourceFile]] = {}
        self._left_out = 0

    def __enter__(self) -> Self:
        self._spool.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._spool.__exit__(kind, error, traceback)

    def exists(self) -> bool:
        """Tell whether the file is there; to connect would make it."""
        database = _database_of(self._engine)
        return database == _MEMORY or Path(database).exists()

    @contextmanager
    def holding(self, *, wait: bool) -> Iterator[None]:
        """Keep other threads away; DuckDB keeps other processes away while the file is open."""
        database = _database_of(self._engine)
        key = str(id(self._engine)) if database == _MEMORY else os.path.realpath(database)
        held = _held.setdefault(key, _Held())
        if not held.lock.acquire(blocking=wait):
            raise WarehouseError(
                f"another load of this process holds {database}; wait for it to end"
            )
        try:
            _open(self._engine, database, wait=wait)
            yield
        finally:
            held.lock.release()

    @contextmanager
    def tables(self, connection: Connection) -> Iterator[None]:
        """Let temporary tables stand before the staging tables, unless those keep the rows."""
        tables = [t for t in Base.metadata.sorted_tables if t.name.startswith("staging")]
        if self._options.keep_staging:
            tables = []
        for table in tables:
            ddl = str(CreateTable(table).compile(connection)).strip().removeprefix("CREATE")
            connection.execute(text(f"CREATE OR REPLACE TEMPORARY{ddl}"))
        connection.commit()
        try:
            yield
        finally:
            connection.rollback()
            for table in tables:
                connection.execute(text(f"DROP TABLE temp.{table.name}"))
            connection.commit()

    def begin(self, connection: Connection, run_id: str) -> None:
        """Do nothing: :meth:`holding` did."""

    def may_pass(self, error: Exception) -> bool:  # noqa: ARG002 - the protocol's
        """Return False: an embedded database isn't lost, and no other process is in its way."""
        return False

    def steps(self, plan: Plan) -> int:
        """Return how many steps the staging of a plan takes."""
        notes = len(star.note_overrides) if plan.changed else 0
        return len(star.clear_staging) + notes + len(parts(plan))

    def script(self, plan: Plan) -> Pipeline:
        """Return the statements that stage a plan; what is small or fetched is in the spool."""

        def copy(kind: str, files: Sequence[SourceFile]) -> Copy:
            paths = [file.path for file in files if file.path and file.is_large]
            if len(paths) < len(files):
                paths.append(f"{self._spool.folder}/{kind}.json")
            return Copy(staging_table(kind), paths, options=CopyOptions(regular=True))

        return script_of((changed, copy(kind, files)) for kind, changed, files in parts(plan))

    def stage(self, connection: Connection, plan: Plan, progress: Progress) -> Staged:
        """Put the rows of the files into the staging tables: of all of them, or none."""
        connection.commit()
        try:
            return self._stage(connection, plan, progress)
        except BaseException:  # what is staged of the files before it is committed
            connection.rollback()
            star.clear_staging.run(connection)
            connection.commit()
            raise

    def _stage(self, connection: Connection, plan: Plan, progress: Progress) -> Staged:
        """Stage changed files first, then the new ones."""
        staged = Staged()
        staged.steps += progress.run(star.clear_staging, connection)
        noted = not plan.changed
        todo = parts(plan)
        batches = [batch for _, _, files in todo for batch in _batches(files)]
        # What is small of the next batch is read while DuckDB copies one.
        self._following = {batch[0]: following for batch, following in pairwise(batches)}
        for kind, changed, files in todo:
            if not changed and not noted:
                staged.steps += progress.run(star.note_overrides, connection)
                noted = True
            connection.commit()
            self._copy(connection, kind, files, staged, progress)
        if not noted:
            staged.steps += progress.run(star.note_overrides, connection)
        connection.commit()
        for file in plan.sources:
            if file.is_large:  # the others were looked at when they were read
                require_unchanged(file)
        return staged

    def explain(self, plan: Plan, error: DBAPIError) -> None:
        """Raise an InputError if a file is to blame for what failed."""
        if not isinstance(error, _DATA_FAULTS):
            return
        for kind, _, files in parts(plan):
            with ExitStack() as stack:
                for batch in _here(files, self._spool.folder, stack, None):
                    diagnose(staging_table(kind), batch)

    @contextmanager
    def flushing(self) -> Iterator[None]:
        """Write to the disk what is in the file so far; the commit finds the rest to write.

        Raises:
            WarehouseError: if the disk fails; a failure is told once, and the commit that comes
                would not learn of it.
        """
        database = _database_of(self._engine)
        descriptor = None if database == _MEMORY else _descriptor_of(database)
        if descriptor is None:
            yield
            return
        with ThreadPoolExecutor(1, thread_name_prefix="flush") as pool:
            flushed = pool.submit(os.fdatasync, descriptor)
            yield
            try:
                flushed.result()
            except OSError as error:
                if error.errno != errno.EBADF:  # another's descriptor of the file, closed by now
                    raise WarehouseError(
                        f"{database} can't be written to the disk: {error.strerror}; "
                        "nothing was loaded"
                    ) from error

    def copy(self, model: type[Base], rows: Iterable[dict[str, Any]]) -> Executable:
        """Return the statement that adds rows of ours to a table of the ledger."""
        path = os.path.join(self._spool.folder, f"{model.__tablename__}.json")  # noqa: PTH118
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
            for row in rows:
                file.write(json.dumps(row) + "\n")
        return Copy(model, path, options=CopyOptions(regular=True))

    def _copy(
        self,
        connection: Connection,
        kind: str,
        files: Sequence[SourceFile],
        staged: Staged,
        progress: Progress,
    ) -> None:
        """Copy files of one kind, fetched batch by batch if they are in a bucket."""
        table = staging_table(kind)
        progress.step(f"COPY {table.name}")
        rows, seconds = 0, 0.0
        with ExitStack() as stack:
            told = _Fetched(table.name, len(files), progress)
            for batch in _here(files, self._spool.folder, stack, told):
                size = human(sum(file.size for file in batch))
                progress.show(f"COPY {table.name} ({len(batch):,} files, {size})")
                step = self._copy_batch(connection, table, batch, staged)
                rows, seconds = rows + (step.rows or 0), seconds + step.seconds
        staged.steps.append(Step(f"COPY {table.name}", rows, seconds))
        setattr(staged, kind, getattr(staged, kind) + rows)

    def _copy_batch(
        self, connection: Connection, table: Table, files: Sequence[SourceFile], staged: Staged
    ) -> Step:
        """Copy files at once, trusting their layout; if that fails, apart, and the odd by line."""
        try:
            ready = self._spool.ready(files)
            self._spool.expect(self._following.pop(files[0], ()))
            return _copy_ready(connection, table, ready, staged, regular=True)
        except (DBAPIError, UnicodeDecodeError, InputError, _MiscountError) as error:
            connection.rollback()
            if isinstance(error, DBAPIError) and _is_out_of_memory(error):
                raise
        finally:
            self._spool.clear()
        apart = _apart(files)
        if len(apart) > 1:
            return _sum([self._copy_batch(connection, table, some, staged) for some in apart])
        step = self._copy_pieces(connection, table, files[0], staged)
        return step or self._copy_carefully(connection, table, files, staged)

    def _copy_pieces(
        self, connection: Connection, table: Table, file: SourceFile, staged: Staged
    ) -> Step | None:
        """Copy a large file, if it can be cut, so that only the odd piece is read by line."""
        with self._spool.unpacked(file) as plain:
            cuts = find_cuts(plain, max(_SOON_READ, plain.size // _PIECES))
            if not cuts:
                return None
            steps, lines = [], 0
            for piece in self._spool.pieces(plain, cuts):
                steps.append(self._copy_batch(connection, table, [piece], staged))
                lines += staged.contents[file.uri].lines
        with file.open() as stream:
            staged.contents[file.uri] = Content(hash_of(stream), lines)
        return _sum(steps)

    def _copy_carefully(
        self, connection: Connection, table: Table, files: Sequence[SourceFile], staged: Staged
    ) -> Step:
        try:
            if self._options.max_errors:
                return self._copy_sifted(connection, table, files, staged)
            ready = self._spool.ready(files, careful=True)
            return _copy_ready(connection, table, ready, staged, regular=False)
        except (*_DATA_FAULTS, _MiscountError) as error:
            connection.rollback()
            diagnose(table, files)
            raise _refused(error, files) from error
        finally:
            self._spool.clear()

    def _copy_sifted(
        self, connection: Connection, table: Table, files: Sequence[SourceFile], staged: Staged
    ) -> Step:
        """Copy the lines that COPY takes, and keep the others to list them."""
        good = ((file, self._good(table, file, staged)) for file in files)
        return _copy_ready(connection, table, self._spool.write(good), staged, regular=False)

    def _good(self, table: Table, file: SourceFile, staged: Staged) -> Iterator[str]:
        for line, content, fault in sift(table, file):
            if fault is None:
                yield content
                continue
            self._left_out += 1
            if self._left_out > self._options.max_errors:
                raise InputError(
                    f"{fault.reason}; that is one more than max_errors, "
                    f"{self._options.max_errors:,}, lets be left out",
                    file=fault.file,
                    line=fault.line,
                    column=fault.column,
                )
            reason = ": ".join(filter(None, (fault.column, fault.reason)))
            staged.rejects.append(
                Reject(file.uri, line, _cut(reason, _REASON), _cut(content, _TEXT))
            )


def _database_of(engine: Engine) -> str:
    return engine.url.database or _MEMORY


def _descriptor_of(path: str) -> int | None:
    """Return by which descriptor this process has a file open, where the system tells.

    The file can't be opened once more to have one: to close it would end DuckDB's lock of the file
    (https://man7.org/linux/man-pages/man2/F_GETLK.2const.html).
    """
    open_files, real = Path("/proc/self/fd"), Path(path).resolve()
    if sys.platform != "linux" or not open_files.exists():
        return None
    for link in open_files.iterdir():
        try:
            if link.readlink() == real:
                return int(link.name)
        except OSError:  # it was closed by now
            continue
    return None


def _open(engine: Engine, database: str, *, wait: bool) -> None:
    """Open a file, if need be once the process that has it open has closed it."""
    while True:
        try:
            with engine.connect():
                return
        except DBAPIError as error:
            holder = holder_of(error)
            if holder is None:
                raise
            if not wait:
                raise WarehouseError(
                    f"{holder} has {database} open, as one process at a time may; "
                    "wait for it to end"
                ) from None
        time.sleep(_PATIENCE)


def _is_out_of_memory(error: DBAPIError) -> bool:
    return type(error.orig).__name__ == "OutOfMemoryException"


class _MiscountError(WarehouseError):
    """What DuckDB read isn't what the files hold, or not what the star can take."""


def _copy_ready(
    connection: Connection, table: Table, ready: Ready, staged: Staged, *, regular: bool
) -> Step:
    """Copy files made ready, and note what they hold."""
    is_first = bool(connection.scalar(select(~exists(select(table)))))
    copy = Copy(table, ready.paths, options=CopyOptions(regular=regular))
    (step,) = Pipeline(copy).run(connection)
    contents = ready.contents()
    if step.rows != _lines(contents):
        contents = ready.recounted()
    if step.rows != (lines := _lines(contents)):
        raise _MiscountError(f"{table.name}: {step.rows} rows came of {lines} lines")
    if table in star.unfit:
        _require_fit(connection, table, is_first=is_first)
    connection.commit()
    staged.contents |= contents
    return step


def _refused(error: Exception, files: Sequence[SourceFile]) -> InputError:
    """Return the error for files that can't be loaded, though our reading finds no fault."""
    said = str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]
    which = files[0].uri if len(files) == 1 else f"one of {len(files):,} files from {files[0].uri}"
    return InputError(f"can't be loaded: {said}", file=which)


def _sum(steps: Sequence[Step]) -> Step:
    rows, seconds = sum(step.rows or 0 for step in steps), sum(step.seconds for step in steps)
    return Step(steps[0].name, rows, seconds)


def _lines(contents: Mapping[str, Content]) -> int:
    return sum(content.lines for content in contents.values())


def _require_fit(connection: Connection, table: Table, *, is_first: bool) -> None:
    """Refuse rows that the star can't take.

    The first rows of a table are committed before, because DuckDB reads with all of its threads
    only what is committed; unless they are found fit, the table is emptied again.
    """
    if is_first:
        connection.commit()
    try:
        if unfit := connection.scalar(star.unfit[table]):
            raise _MiscountError(f"{table.name}: {unfit} rows are nothing that the star can take")
    except Exception:
        if is_first:
            connection.rollback()
            connection.execute(delete(table))
            connection.commit()
        raise


def _apart(files: Sequence[SourceFile]) -> list[Sequence[SourceFile]]:
    """Return large files one by one, and small ones in groups that are soon read by line."""
    large = [[file] for file in files if file.is_large]
    return [*large, *group((file for file in files if not file.is_large), _SOON_READ)]


class _Fetched:
    """Tells how many files, of how many bytes, have come; called from any thread."""

    def __init__(self, table: str, total: int, progress: Progress) -> None:
        self._table, self._total, self._progress = table, total, progress
        self._files, self._bytes, self._lock = 0, 0, Lock()

    def __call__(self, source: SourceFile) -> None:
        with self._lock:
            self._files, self._bytes = self._files + 1, self._bytes + source.size
            self._progress.show(
                f"fetch {self._table} ({self._files:,} of {self._total:,} files, "
                f"{human(self._bytes)})"
            )


def _here(
    files: Sequence[SourceFile],
    folder: str,
    stack: ExitStack,
    on_object: Callable[[SourceFile], None] | None,
) -> Iterator[Sequence[SourceFile]]:
    """Yield files of this machine, then those of a bucket as they arrive."""
    yield from _batches(files)
    remote = [file for file in files if not file.path]
    if remote:
        yield from stack.enter_context(fetch(remote, folder, on_object=on_object))


def _batches(files: Sequence[SourceFile]) -> list[Sequence[SourceFile]]:
    """Return the files of this machine in batches, of which the spool holds two at a time.

    Large ones come at once, for they are read where they are.
    """
    local = [file for file in files if file.path]
    large = [file for file in local if file.is_large]
    small = [*group((file for file in local if not file.is_large), SPOOL_BYTES // 2)]
    first = [*large, *(small[0] if small else [])]
    return [batch for batch in (first, *small[1:]) if batch]


def _cut(content: str, size: int) -> str:
    return content.encode()[:size].decode(errors="ignore")
