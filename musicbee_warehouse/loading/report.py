"""What a load did."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from musicbee_warehouse.pipeline import Report


@dataclass(frozen=True, repr=False)
class LoadReport:
    """What a load read, did and left behind; a table in a terminal and in a notebook.

    Attributes:
        files: how many files were read.
        bytes: their size.
        steps: what each statement did, see :class:`musicbee_warehouse.Report`.
        rows: the rows of each table of the star, before and after.
        seconds: how long the load took, from listing the files to the commit.
    """

    files: int
    bytes: int
    steps: Report
    rows: dict[str, tuple[int, int]]
    seconds: float

    @property
    def summary(self) -> str:
        """One line: files, bytes, seconds."""
        size = f"{self.bytes / 1e6:,.1f} MB" if self.bytes >= 1e6 else f"{self.bytes / 1e3:,.1f} kB"
        return f"Loaded {self.files:,} files ({size}) in {self.seconds:.2f} s"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, ready for JSON."""
        return {
            "files": self.files,
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
        return "\n".join([*lines, "", repr(self.steps)])

    def _repr_html_(self) -> str:
        body = "".join(
            f"<tr><td style='text-align:left'>{escape(table)}</td><td>{before:,}</td>"
            f"<td>{after:,}</td></tr>"
            for table, (before, after) in self.rows.items()
        )
        return (
            f"<p>{escape(self.summary)}</p><table><thead><tr><th style='text-align:left'>table</th>"
            f"<th>before</th><th>now</th></tr></thead><tbody>{body}</tbody></table>"
            f"<details><summary>steps</summary>{self.steps._repr_html_()}</details>"
        )
