"""What must hold of the warehouse, derived from its models, and proved before a run commits.

Neither engine enforces the keys that the models declare. A run looks only at the rows that it may
have touched; :func:`check` looks at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    Select,
    String,
    Table,
    cast,
    func,
    literal,
    literal_column,
    select,
    union_all,
)

from musicbee_warehouse import star
from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.models import Base, SongplayFact, StagingEvent, UnmatchedSongplay
from musicbee_warehouse.statements.functions import byte_length

_EXAMPLES = 3
_TELLING = 1000
"""From so many events on, a column that is wholly NULL tells that something is wrong."""
_NOT_PROVED = ("staging_", "load_lock")


class CheckError(WarehouseError):
    """Something that must hold of the warehouse doesn't; the run that broke it is rolled back."""


@dataclass(frozen=True)
class Check:
    """Something that must hold of a table, with a query of the keys for which it doesn't.

    Attributes:
        name: what is to hold, such as ``songplay_fact.user_id is in user_dim``.
        violations: one column, the keys; no row if all is well.
    """

    name: str
    violations: Select[Any]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        name: what is to hold.
        violations: for how many keys it doesn't.
        examples: up to three of the keys.
    """

    name: str
    violations: int
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.violations:
            return f"{self.name}: holds"
        shown = ", ".join(self.examples)
        return f"{self.name}: doesn't hold for {self.violations:,} keys, such as {shown}"


def checks(within: Mapping[Table, Select[Any]] | None = None) -> list[Check]:
    """Return what must hold of the tables, by their declared keys.

    Args:
        within: the keys to look at, of the tables of which not all are looked at.

    >>> [str(each) for each in checks()][:2]
    ['artist_dim.artist_id is unique', 'load_run.run_id is unique']
    """
    tables = [t for t in Base.metadata.sorted_tables if not t.name.startswith(_NOT_PROVED)]
    return [check for table in tables for check in _key_checks(table, within or {})]


def _key_checks(table: Table, within: Mapping[Table, Select[Any]]) -> Iterator[Check]:
    keys = table.primary_key.columns.values()
    if len(keys) == 1 and not table.name.startswith("load_reject"):
        (key,) = keys
        rows = _touched(select(key), key, within)
        yield Check(
            f"{table.name}.{key.name} is unique",
            rows.group_by(key).having(func.count() > literal_column("1")),
        )
    for column in table.columns:
        for foreign in column.foreign_keys:
            yield _reference_check(column, foreign.column, within)


def _reference_check(
    column: Column[Any], target: Column[Any], within: Mapping[Table, Select[Any]]
) -> Check:
    table = column.table
    assert isinstance(table, Table)  # noqa: S101 - a model's column has one
    other = target.table.alias("other")
    orphans = (
        select(column)
        .outerjoin(other, other.c[target.name] == column)
        .where(column.is_not(None), other.c[target.name].is_(None))
        .distinct()
    )
    for key in table.primary_key.columns:
        orphans = _touched(orphans, key, within)
    return Check(f"{table.name}.{column.name} is in {target.table.name}", orphans)


def _touched(
    rows: Select[Any], key: Column[Any], within: Mapping[Table, Select[Any]]
) -> Select[Any]:
    keys = within.get(key.table) if isinstance(key.table, Table) else None
    return rows if keys is None else rows.where(key.in_(keys))


def width_checks() -> list[Check]:
    """Return that text fits the bytes of its column, which DuckDB doesn't enforce."""
    return [
        Check(
            f"{table.name}.{column.name} takes {column.type.length} bytes",
            select(column).where(byte_length(column) > literal_column(str(column.type.length))),
        )
        for table in Base.metadata.sorted_tables
        if not table.name.startswith(_NOT_PROVED)
        for column in table.columns
        if isinstance(column.type, String) and column.type.length
    ]


def matched_check() -> Check:
    """Return that a play is either matched to a song or waits for one: plays = both together."""
    fact, waiting = SongplayFact.__table__, UnmatchedSongplay.__table__
    without = select(func.count()).select_from(fact).where(fact.c.song_id.is_(None))
    waits = select(func.count()).select_from(waiting)
    return Check(
        "plays = matched + unmatched",
        select(without.scalar_subquery().label("key")).where(
            without.scalar_subquery() != waits.scalar_subquery()
        ),
    )


def staged_checks(events: int) -> list[Check]:
    """Return what must hold of staging: no column wholly NULL, which a misspelt key would cause.

    A column may be so by chance in few rows, and some are in many.
    """
    if events < _TELLING:
        return []
    table = StagingEvent.__table__
    filled = select(*(func.count(column).label(column.name) for column in table.columns)).subquery(
        "filled"
    )
    return [
        Check(
            f"staging_events.{column.name} is filled",
            select(literal_column(f"'{column.name}'").label("key")).where(
                filled.c[column.name] == literal_column("0")
            ),
        )
        for column in table.columns
    ]


def run_checks(connection: Connection, which: list[Check]) -> list[Checked]:
    """Ask all in one statement, then those that don't hold for examples."""
    counts = [
        select(literal(position, Integer, literal_execute=True), func.count()).select_from(
            each.violations.subquery()
        )
        for position, each in enumerate(which)
    ]
    found = dict(connection.execute(union_all(*counts)).tuples().all())
    return [
        Checked(each.name, found[position], _examples(connection, each, found[position]))
        for position, each in enumerate(which)
    ]


def _examples(connection: Connection, check: Check, violations: int) -> tuple[str, ...]:
    if not violations:
        return ()
    (column,) = check.violations.subquery().c
    keys = select(cast(column, String(256))).order_by(column).limit(literal_column(str(_EXAMPLES)))
    return tuple(str(key) for key in connection.scalars(keys))


def require(found: list[Checked]) -> None:
    """Raise a CheckError if something doesn't hold."""
    if broken := [each for each in found if each.violations]:
        raise CheckError(
            f"{broken[0]}; nothing was loaded. Repair the files, or load them with full_refresh"
        )


def touched(before: Mapping[str, int], staged: int) -> dict[Table, Select[Any]]:
    """Return the keys that a run may have touched, of tables much larger than what it staged."""
    return {
        table: keys for table, keys in star.staged_keys().items() if before[table.name] > staged
    }


def check(engine: Engine) -> list[Checked]:
    """Prove the whole warehouse, and return what was found; nothing changes.

    Every declared primary key unique, every foreign key covered, text within its bytes, every play
    matched or waiting. That columns are NOT NULL is enforced by both engines.

    >>> from musicbee_warehouse import connect, create_tables
    >>> engine = connect("duckdb:///:memory:")
    >>> create_tables(engine)
    >>> print(check(engine)[0])
    artist_dim.artist_id is unique: holds
    """
    with engine.connect() as connection:
        return run_checks(connection, [*checks(), matched_check(), *width_checks()])
