"""A pipeline: statements in order, that can be printed, sliced and run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import singledispatch
from html import escape
from time import perf_counter
from typing import TYPE_CHECKING, Any, overload

from sqlalchemy import Connection, CursorResult, Delete, Insert, Update
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import CompileError, StatementError
from sqlalchemy.sql.expression import ClauseElement, Executable

from musicbee_warehouse import display
from musicbee_warehouse.redshift.arguments import DRIVER
from musicbee_warehouse.statements import Copy

if TYPE_CHECKING:
    from musicbee_warehouse.diagrams import PipelineGraph


@dataclass(frozen=True)
class Step:
    """One statement that a pipeline ran: its name, the rows it touched, the seconds it took.

    ``rows`` is None where the database doesn't say.
    """

    name: str
    rows: int | None
    seconds: float


class Report(Sequence[Step]):
    """What a pipeline did, step by step; a table in a terminal and in a notebook."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = tuple(steps)

    def __len__(self) -> int:
        return len(self._steps)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> Report: ...
    def __getitem__(self, index: int | slice) -> Step | Report:
        if isinstance(index, slice):
            return Report(self._steps[index])
        return self._steps[index]

    @property
    def seconds(self) -> float:
        """The seconds that all steps took."""
        return sum(step.seconds for step in self)

    def to_records(self) -> list[dict[str, Any]]:
        """Return a dictionary a step, ready for ``pandas.DataFrame``."""
        return [asdict(step) for step in self]

    def __repr__(self) -> str:
        width = max((len(step.name) for step in self), default=4)
        lines = [f"{'step':<{width}} {'rows':>12} {'seconds':>8}"]
        lines += [f"{step.name:<{width}} {_rows(step):>12} {step.seconds:>8.3f}" for step in self]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        body = "".join(
            f"<tr><td style='text-align:left'>{escape(step.name)}</td>"
            f"<td>{_rows(step)}</td><td>{step.seconds:.3f}</td></tr>"
            for step in self
        )
        return (
            "<table><thead><tr><th style='text-align:left'>step</th><th>rows</th>"
            f"<th>seconds</th></tr></thead><tbody>{body}</tbody></table>"
        )


class Pipeline(Sequence[Executable]):
    """Statements in order: a sequence whose slice and whose sum are pipelines too.

    Any SQLAlchemy statement is a step. The caller owns the connection and its transaction.

    >>> from sqlalchemy import delete
    >>> from musicbee_warehouse.models import StagingEvent, StagingSong
    >>> pipeline = Pipeline(delete(StagingEvent), delete(StagingSong))
    >>> pipeline.names
    ['DELETE staging_events', 'DELETE staging_songs']
    >>> print(pipeline[:1])
    -- 1 of 1: DELETE staging_events
    DELETE FROM staging_events;
    """

    def __init__(self, *statements: Executable) -> None:
        self._statements = statements

    def __len__(self) -> int:
        return len(self._statements)

    @overload
    def __getitem__(self, index: int) -> Executable: ...
    @overload
    def __getitem__(self, index: slice) -> Pipeline: ...
    def __getitem__(self, index: int | slice) -> Executable | Pipeline:
        if isinstance(index, slice):
            return Pipeline(*self._statements[index])
        return self._statements[index]

    def __add__(self, other: Iterable[Executable]) -> Pipeline:
        return Pipeline(*self, *other)

    @property
    def names(self) -> list[str]:
        """The name of each step, such as ``COPY staging_events``."""
        return [step_name(statement) for statement in self]

    def compile(self, dialect: Dialect) -> str:
        """Return the script of all steps as a dialect spells it; no connection is needed.

        Raises:
            sqlalchemy.exc.CompileError: of a step that the engine has no words for, with its name.
        """
        return "\n\n".join(self._spell(position, dialect) for position in range(len(self)))

    def _spell(self, position: int, dialect: Dialect) -> str:
        statement, name = self[position], self.names[position]
        with self._naming(position):
            return f"-- {position + 1} of {len(self)}: {name}\n{_spell(statement, dialect)};"

    def __str__(self) -> str:
        """Return the script as Redshift spells it."""
        return self.compile(dialect_of("redshift"))

    def _repr_html_(self) -> str:
        steps = "".join(
            f"<details><summary>{position}. {escape(step_name(statement))}</summary>"
            f"{display.statement_html(_element(statement))}</details>"
            for position, statement in enumerate(self, start=1)
        )
        return f"<div><b>Pipeline of {len(self)} steps</b>{steps}</div>"

    def __repr__(self) -> str:
        return f"<Pipeline of {len(self)} steps: {', '.join(self.names)}>"

    def graph(self) -> PipelineGraph:
        """Return which step reads and which writes which table; it is drawn in a notebook.

        >>> from musicbee_warehouse import star
        >>> print(star.artists.graph())
            step               reads
          1 DELETE artist_dim  artist_dim, staging_songs
          2 INSERT artist_dim  artist_dim, staging_songs
        """
        from musicbee_warehouse.diagrams import PipelineGraph  # noqa: PLC0415 - it stands above

        return PipelineGraph.of(self.names, self)

    def run(
        self, connection: Connection, *, on_step: Callable[[int, str], None] | None = None
    ) -> Report:
        """Execute the steps one after the other in the caller's transaction.

        Args:
            connection: where to; commit and roll back are the caller's.
            on_step: called before each step with its position, from 0, and its name.

        Raises:
            sqlalchemy.exc.StatementError: of a step that fails, with the step's name in front.
            sqlalchemy.exc.CompileError: of a step that the engine has no words for, likewise.
        """
        return Report(
            self._run(connection, position, on_step or _nobody_listens)
            for position in range(len(self))
        )

    def _run(
        self, connection: Connection, position: int, on_step: Callable[[int, str], None]
    ) -> Step:
        statement, name = self[position], self.names[position]
        on_step(position, name)
        started = perf_counter()
        with self._naming(position):
            result = connection.execute(statement)
        return Step(name, _touched(result), perf_counter() - started)

    @contextmanager
    def _naming(self, position: int) -> Iterator[None]:
        """Let an error say at which step it came up."""
        place = f"step {position + 1} of {len(self)}: {self.names[position]}"
        try:
            yield
        except StatementError as error:
            error.add_detail(place)
            raise
        except CompileError as error:
            raise CompileError(f"({place}) {error}") from error


def dialect_of(name: str) -> Dialect:
    """Return the dialect of an engine by its short name, ``redshift`` or ``duckdb``, to print SQL.

    >>> dialect_of("redshift").name
    'redshift'
    """
    drivers = {"redshift": DRIVER, "duckdb": "duckdb"}
    make: Callable[..., Dialect] = make_url(f"{drivers[name]}://").get_dialect()
    # A style of parameters without percent signs, so that those of literals aren't doubled.
    return make(paramstyle="named")


@singledispatch
def step_name(statement: Executable) -> str:
    """Return what a step is called: its verb and its table."""
    return type(statement).__name__.upper()


@step_name.register(Copy)
@step_name.register(Insert)
@step_name.register(Update)
@step_name.register(Delete)
def _(statement: Any) -> str:
    return f"{type(statement).__name__.upper()} {statement.table.name}"


def _element(statement: Executable) -> ClauseElement:
    assert isinstance(statement, ClauseElement)  # noqa: S101 - every Executable of SQLAlchemy is
    return statement


def _spell(statement: Executable, dialect: Dialect) -> str:
    compiled = _element(statement).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    return "\n".join(line.rstrip() for line in str(compiled).splitlines())


def _touched(result: CursorResult[Any]) -> int | None:
    return result.rowcount if result.rowcount >= 0 else None


def _rows(step: Step) -> str:
    return "" if step.rows is None else f"{step.rows:,}"


def _nobody_listens(position: int, name: str) -> None:
    pass
