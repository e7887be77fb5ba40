"""The graph of a pipeline: which step reads and which writes which table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.sql.expression import Executable

from musicbee_warehouse.diagrams.drawing import Box, Drawing, End, Line, Picture, Row
from musicbee_warehouse.diagrams.mermaid import flowchart
from musicbee_warehouse.diagrams.sources import read, written
from musicbee_warehouse.diagrams.tables import kind_of


@dataclass(frozen=True)
class StepFlow:
    """What a step of a pipeline reads and writes.

    Attributes:
        number: its place in the pipeline, from 1.
        name: such as ``INSERT song_dim``.
        reads: the tables, or the addresses of the files, that it reads.
        writes: the table that it writes; None for a query.
    """

    number: int
    name: str
    reads: tuple[str, ...]
    writes: str | None


@dataclass(frozen=True, repr=False)
class PipelineGraph(Picture):
    """The steps of a pipeline with the tables that they read and write.

    It is a table in a terminal. The picture shows each table with the steps that write it, and
    a line from each table that a step reads; a step that reads the very table that it writes has
    no line for that.

    Attributes:
        steps: in the order of the pipeline.
    """

    steps: tuple[StepFlow, ...]

    @classmethod
    def of(cls, names: Iterable[str], statements: Iterable[Executable]) -> PipelineGraph:
        """Read the graph off statements, which are called by these names."""
        return cls(
            tuple(
                StepFlow(number, name, tuple(read(statement)), written(statement))
                for number, (name, statement) in enumerate(
                    zip(names, statements, strict=True), start=1
                )
            )
        )

    @property
    def tables(self) -> list[str]:
        """The tables and the addresses of files, in the order in which the steps meet them."""
        return list(
            dict.fromkeys(name for step in self.steps for name in (*step.reads, _place(step)))
        )

    def to_records(self) -> list[dict[str, Any]]:
        """Return a dictionary a step, ready for ``pandas.DataFrame``."""
        return [
            {"step": s.number, "name": s.name, "reads": list(s.reads), "writes": s.writes}
            for s in self.steps
        ]

    def drawing(self) -> Drawing:
        """Return a box for each table, whose rows are the steps that write it."""
        rows = {name: [s for s in self.steps if _place(s) == name] for name in self.tables}
        boxes = (
            Box(
                name,
                self._kind(name),
                rows=tuple(Row(_verb(s), before=f"{s.number:>2}") for s in steps if s.writes),
            )
            for name, steps in rows.items()
        )
        lines = (
            Line(End(table), End(place, rows[place].index(step) if step.writes else None))
            for step in self.steps
            for place in (_place(step),)
            for table in step.reads
            if table != place
        )
        return Drawing("Steps and tables of a pipeline", tuple(boxes), tuple(dict.fromkeys(lines)))

    def mermaid(self) -> str:
        """Return a Mermaid flowchart of the tables, whose links bear the numbers of the steps."""
        rows: dict[str, list[str]] = {}
        links: dict[tuple[str, str], list[str]] = {}
        for step in self.steps:
            place = _place(step)
            if step.writes:
                rows.setdefault(place, []).append(f"{step.number} {_verb(step)}")
            for table in step.reads:
                if table != place:
                    links.setdefault((table, place), []).append(str(step.number))
        return flowchart(
            {name: self._kind(name) for name in self.tables},
            {pair: ", ".join(numbers) for pair, numbers in links.items()},
            rows,
        )

    def _kind(self, name: str) -> str:
        is_query = any(_place(step) == name and not step.writes for step in self.steps)
        return "query" if is_query else kind_of(name)

    def __repr__(self) -> str:
        width = max((len(step.name) for step in self.steps), default=4)
        lines = [f"{'':>3} {'step':<{width}}  reads"]
        lines += [
            f"{step.number:>3} {step.name:<{width}}  {', '.join(step.reads)}".rstrip()
            for step in self.steps
        ]
        return "\n".join(lines)


def _place(step: StepFlow) -> str:
    """Return the box of a step: the table that it writes; a query has a box of its own."""
    return step.writes or f"{step.number} {step.name}"


def _verb(step: StepFlow) -> str:
    return step.name.split(" ")[0]
