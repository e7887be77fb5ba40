"""One exactly-once run: the files that are new, from their folder or bucket to the star."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import uniform
from time import perf_counter, sleep
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, Engine, Table, delete, func, literal, select, union_all
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import Executable

from musicbee_warehouse import star
from musicbee_warehouse.engine import create_tables, missing
from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.loading import checks
from musicbee_warehouse.loading.local import LocalStage
from musicbee_warehouse.loading.planning import Plan, Sources, compare, known_files
from musicbee_warehouse.loading.report import LoadReport
from musicbee_warehouse.loading.sources import SourceFile
from musicbee_warehouse.loading.stage import OnStep, Options, Progress, Stage, Staged
from musicbee_warehouse.models import Base, LoadedFile, LoadReject, LoadRun
from musicbee_warehouse.pipeline import Pipeline, Report, Step, dialect_of

COUNTED = [
    table for table in Base.metadata.sorted_tables if not table.name.startswith(("staging", "load"))
]
"""The tables whose rows are counted before and after a run: the star's."""
_STAGING = [Base.metadata.tables[name] for name in ("staging_events", "staging_songs")]


def _redshift_stage(engine: Engine, options: Options) -> AbstractContextManager[Stage]:
    from musicbee_warehouse.redshift.stage import RedshiftStage  # noqa: PLC0415 - Redshift alone

    return RedshiftStage(engine, options)


_STAGES: Mapping[str, Callable[[Engine, Options], AbstractContextManager[Stage]]] = {
    "duckdb": LocalStage,
    "redshift": _redshift_stage,
}
_Done = TypeVar("_Done")
_WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt at a run that failed by what may pass."""
_OWN_STEPS = 3
"""The checks and the two statements that record a run."""
_clear_ledger = Pipeline(delete(LoadReject), delete(LoadedFile))


def plan(  # noqa: PLR0913 - what there is to say of a load
    engine: Engine,
    *,
    events: str | Path | None = None,
    songs: str | Path | None = None,
    since: date | None = None,
    until: date | None = None,
    full_refresh: bool = False,
    iam_role: str | None = None,
    work: str | None = None,
) -> Plan:
    """Tell what :func:`musicbee_warehouse.load` would load, and by which statements.

    Nothing changes: not even a DuckDB file is made where there is none. The arguments are those of
    :func:`musicbee_warehouse.load`.

    Raises:
        WarehouseError: if there are no such files, or another process has the warehouse open.

    >>> from musicbee_warehouse import connect
    >>> engine = connect("duckdb:///:memory:")
    >>> planned = plan(engine, events="examples/data/log_data")
    >>> planned.summary
    '7 files to load (157.6 kB); 0 loaded already'
    >>> planned.script.splitlines()[1]
    'DELETE FROM staging_events;'
    """
    options = Options(
        full_refresh=full_refresh,
        iam_role=iam_role,
        work=work,
        sources=tuple(str(source) for source in (events, songs) if source is not None),
    )
    _require_no_period(options, since, until)
    sources = Sources.listed(events, songs, since=since, until=until)
    make = _STAGES[engine.dialect.name]
    with make(engine, options) as stage:
        known, rows = ({}, {}) if full_refresh else _what_is_there(engine, stage)
        todo = compare(sources, known)
        statements = (
            stage.script(todo) + _script(options, todo, rows) if todo.sources else Pipeline()
        )
    return replace(todo, script=statements.compile(dialect_of(engine.dialect.name)))


def load(  # noqa: PLR0913 - what there is to say of a load
    engine: Engine,
    *,
    events: str | Path | None = None,
    songs: str | Path | None = None,
    since: date | None = None,
    until: date | None = None,
    max_errors: int = 0,
    batch_bytes: int | None = None,
    full_refresh: bool = False,
    keep_staging: bool = False,
    may_be_empty: Collection[str] = (),
    iam_role: str | None = None,
    work: str | None = None,
    wait: bool = True,
    on_step: OnStep | None = None,
) -> LoadReport:
    """Load the files that aren't loaded yet, each exactly once, and report what was done.

    The tables are created where they are missing. All that a run changes, ledger included, changes
    in one transaction: the warehouse holds the files whole or, after an error, what it held before.
    A file that stands as it was loaded is passed over; one that changed since is loaded again, and
    its rows replace those of the same keys. Before the commit the run proves what must hold, see
    :func:`musicbee_warehouse.check`.

    Args:
        engine: as :func:`musicbee_warehouse.connect` makes it.
        events: the activity logs: a folder, a glob or a file of JSON, plain or gzip, of this
            machine or as ``s3://bucket/prefix``; Redshift reads the latter alone.
        songs: the song metadata, likewise.
        since: the first day of the logs, by what their paths say.
        until: the last day.
        max_errors: how many lines may be left out, which ``load_reject`` then lists.
        batch_bytes: load a large backlog in transactions of about this size, oldest name first.
        full_refresh: build the star anew from all of the files, in one transaction.
        keep_staging: leave the staged rows in the warehouse's staging tables, to look at; without
            it they live in temporary tables on DuckDB, which is faster. On Redshift they stay until
            the next load in any case.
        may_be_empty: columns of the staging tables, such as ``gender``, that the files may lack. Of
            the others one that is wholly NULL in a large load is an error: its key is misspelt.
        iam_role: on Redshift, the ARN of the role by which COPY reads the files, or ``default``;
            by default what :func:`musicbee_warehouse.connect` was told or found.
        work: on Redshift, an ``s3://bucket/prefix/`` apart from the files, where the run writes
            what tells COPY what to read; by default likewise. It is removed again, but kept after
            a failure.
        wait: for another load of this warehouse to end; without it, that is an error.
        on_step: for progress, see :data:`OnStep`.

    Raises:
        InputError: for a file that COPY would refuse, with file, line, column and value.
        CheckError: if a key isn't unique, or a row refers to one that isn't there.
        WarehouseError: if there are no such files, or another load holds the warehouse.

    >>> from musicbee_warehouse import connect
    >>> engine = connect("duckdb:///:memory:")
    >>> report = load(engine, events="examples/data/log_data", songs="examples/data/song_data")
    >>> report.rows["song_dim"]
    (0, 48)
    >>> load(engine, events="examples/data/log_data", songs="examples/data/song_data").files
    0
    """
    started = perf_counter()
    options = Options(
        max_errors,
        batch_bytes,
        full_refresh,
        keep_staging,
        tuple(may_be_empty),
        iam_role,
        work,
        sources=tuple(str(source) for source in (events, songs) if source is not None),
    )
    _require_no_period(options, since, until)
    _require_columns(options.may_be_empty)
    tell = on_step or _nobody_listens
    tell(0, 0, "listing the files")
    sources = Sources.listed(events, songs, since=since, until=until)
    make = _STAGES[engine.dialect.name]
    tell(0, 0, "waiting for the warehouse")
    with make(engine, options) as stage, stage.holding(wait=wait):
        _persist(stage, lambda: create_tables(engine))
        runs = list(_runs(engine, stage, sources, options, on_step))
        with engine.connect() as connection:
            rows = runs[-1].rows if runs else {t: (n, n) for t, n in count(connection).items()}
    first = runs[0].rows if runs else rows
    total = len(sources.events) + len(sources.songs)
    return LoadReport(
        run_ids=tuple(run.run_id for run in runs),
        files=sum(run.files for run in runs),
        changed=sum(run.changed for run in runs),
        known=total - sum(run.files for run in runs),
        bytes=sum(run.bytes for run in runs),
        events=sum(run.staged.events for run in runs),
        songs=sum(run.staged.songs for run in runs),
        shrunk=tuple(uri for run in runs for uri in run.shrunk),
        rejects=sum(len(run.staged.rejects) for run in runs),
        checks=tuple(each for run in runs for each in run.checked),
        steps=Report([step for run in runs for step in run.steps]),
        rows={table: (first[table][0], after) for table, (_, after) in rows.items()},
        seconds=perf_counter() - started,
    )


def _nobody_listens(position: int, total: int, name: str) -> None:
    pass


def _what_is_there(
    engine: Engine, stage: Stage
) -> tuple[Mapping[str, SourceFile], Mapping[str, int]]:
    """Return the files of the ledger, and how many rows the star's tables have, if there are any.

    Tables that are missing will be created by the load, all at once.
    """
    if not stage.exists():
        return {}, {}
    with stage.holding(wait=False), engine.connect() as connection:
        lacking = {table.name for table in missing(connection)}
        known = {} if LoadedFile.__tablename__ in lacking else known_files(connection)
        there = [table for table in COUNTED if table.name not in lacking]
        return known, count(connection, there) if there else {}


@dataclass(frozen=True)
class _Run:
    """What one transaction did."""

    run_id: str
    files: int
    changed: int
    bytes: int
    shrunk: list[str]
    staged: Staged
    checked: list[checks.Checked]
    steps: list[Step]
    rows: dict[str, tuple[int, int]]


def _runs(
    engine: Engine, stage: Stage, sources: Sources, options: Options, on_step: OnStep | None
) -> Iterator[_Run]:
    """Run until nothing is left to load: once, or batch by batch."""
    while run := _run(engine, stage, sources, options, on_step):
        yield run
        if options.full_refresh or options.batch_bytes is None:
            return


def _run(
    engine: Engine, stage: Stage, sources: Sources, options: Options, on_step: OnStep | None
) -> _Run | None:
    unsure: list[_Run] = []
    return _persist(stage, lambda: _attempt(engine, stage, sources, options, on_step, unsure))


def _persist(stage: Stage, action: Callable[[], _Done]) -> _Done:
    """Do something, and again if what made it fail may pass."""
    for wait in _WAITS:
        try:
            return action()
        except Exception as error:
            if not stage.may_pass(error):
                raise
        sleep(wait * uniform(0.5, 1.5))  # noqa: S311 - so that two don't come at once again
    return action()


def _attempt(  # noqa: PLR0913, PLR0917 - as a load, and what earlier attempts left open
    engine: Engine,
    stage: Stage,
    sources: Sources,
    options: Options,
    on_step: OnStep | None,
    unsure: list[_Run],
) -> _Run | None:
    """Run in one transaction; a run whose commit fails is unsure, and looked up by the next."""
    run_id, started = uuid4().hex, datetime.now(UTC)
    with engine.connect() as connection, stage.tables(connection):
        stage.begin(connection, run_id)
        for earlier in unsure:
            if _is_recorded(connection, earlier):
                return earlier
        before = count(connection)
        if options.full_refresh:
            _require_each_kind(connection, sources)
        todo = compare(sources, {} if options.full_refresh else known_files(connection))
        if not options.full_refresh:
            todo = todo.first(options.batch_bytes)
        if not todo.sources:
            return None
        script = _script(options, todo, before)
        own = _OWN_STEPS + bool(todo.changed)
        progress = Progress(on_step, stage.steps(todo) + len(script) + own)
        staged = stage.stage(connection, todo, progress)
        try:
            steps = [*staged.steps, *progress.run(script, connection)]
        except DBAPIError as error:
            connection.rollback()
            stage.explain(todo, error)
            raise
        shrunk = _shrunk(connection, todo, staged)
        after = count(connection)
        with stage.flushing():
            checked = _prove(connection, (before, after), staged, options, progress)
        plays = sum(step.rows or 0 for step in steps if step.name == "INSERT songplay_fact")
        ledger = _ledger(stage, todo, staged, _run_row(run_id, started, todo, staged, plays))
        steps += progress.run(ledger, connection)
        run = _Run(
            run_id=run_id,
            files=len(todo.sources),
            changed=len(todo.changed),
            bytes=todo.bytes,
            shrunk=shrunk,
            staged=staged,
            checked=checked,
            steps=steps,
            rows={table: (before[table], rows) for table, rows in after.items()},
        )
        try:
            connection.commit()
        except Exception:
            unsure.append(run)
            raise
    return run


def _is_recorded(connection: Connection, run: _Run) -> bool:
    """Tell whether a run whose commit failed was committed: its transaction has ended by now."""
    recorded = select(func.count()).select_from(LoadRun).where(LoadRun.run_id == run.run_id)
    return bool(connection.scalar(recorded))


def _require_no_period(options: Options, since: date | None, until: date | None) -> None:
    if options.full_refresh and (since or until):
        raise WarehouseError(
            "a full refresh builds the star from the files given alone, and a period would lose "
            "the others; leave since and until out"
        )


def _require_columns(names: Iterable[str]) -> None:
    columns = {column.name for table in _STAGING for column in table.columns}
    if unknown := sorted(set(names) - columns):
        raise WarehouseError(
            f"no staging table has a column {unknown[0]}; may_be_empty takes their names, "
            "such as first_name"
        )


def _require_each_kind(connection: Connection, sources: Sources) -> None:
    """Refuse to build the star anew without the songs, or the events, that it was built from."""
    loaded = set(connection.scalars(select(LoadedFile.kind).distinct()))
    given = {kind for kind in ("events", "songs") if getattr(sources, kind)}
    if lost := sorted(loaded - given):
        raise WarehouseError(
            f"a full refresh builds the star from the files given alone, and would lose the "
            f"{lost[0]}; give them too"
        )


def _script(options: Options, todo: Plan, rows: Mapping[str, int]) -> Pipeline:
    """Return the statements from staging to the star, which has so many rows.

    Those that would find nothing to do are left out: an empty star has nothing to replace.
    """
    if options.full_refresh:
        return star.clear + _clear_ledger + star.transform_empty
    if todo.changed:
        return star.transform
    return star.transform_new if any(rows.values()) else star.transform_empty


def count(connection: Connection, tables: Sequence[Table] = COUNTED) -> dict[str, int]:
    """Count the rows of tables, by default of the star's."""
    counts = [
        select(literal(str(table.name), literal_execute=True), func.count()).select_from(table)
        for table in tables
    ]
    return {str(table): int(rows) for table, rows in connection.execute(union_all(*counts))}


def _prove(
    connection: Connection,
    rows: tuple[dict[str, int], dict[str, int]],
    staged: Staged,
    options: Options,
    progress: Progress,
) -> list[checks.Checked]:
    """Prove what the run touched, or raise and so roll back; it had and has so many ``rows``."""
    progress.step("checks")
    before, after = rows
    within = checks.touched(before, staged.events + staged.songs)
    known = bool(before["songplay_fact"]) and not options.full_refresh
    which = [
        *checks.checks(within, after),
        checks.matched_check(),
        *checks.staged_checks(
            staged.events, staged.songs, known=known, may_be_empty=options.may_be_empty
        ),
    ]
    found = checks.run_checks(connection, which)
    if staged.contents:  # Redshift reads the files itself
        read = sum(content.lines for content in staged.contents.values())
        lines = abs(read - staged.events - staged.songs)
        found.insert(0, checks.Checked("lines in files = rows staged + lines left out", lines))
    checks.require(found)
    return found


def _shrunk(connection: Connection, todo: Plan, staged: Staged) -> list[str]:
    """Return the changed files that have fewer rows than when they were loaded."""
    if not todo.changed:
        return []
    ledger = connection.execute(select(LoadedFile.uri, LoadedFile.rows))
    former = {str(uri): rows for uri, rows in ledger}
    now = ((uri, staged.contents[uri].lines) for uri in todo.changed if uri in staged.contents)
    return sorted(uri for uri, rows in now if rows < (former[uri] or 0))


def _run_row(
    run_id: str, started: datetime, todo: Plan, staged: Staged, plays: int
) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "started_at": _milliseconds(started),
        "finished_at": _milliseconds(datetime.now(UTC)),
        "files": len(todo.sources),
        "bytes": todo.bytes,
        "events": staged.events,
        "songs": staged.songs,
        "plays": plays,
        "rejects": len(staged.rejects),
    }


def _milliseconds(when: datetime) -> int:
    return round(when.timestamp() * 1000)


def _ledger(stage: Stage, todo: Plan, staged: Staged, run: dict[str, Any]) -> Pipeline:
    """Return the statements that record a run, its files and the lines that it left out."""
    files = (
        {
            "uri": file.uri,
            "kind": kind,
            "etag": file.etag or staged.contents[file.uri].etag,
            "size": file.size,
            "stamp": file.stamp or None,
            "rows": staged.contents[file.uri].lines if file.uri in staged.contents else None,
            "run_id": run["run_id"],
        }
        for kind in ("songs", "events")
        for file in todo.of(kind)
    )
    rejects = ({"run_id": run["run_id"], **asdict(reject)} for reject in staged.rejects)
    again = [literal(uri, literal_execute=True) for uri in sorted(todo.changed)]
    statements: list[Executable] = [stage.copy(LoadRun, [run])]
    if again:
        statements.append(delete(LoadedFile).where(LoadedFile.uri.in_(again)))
    statements.append(stage.copy(LoadedFile, files))
    if staged.rejects:
        statements.append(stage.copy(LoadReject, rejects))
    return Pipeline(*statements)
