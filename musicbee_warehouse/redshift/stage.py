"""Staging on Redshift: COPY reads the bucket itself, by a role; no row comes through the client.

All of a run is one transaction, whose first statement locks a table that nobody reads. So two runs
never plan from the same ledger, whatever the isolation level, and readers of the star go on
(https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, Table, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import Executable

from musicbee_warehouse import star
from musicbee_warehouse.errors import InputError, WarehouseError
from musicbee_warehouse.loading.planning import Plan, human
from musicbee_warehouse.loading.sources import SourceFile
from musicbee_warehouse.loading.stage import (
    Options,
    Progress,
    Reject,
    Staged,
    parts,
    script_of,
    staging_table,
)
from musicbee_warehouse.models import Base, LoadLock, jsonpaths
from musicbee_warehouse.pipeline import Pipeline, Step
from musicbee_warehouse.redshift import load_errors
from musicbee_warehouse.redshift.connection import IAM_ROLE, WORK
from musicbee_warehouse.redshift.failures import may_pass
from musicbee_warehouse.redshift.locks import lock
from musicbee_warehouse.redshift.work import Work, json_lines, manifest, require_apart
from musicbee_warehouse.statements import Copy, CopyOptions


class RedshiftStage:
    """Stages files of a bucket on a Redshift engine."""

    def __init__(self, engine: Engine, options: Options) -> None:
        told = engine.get_execution_options()
        address = options.work or told.get(WORK)
        _require_s3(options.sources)
        if not address:
            raise WarehouseError(
                "a load on Redshift writes manifests for COPY to read; give "
                "work='s3://bucket/prefix/', apart from the files"
            )
        require_apart(address, options.sources)
        self._options = options
        self._role = options.iam_role or told.get(IAM_ROLE) or "default"
        self._work = Work(address)
        self._jsonpaths: dict[str, str] = {}
        self._wait = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._work.remove()

    def exists(self) -> bool:
        """Return True: a URL names a database that is there, or connecting says that it isn't."""
        return True

    @contextmanager
    def holding(self, *, wait: bool) -> Iterator[None]:
        """Note whether to wait: it is each transaction that locks, see :meth:`begin`."""
        self._wait = wait
        yield

    def tables(self, connection: Connection) -> AbstractContextManager[None]:  # noqa: ARG002
        """Do nothing: the staging tables stand, and keep their rows until the next run."""
        return nullcontext()

    def begin(self, connection: Connection, run_id: str) -> None:
        """Lock, before the transaction's snapshot is taken; the lock ends with it."""
        lock(connection, LoadLock.__tablename__, wait=self._wait)
        self._work.open(run_id)
        self._jsonpaths = {}

    def may_pass(self, error: Exception) -> bool:
        """Tell whether the connection was lost, or another transaction was in the way."""
        return may_pass(error)

    def steps(self, plan: Plan) -> int:
        """Return how many steps the staging of a plan takes."""
        notes = len(star.note_overrides) if plan.changed else 0
        return len(star.clear_staging) + notes + len(_copies(plan))

    def script(self, plan: Plan) -> Pipeline:
        """Return the statements that stage a plan; the manifests are written when it is loaded."""

        def copy(position: int, kind: str, files: Sequence[SourceFile]) -> Copy:
            table = staging_table(kind)
            return Copy(
                table,
                self._work.address(f"{position}-{table.name}.manifest"),
                jsonpaths=self._work.address(f"{table.name}.jsonpaths"),
                iam_role=self._role,
                options=CopyOptions(manifest=True, gzip=_is_gzip(files[0]), compupdate=False),
            )

        return script_of(
            (changed, copy(position, kind, files))
            for position, (kind, changed, files) in enumerate(_copies(plan))
        )

    def stage(self, connection: Connection, plan: Plan, progress: Progress) -> Staged:
        """Put the rows of the files into the staging tables, changed files first."""
        staged = Staged()
        staged.steps += progress.run(star.clear_staging, connection)
        noted = not plan.changed
        for kind, changed, files in _copies(plan):
            if not changed and not noted:
                staged.steps += progress.run(star.note_overrides, connection)
                noted = True
            self._copy(connection, kind, files, staged, progress)
        if not noted:
            staged.steps += progress.run(star.note_overrides, connection)
        return staged

    def explain(self, plan: Plan, error: DBAPIError) -> None:
        """Do nothing: what COPY took and the star can't was looked for as it was staged."""

    def flushing(self) -> AbstractContextManager[None]:
        """Do nothing: a cluster writes to its disks by itself."""
        return nullcontext()

    def copy(self, model: type[Base], rows: Iterable[dict[str, Any]]) -> Executable:
        """Return the statement that adds rows of ours to a table of the ledger."""
        address = self._work.write(f"{model.__tablename__}.json", json_lines(rows))
        region = self._work.region(self._work.bucket)
        return Copy(
            model,
            address,
            iam_role=self._role,
            options=CopyOptions(region=region, compupdate=False),
        )

    def _copy(
        self,
        connection: Connection,
        kind: str,
        files: Sequence[SourceFile],
        staged: Staged,
        progress: Progress,
    ) -> None:
        """Copy files of one kind, all plain or all gzip, and count what came of them."""
        table = staging_table(kind)
        progress.step(f"COPY {table.name}")
        size = human(sum(file.size for file in files))
        progress.show(f"COPY {table.name} ({len(files):,} files, {size})")
        started = perf_counter()
        copy = self._statement(table, files, len(staged.steps), len(staged.rejects))
        try:
            Pipeline(copy).run(connection)
        except DBAPIError as error:
            load_errors.explain(connection, error, table, files, self._work.client)
            raise
        rows = connection.scalar(select(func.pg_last_copy_count())) or 0
        if self._options.max_errors:
            rows -= self._leave_out(connection, table, files, staged)
        elif unfit := connection.scalar(star.unfit[table]) if table in star.unfit else 0:
            load_errors.diagnose(table, files, self._work.client)
            raise WarehouseError(f"{table.name}: {unfit} rows are nothing that the star can take")
        staged.steps.append(Step(f"COPY {table.name}", rows, perf_counter() - started))
        setattr(staged, kind, getattr(staged, kind) + rows)

    def _statement(
        self, table: Table, files: Sequence[SourceFile], position: int, left_out: int
    ) -> Copy:
        region = self._one_region(files)
        if table.name not in self._jsonpaths:
            document = json.dumps(jsonpaths(_model(table))).encode()
            self._jsonpaths[table.name] = self._work.write(f"{table.name}.jsonpaths", document)
        name = f"{position}-{table.name}.manifest"
        most = self._options.max_errors
        return Copy(
            table,
            self._work.write(name, manifest(file.uri for file in files)),
            jsonpaths=self._jsonpaths[table.name],
            iam_role=self._role,
            options=CopyOptions(
                manifest=True,
                gzip=_is_gzip(files[0]),
                # COPY fails at so many faults, and goes on at one less.
                max_errors=min(most + 1 - left_out, 100_000) if most else 0,
                region=region,
                compupdate=False,
            ),
        )

    def _one_region(self, files: Sequence[SourceFile]) -> str | None:
        """Return the region of all that a COPY reads; it takes one alone."""
        buckets = dict.fromkeys(file.uri.split("/")[2] for file in files)
        regions = {bucket: self._work.region(bucket) for bucket in (*buckets, self._work.bucket)}
        if len(set(regions.values())) > 1:
            places = " and ".join(f"{bucket} in {region}" for bucket, region in regions.items())
            raise WarehouseError(
                f"COPY reads files and work prefix from one region, not {places}; "
                "give a work prefix in the region of the files"
            )
        return regions[self._work.bucket]

    def _leave_out(
        self, connection: Connection, table: Table, files: Sequence[SourceFile], staged: Staged
    ) -> int:
        """Note the lines that COPY left out, and leave out what the star can't take.

        Returns how many rows the latter were.
        """
        rejects = load_errors.rejects(connection, table, files, self._work.client)
        unfit = 0
        if table in star.unfit and connection.scalar(star.unfit[table]):
            found = load_errors.unfit(table, files, self._work.client)
            places = {(reject.uri, reject.line) for reject in found}
            others = [reject for reject in rejects if (reject.uri, reject.line) not in places]
            rejects = found + others
            (step,) = Pipeline(star.remove_unfit[table]).run(connection)
            unfit = step.rows or 0
        staged.rejects += rejects
        _require_few(staged.rejects, self._options.max_errors)
        return unfit


def _copies(plan: Plan) -> list[tuple[str, bool, list[SourceFile]]]:
    """Return the parts of a plan, plain files apart from gzip: COPY is told which they are."""
    return [
        (kind, changed, some)
        for kind, changed, files in parts(plan)
        for packed in (False, True)
        if (some := [file for file in files if _is_gzip(file) is packed])
    ]


def _is_gzip(file: SourceFile) -> bool:
    return file.uri.endswith(".gz")


def _require_s3(sources: Sequence[str]) -> None:
    """Refuse files of this machine: what to upload, and where to, is for the user to decide."""
    for source in sources:
        if not source.startswith("s3://"):
            raise WarehouseError(
                f"Redshift reads from S3 alone, and {source} is on this machine; upload it with "
                f"'aws s3 cp --recursive {source} s3://bucket/folder' and give that address"
            )


def _require_few(rejects: Sequence[Reject], most: int) -> None:
    if len(rejects) > most:
        last = rejects[most]
        raise InputError(
            f"{last.reason}; that is one more than max_errors, {most:,}, lets be left out",
            file=last.uri,
            line=last.line,
        )


def _model(table: Table) -> type[Base]:
    return next(m.class_ for m in Base.registry.mappers if m.local_table is table)
