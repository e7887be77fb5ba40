"""How files get into the staging tables: what is asked of each engine's way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import Executable

from musicbee_warehouse import star
from musicbee_warehouse.loading.content import Content
from musicbee_warehouse.loading.planning import Plan
from musicbee_warehouse.loading.sources import SourceFile
from musicbee_warehouse.models import Base, StagingEvent, StagingSong
from musicbee_warehouse.pipeline import Pipeline, Report, Step

_MODELS: dict[str, type[Base]] = {"events": StagingEvent, "songs": StagingSong}

OnStep = Callable[[int, int, str], None]
"""Called before each step with its position, from 0, the number of steps and the step's name.

A long step is told again as it gets on, with files and bytes. What comes before the first step has
0 for the number of steps, which isn't known yet.
"""


@dataclass(frozen=True)
class Reject:
    """A line that was left out."""

    uri: str
    line: int
    reason: str
    text: str | None


@dataclass
class Staged:
    """What was staged: the rows and what was read of each file.

    Attributes:
        events: how many events were staged.
        songs: how many songs were staged.
        steps: what each statement did.
        contents: what each file holds that was read on this machine, by its address.
        rejects: the lines that were left out.
    """

    events: int = 0
    songs: int = 0
    steps: list[Step] = field(default_factory=list)
    contents: dict[str, Content] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)


@dataclass(frozen=True)
class Options:
    """What was asked of a load.

    Attributes:
        sources: the addresses of the files, as they were given.
    """

    max_errors: int = 0
    batch_bytes: int | None = None
    full_refresh: bool = False
    keep_staging: bool = False
    may_be_empty: tuple[str, ...] = ()
    iam_role: str | None = None
    work: str | None = None
    sources: tuple[str, ...] = ()


class Stage(Protocol):
    """How an engine stages files; each engine has its own."""

    def exists(self) -> bool:
        """Tell whether there is a database to look into, without making one."""

    def holding(self, *, wait: bool) -> AbstractContextManager[None]:
        """Keep other loads of the same warehouse away."""

    def tables(self, connection: Connection) -> AbstractContextManager[None]:
        """Let the staging tables stand as a run needs them."""

    def begin(self, connection: Connection, run_id: str) -> None:
        """Be the first in a transaction that decides what is new."""

    def may_pass(self, error: Exception) -> bool:
        """Tell whether a run that failed so may succeed when it is tried again."""

    def steps(self, plan: Plan) -> int:
        """Return how many steps the staging of a plan takes."""

    def script(self, plan: Plan) -> Pipeline:
        """Return the statements that stage a plan, to be read: nothing is written for them."""

    def stage(self, connection: Connection, plan: Plan, progress: Progress) -> Staged:
        """Put the rows of the files into the staging tables."""

    def explain(self, plan: Plan, error: DBAPIError) -> None:
        """Raise an InputError if a file is to blame for what failed."""

    def flushing(self) -> AbstractContextManager[None]:
        """Let what the run wrote go to the disk meanwhile, so that its commit waits for less."""

    def copy(self, model: type[Base], rows: Iterable[dict[str, Any]]) -> Executable:
        """Return the statement that adds rows of ours to a table of the ledger."""


def parts(plan: Plan) -> list[tuple[str, bool, Sequence[SourceFile]]]:
    """Return the files of each kind, those that changed before those that are new."""
    found = [
        (kind, changed, plan.of(kind, changed=changed))
        for changed in (True, False)
        for kind in _MODELS
    ]
    return [part for part in found if part[2]]


def script_of(copies: Iterable[tuple[bool, Executable]]) -> Pipeline:
    """Return the statements that stage files, of copies that are or aren't of changed files.

    The keys of changed files are noted while these alone are staged.
    """
    copied = list(copies)
    changed = [copy for is_changed, copy in copied if is_changed]
    new = [copy for is_changed, copy in copied if not is_changed]
    notes = star.note_overrides if changed else Pipeline()
    return star.clear_staging + changed + notes + new


def staging_table(kind: str) -> Table:
    """Return the table that files of a kind are copied into.

    >>> staging_table("events").name
    'staging_events'
    """
    return Base.metadata.tables[_MODELS[kind].__tablename__]


class Progress:
    """Counts the steps of all parts of a run as those of one whole."""

    def __init__(self, on_step: OnStep | None, total: int) -> None:
        self._on_step, self._total, self._done = on_step, total, 0

    def step(self, name: str) -> None:
        """Tell that a step begins."""
        self._done += 1
        self.show(name)

    def show(self, name: str) -> None:
        """Tell how a long step gets on."""
        if self._on_step:
            self._on_step(self._done - 1, self._total, name)

    def run(self, pipeline: Pipeline, connection: Connection) -> Report:
        """Run a part."""
        return pipeline.run(connection, on_step=lambda _, name: self.step(name))
