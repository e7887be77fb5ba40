"""What the stand-in was asked, in order, and what it is told to do wrong."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import overload

from standin.tokens import Refused


@dataclass(frozen=True)
class Statement:
    """A statement that a client sent.

    Attributes:
        sql: as it was sent.
        connection: the number of the connection, counted from 1 in the session of tests.
        parameters: the bound values, those that were sent as text.
        error: what the client was told, if the statement failed; and ``state``, its SQLSTATE.
        of_stand_in: whether a test of the stand-in itself sent it.
    """

    sql: str
    connection: int
    parameters: tuple[str, ...] = ()
    error: str = ""
    state: str = ""
    of_stand_in: bool = False

    @property
    def verb(self) -> str:
        """The first word, in capitals."""
        found = re.match(r"(\s|--[^\n]*\n|/\*.*?\*/)*(\w+)", self.sql, re.DOTALL)
        return found.group(2).upper() if found else ""


class Statements(Sequence[Statement]):
    """The statements that were run, or refused, in order.

    ``with cloud.statements.recorded() as asked:`` gives those of a block alone. Statements by which
    a driver begins and ends transactions are among them: :meth:`work` leaves them out.
    """

    of_stand_in = False
    """Whether what arrives now is sent by a test of the stand-in itself."""

    def __init__(self, statements: Sequence[Statement] = ()) -> None:
        self._statements = list(statements)
        self._lock = threading.Lock()
        self._listeners: list[Statements] = []

    @overload
    def __getitem__(self, place: int) -> Statement: ...

    @overload
    def __getitem__(self, place: slice) -> Statements: ...

    def __getitem__(self, place: int | slice) -> Statement | Statements:
        found = self._statements[place]
        return found if isinstance(found, Statement) else Statements(found)

    def __len__(self) -> int:
        return len(self._statements)

    def __repr__(self) -> str:
        return "\n".join(f"{each.connection}: {each.sql}" for each in self._statements)

    @property
    def sql(self) -> list[str]:
        """The texts."""
        return [statement.sql for statement in self._statements]

    @property
    def connections(self) -> set[int]:
        """The numbers of the connections that they came by."""
        return {statement.connection for statement in self._statements}

    def of(self, *verbs: str) -> Statements:
        """Return the statements that begin with one of these words."""
        return Statements([each for each in self._statements if each.verb in verbs])

    def work(self) -> Statements:
        """Return the statements that aren't a driver's BEGIN, COMMIT or ROLLBACK."""
        ends = ("BEGIN", "START", "COMMIT", "ROLLBACK", "END")
        return Statements([each for each in self._statements if each.verb not in ends])

    def add(self, statement: Statement) -> None:
        """Add one; the front does it."""
        if self.of_stand_in:
            statement = replace(statement, of_stand_in=True)
        with self._lock:
            self._statements.append(statement)
            for listener in self._listeners:
                listener.add(statement)

    @contextmanager
    def recorded(self) -> Iterator[Statements]:
        """Yield the statements that arrive during a block."""
        heard = Statements()
        with self._lock:
            self._listeners.append(heard)
        try:
            yield heard
        finally:
            with self._lock:
                self._listeners.remove(heard)


class Dropped(Exception):  # noqa: N818 - what happens to a connection
    """The connection to the client is to be closed, as by a failing network."""


@dataclass
class Fault:
    """Something that goes wrong once a statement arrives."""

    pattern: re.Pattern[str]
    times: int
    error: Refused | None = None
    after: bool = False


class Faults:
    """What is to go wrong, and when.

    A fault strikes the next statement, of any connection, in which its pattern is found; then it is
    gone, or after so many times. :meth:`clear` takes all back; the fixture ``faults`` does so at
    the end of a test.
    """

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def close_before(self, statement: str = r"^\s*commit", *, times: int = 1) -> None:
        """Close the connection instead of running a statement, whose transaction is undone."""
        self._add(Fault(re.compile(statement, re.IGNORECASE), times))

    def close_after(self, statement: str = r"^\s*commit", *, times: int = 1) -> None:
        """Run a statement, then close the connection without a word."""
        self._add(Fault(re.compile(statement, re.IGNORECASE), times, after=True))

    def refuse(self, statement: str, error: Refused, *, times: int = 1) -> None:
        """Answer with an error, which fails the transaction."""
        self._add(Fault(re.compile(statement, re.IGNORECASE), times, error))

    def violate_isolation(self, statement: str = r"^\s*commit", *, times: int = 1) -> None:
        """Answer that the transaction isn't serializable with others."""
        self.refuse(statement, isolation_violation(), times=times)

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._faults.clear()

    def take(self, sql: str) -> Fault | None:
        """Return the fault that strikes a statement, if one does; the front asks."""
        with self._lock:
            for fault in self._faults:
                if fault.pattern.search(sql):
                    fault.times -= 1
                    if not fault.times:
                        self._faults.remove(fault)
                    return fault
        return None

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)


def isolation_violation(table: int = 100_167) -> Refused:
    """Return Redshift's error 1023, as the driver reports it.

    https://github.com/aws/aws-sdk-pandas/issues/665 shows it word for word.
    """
    return Refused(
        "1023",
        "XX000",
        f"Serializable isolation violation on table - {table}, "
        "transactions forming the cycle are: 1745830, 1745762 (pid:15021)",
    )
