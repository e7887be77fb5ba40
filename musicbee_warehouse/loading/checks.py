"""What must hold of the warehouse, derived from its models, and proved before a run commits.

Neither engine enforces the keys that the models declare, nor DuckDB the bytes of a text. A run
looks only at the rows that it may have touched; :func:`check` looks at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Integer,
    Numeric,
    Select,
    String,
    Table,
    and_,
    cast,
    exists,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    union_all,
)

from musicbee_warehouse import star
from musicbee_warehouse.engine import require_tables
from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.models import (
    Base,
    SongplayFact,
    StagingEvent,
    StagingRepeat,
    StagingSong,
    TimeDim,
    UnmatchedSongplay,
)
from musicbee_warehouse.statements.functions import byte_length

_EXAMPLES = 3
_TELLING = 1000
"""From so many rows on, a staging column that is wholly NULL tells that something is wrong."""
_NOT_PROVED = ("staging_", "load_lock")
_ANEW = "load with full_refresh to build the star anew from the files"


class CheckError(WarehouseError):
    """Something that must hold of the warehouse doesn't; the run that broke it is rolled back."""


@dataclass(frozen=True)
class Check:
    """Something that must hold of a table, with a query of the keys for which it doesn't.

    Attributes:
        name: what is to hold, such as ``songplay_fact.user_id is in user_dim``.
        violations: one column, the keys; no row if all is well.
        remedy: what to do if it doesn't hold.
        parts: finer checks, which are asked only if this one doesn't hold.
        screen: a cheaper query than the count of violations, of one number that is 0 if all is
            well; what holds nearly always is to cost little.
    """

    name: str
    violations: Select[Any]
    remedy: str = _ANEW
    parts: tuple[Check, ...] = ()
    screen: Select[Any] | None = None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        name: what is to hold.
        violations: for how many keys it doesn't.
        examples: up to three of the keys.
        remedy: what to do if there are any.
    """

    name: str
    violations: int
    examples: tuple[str, ...] = ()
    remedy: str = _ANEW

    def to_dict(self) -> dict[str, Any]:
        """Return what was found as plain values, ready for JSON."""
        found: dict[str, Any] = {"check": self.name, "violations": self.violations}
        if self.violations:
            found |= {"examples": list(self.examples), "remedy": self.remedy}
        return found

    def __str__(self) -> str:
        if not self.violations:
            return f"{self.name}: holds"
        shown = f", such as {', '.join(self.examples)}" if self.examples else ""
        return f"{self.name}: doesn't hold for {self.violations:,}{shown}"


def checks(
    within: Mapping[Table, Select[Any]] | None = None, rows: Mapping[str, int] | None = None
) -> list[Check]:
    """Return what must hold of the tables, by their declared keys, types and NOT NULLs.

    Args:
        within: the keys to look at, of the tables of which not all are looked at.
        rows: how many rows the tables have, of those that were counted.

    >>> [str(each) for each in checks()][:2]
    ['artist_dim.artist_id is unique', 'artist_dim: values are there and fit']
    """
    tables = [t for t in Base.metadata.sorted_tables if not t.name.startswith(_NOT_PROVED)]
    return [check for table in tables for check in _table_checks(table, within, rows or {})]


def _table_checks(
    table: Table, within: Mapping[Table, Select[Any]] | None, rows: Mapping[str, int]
) -> Iterator[Check]:
    whole, touched = within is None, within or {}
    key = next(iter(table.primary_key.columns), None)  # one, as all tables have it that have a key
    if key is not None and (whole or table not in _IMPLIED):
        counted = None if table in touched else rows.get(table.name)
        yield _uniqueness_check(key, touched, counted)
    for column in table.columns:
        for foreign in column.foreign_keys:
            if whole or table is not UnmatchedSongplay.__table__:
                yield _reference_check(column, foreign.column, touched)
    if whole:  # in a run COPY has let nothing else pass, and both engines enforce NOT NULL
        yield _values_check(table, next(iter(table.columns)) if key is None else key)


_IMPLIED = {TimeDim.__table__, UnmatchedSongplay.__table__}
"""Tables whose keys other checks of a run prove unique, so that it needn't look once more.

Every instant that a run touches is a play's, and would multiply it if it stood twice: the check of
that reference finds it. The plays that wait are those without a song, by :func:`matched_check`,
and no play stands twice.
"""


def _moments(
    key: ColumnElement[Any], sign: int, times: ColumnElement[Any] | None = None
) -> Select[Any]:
    """Return how many keys there are, their sum and the sum of a product of their remainders.

    Two lists whose three numbers agree hold the same keys as often, unless some were put in place
    of as many others of the same two sums, by chance. To compare them so costs a tenth of a join.

    Args:
        key: a whole number.
        sign: 1, or -1 for the list that is to make up for others, see :func:`_difference`.
        times: how often each key counts, by default once.
    """
    mixed = func.mod(key, literal_column("999983")) * func.mod(key, literal_column("1000003"))
    numbers: dict[str, ColumnElement[Any]] = {
        "keys": literal_column("1"),
        "total": key,
        "mixed": mixed,
    }
    if times is not None:
        numbers = {name: cast(number, _WHOLE) * times for name, number in numbers.items()}
    sums = {name: func.coalesce(func.sum(number), _ZERO) for name, number in numbers.items()}
    signed: ColumnElement[int] = literal_column(str(sign))
    return select(*((cast(total, _WHOLE) * signed).label(name) for name, total in sums.items()))


_ZERO: ColumnElement[int] = literal_column("0")
_WHOLE: Numeric[Any] = Numeric(38, 0)
"""Takes the sum of any keys, on either engine."""


def _difference(*moments: Select[Any]) -> Select[Any]:
    """Return 0 if moments, some of them negative, make up for one another."""
    keys, total, mixed = (func.abs(func.sum(each)) for each in union_all(*moments).subquery().c)
    return select(keys + total + mixed)


def _uniqueness_check(
    key: Column[Any], within: Mapping[Table, Select[Any]], rows: int | None = None
) -> Check:
    """Return that a key stands once; ``rows`` is how many there are, if they were counted."""
    return Check(
        f"{key.table.name}.{key.name} is unique",
        _touched(select(key), key, within).group_by(key).having(func.count() > literal_column("1")),
        screen=_screen(key, within, rows),
    )


def _screen(key: Column[Any], within: Mapping[Table, Select[Any]], rows: int | None) -> Select[Any]:
    """Return 0 if a key stands once, in the cheapest way that there is for it."""
    if key.table not in within and isinstance(key.type, Integer):
        return _marking(key)
    if rows is not None:
        return _pairing(key, rows)
    repeated = func.count() - func.count(key.distinct())
    return _touched(select(repeated).select_from(key.table), key, within)


def _marking(key: Column[Any]) -> Select[Any]:
    """Return 0 if no whole number stands twice: each marks one of the 32 bits of its group.

    The marks of a group add up to its bits unless two are the same. It costs a third of pairing
    numbers that stand close together, as those of the plays of a session do. What lacks its key is
    left to be looked into.
    """
    place = cast(key.bitwise_and(literal_column("31", BigInteger)), Integer)
    bit = cast(literal_column("1"), BigInteger).bitwise_lshift(place).label("bit")
    group = key.bitwise_rshift(literal_column("5", Integer)).label("of")
    marks = select(group, bit).subquery("marks")
    twice = (
        select(marks.c.of)
        .group_by(marks.c.of)
        .having(or_(func.sum(marks.c.bit) != func.bit_or(marks.c.bit), marks.c.of.is_(None)))
        .subquery("twice")
    )
    return select(func.count()).select_from(twice)


def _pairing(key: Column[Any], rows: int) -> Select[Any]:
    """Return 0 if each row of a table pairs with itself alone, as the rows of unique keys do.

    It costs half of what counting the distinct keys does; the limit, one pair too many, is for
    keys that stand so often that to find all pairs would take for ever.
    """
    one, other = key.table.alias("one"), key.table.alias("other")
    pairs = (
        select(literal_column("1").label("pair"))
        .join_from(one, other, one.c[key.name] == other.c[key.name])
        .limit(literal_column(str(rows + 1)))
        .subquery("pairs")
    )
    return select(func.count() - literal_column(str(rows))).select_from(pairs)


def _reference_check(
    column: Column[Any], target: Column[Any], within: Mapping[Table, Select[Any]]
) -> Check:
    """Return that what a column refers to is there; once, if nothing else looks for that."""
    table = column.table
    assert isinstance(table, Table)  # noqa: S101 - a model's column has one
    rows = select(column).where(column.is_not(None))
    others = select(target)
    for key in table.primary_key.columns:
        rows = _touched(rows, key, within)
        if table in within:  # lets a join be built from few rows of either side
            others = others.where(target.in_(rows))
    row, other = rows.subquery("referring"), others.subquery("other")
    reference, referred = row.c[column.name], other.c[target.name]
    joined = row.outerjoin(other, referred == reference)
    missing = select(reference).select_from(joined).where(referred.is_(None)).distinct()
    name = f"{table.name}.{column.name} is in {target.table.name}"
    if target.table not in _IMPLIED:
        return Check(name, missing)
    return Check(
        name,
        missing,
        parts=(Check(name, missing), _uniqueness_check(target, {})),
        # What is missing, and by how many rows the join is longer than it should be.
        screen=select(
            (func.count() - _total(row)) + (func.count() - func.count(referred))
        ).select_from(joined),
    )


def _values_check(table: Table, key: Column[Any]) -> Check:
    """Return that no column lacks a value that it must have, or has a text of too many bytes."""
    faults = {name: fault for column in table.columns for name, fault in _faults(column)}
    return Check(
        f"{table.name}: values are there and fit",
        select(key).where(or_(*faults.values())),
        parts=tuple(Check(name, select(key).where(fault)) for name, fault in faults.items()),
    )


def _faults(column: Column[Any]) -> Iterator[tuple[str, ColumnElement[bool]]]:
    name = f"{column.table.name}.{column.name}"
    if not column.nullable:
        yield f"{name} is not NULL", column.is_(None)
    if isinstance(column.type, String) and (width := column.type.length):
        yield f"{name} takes {width} bytes", byte_length(column) > literal_column(str(width))


def _touched(
    rows: Select[Any], key: Column[Any], within: Mapping[Table, Select[Any]]
) -> Select[Any]:
    keys = within.get(key.table) if isinstance(key.table, Table) else None
    return rows if keys is None else rows.where(key.in_(keys))


def matched_check() -> Check:
    """Return that a play is either matched to a song or waits for one, once.

    The plays without a song are those that wait: the two lists of keys are the same.
    """
    tables = Base.metadata.tables
    fact, waiting = (tables[name] for name in ("songplay_fact", "unmatched_songplay"))
    key, key_waiting = fact.c.songplay_id, waiting.c.songplay_id
    is_songless = fact.c.song_id.is_(None)
    pairs = fact.outerjoin(waiting, key_waiting == key)
    unpaired = select(key).select_from(pairs).where(is_songless, key_waiting.is_(None))
    matched = select(key_waiting).join_from(waiting, fact, key == key_waiting)
    name = "plays = matched + unmatched"
    return Check(
        name,
        unpaired,
        parts=(
            Check(name, unpaired),
            Check("a play that waits has no song", matched.where(fact.c.song_id.is_not(None))),
            _reference_check(key_waiting, key, {}),
            _uniqueness_check(key_waiting, {}),
            _uniqueness_check(key, {}),
        ),
        screen=_difference(_moments(key, 1).where(is_songless), _moments(key_waiting, -1)),
    )


def _total(rows: FromClause) -> ColumnElement[int]:
    return select(func.count()).select_from(rows).scalar_subquery()


def staged_checks(
    events: int, songs: int, *, known: bool, may_be_empty: Collection[str] = ()
) -> list[Check]:
    """Return what must hold of what was staged, and of what the star made of it.

    Args:
        events: how many events are staged.
        songs: how many songs are staged.
        known: the star held plays before the run.
        may_be_empty: columns of the staging tables that may be wholly NULL.
    """
    found = [*_play_checks(known=known)] if events else []
    rows = {StagingEvent: events, StagingSong: songs}
    found += [
        _filled_check(model.metadata.tables[model.__tablename__], may_be_empty)
        for model, count in rows.items()
        if count >= _TELLING and not set(model.__table__.columns.keys()) <= set(may_be_empty)
    ]
    return found


def _play_checks(*, known: bool) -> Iterator[Check]:
    """Yield that each staged play is in the fact table, and that it is the one that is there.

    Copies of one event may differ in their words, which a broken encoding spoils, but not in when
    it was, whose it was and how long the track is.
    """
    play, fact = star.staged_plays(), SongplayFact.__table__
    repeat = StagingRepeat.__table__
    one_event = "a sessionId and itemInSession is of one event"
    remedy = (
        "two events have one sessionId and itemInSession, of which songplay_id is made "
        "(sessionId * 1000000 + itemInSession), and differ in time, user or length; remove one"
    )
    values = [play.c[name] for name in ("start_time", "user_id", "duration")]
    yield Check(
        f"{one_event} in the files",
        select(play.c.songplay_id)
        .join(repeat, repeat.c.songplay_id == play.c.songplay_id)
        .group_by(play.c.songplay_id)
        .having(or_(*(_differ(value) for value in values))),
        remedy,
    )
    if not known:
        yield _plays_there(play, fact, repeat)
        return
    there = play.outerjoin(fact, fact.c.songplay_id == play.c.songplay_id)
    yield Check(
        "staged plays are in songplay_fact",
        select(play.c.songplay_id).select_from(there).where(fact.c.songplay_id.is_(None)),
    )
    yield Check(
        f"{one_event} in all files",
        select(play.c.songplay_id)
        .select_from(there)
        .where(
            or_(
                fact.c.start_time != play.c.start_time,
                fact.c.user_id != play.c.user_id,
                func.coalesce(fact.c.duration, _NONE) != func.coalesce(play.c.duration, _NONE),
            )
        )
        .distinct(),
        remedy,
    )


_NONE: ColumnElement[float] = literal_column("-1")
"""In place of NULL, to be compared; no duration is negative."""


def _differ(value: ColumnElement[Any]) -> ColumnElement[bool]:
    """Tell whether the values of a group differ; NULL is a value too."""
    counted = func.count(value)
    return or_(
        func.min(value) != func.max(value),
        and_(counted != func.count(), counted > literal_column("0")),
    )


def _plays_there(play: Any, fact: Any, repeat: Any) -> Check:
    """Return that a new fact table has the plays that are staged, repeats once, and no others."""
    key, staged = fact.c.songplay_id, play.c.songplay_id
    missing = (
        select(staged)
        .select_from(play.outerjoin(fact, key == staged))
        .where(key.is_(None))
        .distinct()
    )
    invented = select(key).select_from(fact.outerjoin(play, key == staged)).where(staged.is_(None))
    name = "songplay_fact has each play of the files once"
    return Check(
        name,
        missing,
        parts=(
            Check(name, missing),
            _uniqueness_check(key, {}),
            Check("songplay_fact has no other plays", invented),
        ),
        screen=_difference(
            _moments(staged, 1),
            _moments(repeat.c.songplay_id, -1, repeat.c.copies - literal_column("1")),
            _moments(key, -1),
        ),
    )


def _filled_check(table: Table, may_be_empty: Collection[str]) -> Check:
    """Return that no column is wholly NULL, which a misspelt key would cause.

    One row of each column tells that it isn't.
    """
    remedy = (
        "look at the key in the files, or name the column in may_be_empty if they don't have it"
    )
    key: ColumnElement[str] = literal_column("'all rows'").label("key")
    filled = {
        column.name: exists(select(column).where(column.is_not(None)))
        for column in table.columns
        if column.name not in may_be_empty
    }
    one: ColumnElement[int] = literal_column("1")
    one_row = [  # of each column; to plan as many EXISTS takes DuckDB 20 ms
        select(select(one.label("one")).where(table.c[name].is_not(None)).limit(one).subquery())
        for name in filled
    ]
    found = union_all(*one_row).subquery("found")
    return Check(
        f"{table.name}: no column is wholly NULL",
        select(key).where(not_(and_(*filled.values()))),
        parts=tuple(
            Check(f"{table.name}.{name} is not wholly NULL", select(key).where(not_(there)), remedy)
            for name, there in filled.items()
        ),
        screen=select(literal_column(str(len(filled))) - func.count()).select_from(found),
    )


def run_checks(connection: Connection, which: Sequence[Check]) -> list[Checked]:
    """Ask all in one statement, then those that don't hold for their parts and for examples."""
    numbers = [
        select(literal(position, Integer, literal_execute=True), _number(each).scalar_subquery())
        for position, each in enumerate(which)
    ]
    found = {int(place): int(rows) for place, rows in connection.execute(union_all(*numbers))}
    checked: dict[str, Checked] = {}
    for position, each in enumerate(which):
        looked = _looked_into(connection, each) if found[position] else [Checked(each.name, 0)]
        for one in looked:
            checked.setdefault(one.name, one)
    return list(checked.values())


def _number(check: Check) -> Select[Any]:
    return _count(check) if check.screen is None else check.screen


def _count(check: Check) -> Select[Any]:
    return select(func.count()).select_from(check.violations.subquery())


def _looked_into(connection: Connection, check: Check) -> Iterator[Checked]:
    if check.parts:
        for part in check.parts:
            yield from (found for found in _looked_into(connection, part) if found.violations)
    else:
        violations = connection.scalar(_count(check)) or 0
        examples = _examples(connection, check) if violations else ()
        yield Checked(check.name, violations, examples, check.remedy)


def _examples(connection: Connection, check: Check) -> tuple[str, ...]:
    (column,) = check.violations.subquery().c
    keys = select(cast(column, String(256))).order_by(column).limit(literal_column(str(_EXAMPLES)))
    return tuple(str(key) for key in connection.scalars(keys))


def require(found: list[Checked]) -> None:
    """Raise a CheckError if something doesn't hold."""
    broken = [each for each in found if each.violations]
    if not broken:
        return
    more = f" (other checks that don't hold: {len(broken) - 1})" if len(broken) > 1 else ""
    raise CheckError(f"{broken[0]}{more}; nothing was loaded. To repair: {broken[0].remedy}")


def touched(before: Mapping[str, int], staged: int) -> dict[Table, Select[Any]]:
    """Return the keys that a run may have touched, of tables much larger than what it staged."""
    return {
        table: keys for table, keys in star.staged_keys().items() if before[table.name] > staged
    }


def check(engine: Engine) -> list[Checked]:
    """Prove the whole warehouse, and return what was found; nothing changes.

    Every declared primary key unique, every foreign key covered, every NOT NULL held, text within
    its bytes, every play matched or waiting.

    Raises:
        WarehouseError: if there is no warehouse yet.

    >>> from musicbee_warehouse import connect, create_tables
    >>> engine = connect("duckdb:///:memory:")
    >>> create_tables(engine)
    >>> print(check(engine)[0])
    artist_dim.artist_id is unique: holds
    """
    with engine.connect() as connection:
        require_tables(connection)
        return run_checks(connection, [*checks(), matched_check()])
