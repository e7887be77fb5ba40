"""What a load did."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from sqlalchemy import Engine, select

from musicbee_warehouse.engine import require_tables
from musicbee_warehouse.loading.checks import Checked
from musicbee_warehouse.loading.planning import counted, human
from musicbee_warehouse.models import LoadRun
from musicbee_warehouse.pipeline import Report


@dataclass(frozen=True, repr=False)
class LoadReport:
    """What a load read, did and left behind; a table in a terminal and in a notebook.

    Attributes:
        run_ids: what the ledger calls the run, or the runs of several batches; none if nothing was
            to be loaded.
        files: how many files were loaded.
        changed: how many of them had been loaded before they changed.
        known: how many files were passed over, because they are loaded as they are.
        bytes: the size of the files loaded.
        events: how many events were staged.
        songs: how many songs were staged.
        shrunk: changed files that have fewer rows than when they were loaded; what is no longer in
            them stays in the star until a full refresh.
        rejects: how many lines were left out; ``load_reject`` lists them.
        checks: what was proved before each commit.
        steps: what each statement did, see :class:`musicbee_warehouse.Report`.
        rows: the rows of each table of the star, before and after.
        seconds: how long the load took, from listing the files to the commit.
    """

    run_ids: tuple[str, ...]
    files: int
    changed: int
    known: int
    bytes: int
    events: int
    songs: int
    shrunk: tuple[str, ...]
    rejects: int
    checks: tuple[Checked, ...]
    steps: Report
    rows: dict[str, tuple[int, int]]
    seconds: float

    @property
    def summary(self) -> str:
        """One line: files, bytes, seconds, and what was passed over or left out."""
        if not self.files:
            known = counted(self.known, "file is", "files are")
            return f"Nothing to load: {known} loaded already"
        known = f"; {counted(self.known, 'was', 'were')} loaded already" if self.known else ""
        changed = f", {self.changed:,} of them changed since" if self.changed else ""
        lines = counted(self.rejects, "line", "lines")
        rejects = f"; {lines} left out" if self.rejects else ""
        shrunk = ""
        if self.shrunk:
            files = counted(len(self.shrunk), "changed file has", "changed files have")
            shrunk = f"; {files} fewer rows now, the others stay until a full refresh"
        return (
            f"Loaded {counted(self.files, 'file', 'files')} ({human(self.bytes)}){changed} "
            f"in {self.seconds:.2f} s{known}{rejects}{shrunk}"
        )

    @property
    def proof(self) -> str:
        """One line: how many checks were made before the commit, and what the runs are called."""
        runs = f"{'run' if len(self.run_ids) == 1 else 'runs'} {', '.join(self.run_ids)}"
        return f"{len(self.checks):,} checks hold; {runs}" if self.run_ids else "Nothing changed"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, ready for JSON."""
        return {
            "run_ids": list(self.run_ids),
            "files": self.files,
            "changed": self.changed,
            "known": self.known,
            "events": self.events,
            "songs": self.songs,
            "shrunk": list(self.shrunk),
            "rejects": self.rejects,
            "checks": [each.to_dict() for each in self.checks],
            "bytes": self.bytes,
            "seconds": self.seconds,
            "steps": self.steps.to_records(),
            "rows": {
                table: {"before": before, "after": after}
                for table, (before, after) in self.rows.items()
            },
        }

    def __repr__(self) -> str:
        lines = [self.summary, "", f"{'table':<20} {'before':>12} {'now':>12}"]
        lines += [
            f"{table:<20} {before:>12,} {after:>12,}"
            for table, (before, after) in self.rows.items()
        ]
        return "\n".join([*lines, "", self.proof, "", repr(self.steps)])

    def _repr_html_(self) -> str:
        body = "".join(
            f"<tr><td style='text-align:left'>{escape(table)}</td><td>{before:,}</td>"
            f"<td>{after:,}</td></tr>"
            for table, (before, after) in self.rows.items()
        )
        return (
            f"<p>{escape(self.summary)}</p><table><thead><tr><th style='text-align:left'>table</th>"
            f"<th>before</th><th>now</th></tr></thead><tbody>{body}</tbody></table>"
            f"<p>{escape(self.proof)}</p>"
            f"<details><summary>steps</summary>{self.steps._repr_html_()}</details>"
        )


def runs(engine: Engine, last: int = 10) -> list[dict[str, Any]]:
    """Return the last runs of the ledger, the newest first, with their files, rows and times.

    >>> from musicbee_warehouse import connect, create_tables
    >>> engine = connect("duckdb:///:memory:")
    >>> create_tables(engine)
    >>> runs(engine)
    []
    """
    newest = select(LoadRun.__table__).order_by(LoadRun.started_at.desc(), LoadRun.run_id)
    with engine.connect() as connection:
        require_tables(connection)
        rows = connection.execute(newest).mappings().fetchmany(last)
        return [dict(row) for row in rows]
