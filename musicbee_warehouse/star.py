"""The statements that fill the star from staging, and the pipeline that orders them.

Every statement is plain SQLAlchemy, means the same on DuckDB and on Redshift, and may be run again:
what is in the star already stays once. The star never depends on the order in which files arrive,
nor on how they are spread over runs.

>>> print(songs[0])
... # doctest: +ELLIPSIS
DELETE FROM song_dim ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Date,
    Delete,
    Double,
    FromClause,
    Insert,
    Integer,
    Select,
    SmallInteger,
    Subquery,
    Table,
    Update,
    case,
    cast,
    delete,
    exists,
    extract,
    func,
    null,
    or_,
    select,
    union,
    union_all,
    update,
)
from sqlalchemy.sql.expression import ColumnElement

from musicbee_warehouse.models import (
    ArtistDim,
    SongDim,
    SongplayFact,
    StagingEvent,
    StagingOverride,
    StagingRepeat,
    StagingSong,
    TimeDim,
    UnmatchedSongplay,
    UserDim,
)
from musicbee_warehouse.pipeline import Pipeline
from musicbee_warehouse.statements import Copy, CopyOptions, insert_from
from musicbee_warehouse.statements.functions import constant as _constant

ITEMS_PER_SESSION = 1_000_000
"""The room that ``songplay_id`` leaves for the items of a session; real sessions hold hundreds."""
SESSIONS = 9_000_000_000_000
"""The greatest session of which ``songplay_id`` is a BIGINT."""
EARLIEST, LATEST = datetime.min, datetime.max
"""Between which times events are: the years 1 to 9999, of others Python has no datetime. A time in
microseconds, read as milliseconds, is of the year 50,000."""

_event: Table = StagingEvent.metadata.tables["staging_events"]
_staged_song: Table = StagingSong.metadata.tables["staging_songs"]
_repeat: Table = StagingRepeat.metadata.tables["staging_repeats"]
_override_key: Table = StagingOverride.metadata.tables["staging_overrides"]
_song: Table = SongDim.metadata.tables["song_dim"]
_artist: Table = ArtistDim.metadata.tables["artist_dim"]
_user: Table = UserDim.metadata.tables["user_dim"]
_fact: Table = SongplayFact.metadata.tables["songplay_fact"]
_time: Table = TimeDim.metadata.tables["time_dim"]
_unmatched: Table = UnmatchedSongplay.metadata.tables["unmatched_songplay"]


def _blank_to_null(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a text, or NULL if it is blank.

    What is greater than ``!`` begins with no space; to trim all texts costs a fifth of a load.
    """
    begins = text > _constant("!")
    return case((begins, text), (func.trim(text) != _constant(""), text)).label(text.name)


def _rank(key: ColumnElement[Any], order: Sequence[ColumnElement[Any]]) -> ColumnElement[int]:
    return func.row_number().over(partition_by=key, order_by=order).label("place")


def _lacking(rows: FromClause, tables: Mapping[Table, ColumnElement[bool]]) -> Select[Any]:
    """Return the rows that have no match in any of the tables.

    An outer join whose other side is NULL: DuckDB plans a correlated NOT EXISTS with one more
    pass over the rows, to make them distinct.
    """
    query = select(rows)
    for table, match in tables.items():
        key = next(column for column in table.c if not column.nullable)
        query = query.outerjoin(table, match).where(key.is_(None))
    return query


# What is staged, in the words of the star ----------------------------------------------------

_songplay_id = (
    cast(_event.c.session_id, BigInteger) * _constant(ITEMS_PER_SESSION) + _event.c.item_in_session
).label("songplay_id")
_is_play = _event.c.page == _constant("NextSong")
_play_columns = (
    _songplay_id,
    _event.c.ts.label("start_time"),
    _event.c.user_id,
    _event.c.level,
    _event.c.session_id,
    _event.c.item_in_session,
    _blank_to_null(_event.c.location),
    _event.c.user_agent,
    _event.c.song.label("title"),
    _event.c.artist.label("artist_name"),
    _event.c.length.label("duration"),
)


def _staged_plays(name: str) -> Subquery:
    return select(*_play_columns).where(_is_play).subquery(name)


def _single_plays() -> Subquery:
    """Return the plays that are staged once and that the fact table lacks."""
    play = _staged_plays("staged")
    return _lacking(play, _other_rows(play)).subquery("play")


def _other_rows(play: FromClause) -> dict[Table, ColumnElement[bool]]:
    """Return where a staged play stands too, unless it is staged once and new."""
    return {table: play.c.songplay_id == table.c.songplay_id for table in (_repeat, _fact)}


def _repeated_plays(name: str) -> Subquery:
    """Return the plays that are staged several times and that the fact table lacks, each once."""
    order = ("ts", "user_id", "level", "song", "artist", "length")
    copy = (
        select(*_play_columns, _rank(_songplay_id, [_event.c[name] for name in order]))
        .join_from(_event, _repeat, _repeat.c.songplay_id == _songplay_id)
        .where(_is_play)
        .subquery("copy")
    )
    first = _lacking(copy, {_fact: copy.c.songplay_id == _fact.c.songplay_id})
    columns = [copy.c[column.name] for column in _play_columns]
    return first.with_only_columns(*columns).where(copy.c.place == _constant(1)).subquery(name)


def _song_versions(staged: FromClause) -> Select[Any]:
    return select(
        staged.c.song_id,
        _blank_to_null(staged.c.title),
        staged.c.artist_id,
        func.nullif(staged.c.year, _constant(0)).label("year"),
        staged.c.duration,
        _blank_to_null(staged.c.artist_name),
    )


def _artist_versions(staged: FromClause) -> Select[Any]:
    return select(
        staged.c.artist_id,
        _blank_to_null(staged.c.artist_name).label("name"),
        _blank_to_null(staged.c.artist_location).label("location"),
        staged.c.artist_latitude.label("latitude"),
        staged.c.artist_longitude.label("longitude"),
    )


def _user_versions(staged: FromClause) -> Select[Any]:
    """Return the latest events of each user: found by their time first, which is cheap."""
    latest = (
        select(staged.c.user_id, func.max(staged.c.ts).label("ts"))
        .where(staged.c.user_id.is_not(None))
        .group_by(staged.c.user_id)
        .subquery("latest")
    )
    event = staged.alias("event")
    return select(
        event.c.user_id,
        _blank_to_null(event.c.first_name),
        _blank_to_null(event.c.last_name),
        event.c.gender,
        event.c.level,
        event.c.ts.label("last_seen_at"),
    ).join(latest, (latest.c.user_id == event.c.user_id) & (latest.c.ts == event.c.ts))


# Which version of a thing is preferred: orders that are total, and put NULL last on both engines --


def _by_song(version: FromClause) -> list[ColumnElement[Any]]:
    has_year = case((version.c.year.is_(None), _constant(1)), else_=_constant(0))
    columns = ("title", "duration", "year", "artist_name", "artist_id")
    return [has_year, *(version.c[name] for name in columns)]


def _by_artist(version: FromClause) -> list[ColumnElement[Any]]:
    without_place = case(
        (version.c.latitude.is_(None) | version.c.longitude.is_(None), _constant(1)),
        else_=_constant(0),
    )
    without_location = case((version.c.location.is_(None), _constant(1)), else_=_constant(0))
    columns = ("name", "location", "latitude", "longitude")
    return [without_place, without_location, *(version.c[name] for name in columns)]


def _by_user(version: FromClause) -> list[ColumnElement[Any]]:
    level = func.coalesce(version.c.level, _constant("")).desc()
    columns = ("first_name", "last_name", "gender", "level")
    return [version.c.last_seen_at.desc(), level, *(version.c[name] for name in columns)]


def _merge(
    model: Any, staged: Table, versions: Callable[[FromClause], Select[Any]], order: Any
) -> tuple[Delete, Insert]:
    """Let the preferred version of each key stand, of those staged and the one in the table.

    The first statement removes the rows that a staged version outranks, the second inserts the
    best staged version of each key that now has no row.
    """
    table: Table = model.__table__
    (key,), names = table.primary_key.columns.keys(), table.columns.keys()
    version = versions(staged).subquery("version")
    ranked = select(version, _rank(version.c[key], order(version))).subquery("ranked")
    best = (
        select(*(ranked.c[name] for name in names))
        .where(ranked.c.place == _constant(1))
        .subquery("best")
    )
    winner = _outranking(table, key, staged, versions, order)
    lacking = _lacking(best, {table: table.c[key] == best.c[key]})
    return delete(table).where(table.c[key] == winner.c[key]), insert_from(table, lacking)


def _outranking(
    table: Table, key: str, staged: Table, versions: Callable[[FromClause], Select[Any]], order: Any
) -> Subquery:
    """Return the keys whose row in the table is outranked by a staged version.

    Only what is staged of known keys takes part: nothing, when the warehouse is new.
    """
    known = select(staged).where(staged.c[key].in_(select(table.c[key]))).subquery("known")
    version = versions(known).subquery("version")
    rivals = union_all(
        select(*table.c, _constant(0).label("is_new")).where(
            table.c[key].in_(select(staged.c[key]))
        ),
        select(*(version.c[column.name] for column in table.c), _constant(1).label("is_new")),
    ).subquery("rival")
    contest = select(
        rivals.c[key],
        rivals.c.is_new,
        _rank(rivals.c[key], [*order(rivals), rivals.c.is_new]),
    ).subquery("contest")
    return (
        select(contest.c[key])
        .where(contest.c.place == _constant(1), contest.c.is_new == _constant(1))
        .subquery("better")
    )


# Which song a play plays ----------------------------------------------------------------------


def _same_words(play: FromClause, song: FromClause) -> ColumnElement[bool]:
    return (song.c.title == play.c.title) & (song.c.artist_name == play.c.artist_name)


def _catalogue(name: str, *, alone: bool) -> Subquery:
    """Return the songs that are alone with their title and artist name, or those that aren't."""
    rivals = func.count().over(partition_by=(_song.c.title, _song.c.artist_name))
    song = select(
        _song.c.song_id,
        _song.c.artist_id,
        _song.c.title,
        _song.c.artist_name,
        _song.c.duration,
        rivals.label("rivals"),
    ).subquery("credited")
    return (
        select(song)
        .where(song.c.rivals == _constant(1) if alone else song.c.rivals > _constant(1))
        .subquery(name)
    )


def _nearest(play: FromClause) -> Subquery:
    """Return the song of each play that has several to choose from: the nearest in duration."""
    song = _catalogue("rival_song", alone=False)
    distance = func.coalesce(
        func.abs(song.c.duration - play.c.duration), cast(_constant(1e9), Double)
    )
    ranked = (
        select(
            play.c.songplay_id,
            song.c.song_id,
            song.c.artist_id,
            _rank(play.c.songplay_id, [distance, song.c.song_id]),
        )
        .join_from(play, song, _same_words(play, song))
        .subquery("ranked")
    )
    return select(ranked).where(ranked.c.place == _constant(1)).subquery("nearest")


def _matched(play: FromClause, again: FromClause) -> Select[Any]:
    """Return plays with their song, where the catalogue has it: never more rows than plays.

    ``again`` is the same plays under another name: most songs are alone with their words and
    joined directly, only the plays of the others are ranked.
    """
    sole, nearest = _catalogue("sole_song", alone=True), _nearest(again)
    return (
        select(
            *(column for column in play.c if column.name not in ("title", "artist_name")),
            func.coalesce(sole.c.song_id, nearest.c.song_id).label("song_id"),
            func.coalesce(sole.c.artist_id, nearest.c.artist_id).label("artist_id"),
        )
        .select_from(play)
        .outerjoin(sole, _same_words(play, sole))
        .outerjoin(nearest, nearest.c.songplay_id == play.c.songplay_id)
    )


def _touched_songs() -> Subquery:
    """Return the songs of the catalogue whose plays a staged song may change."""
    same_song = select(_song.c.song_id).join(
        _staged_song, _staged_song.c.song_id == _song.c.song_id
    )
    rival = select(_song.c.song_id).join(_staged_song, _same_words(_song, _staged_song))
    return union(same_song, rival).subquery("touched")


def _release() -> tuple[Insert, Update]:
    """Take plays from the songs that may change, so that they are matched anew."""
    touched = _touched_songs()
    released = (
        select(_fact.c.songplay_id, _song.c.title, _song.c.artist_name, _fact.c.duration)
        .join_from(_fact, _song, _song.c.song_id == _fact.c.song_id)
        .join(touched, touched.c.song_id == _song.c.song_id)
    )
    return (
        insert_from(UnmatchedSongplay, released),
        update(_fact)
        .where(_fact.c.song_id == touched.c.song_id)
        .values(song_id=null(), artist_id=null()),
    )


def _resolve() -> tuple[Update, Delete]:
    """Give plays without a song the one that has arrived; with no song staged there is none."""
    waiting = [
        select(_unmatched).where(exists(select(_staged_song.c.song_id))).subquery(name)
        for name in ("waiting", "waiting_again")
    ]
    matched = _matched(*waiting).subquery("matched")
    song = _song.alias("arrived")
    return (
        update(_fact)
        .where(_fact.c.songplay_id == matched.c.songplay_id, matched.c.song_id.is_not(None))
        .values(song_id=matched.c.song_id, artist_id=matched.c.artist_id),
        delete(_unmatched).where(
            _same_words(_unmatched, song), exists(select(_staged_song.c.song_id))
        ),
    )


def _fill_time() -> Insert:
    """Insert the instants that are new. The week is ISO's: that of the week's Thursday."""
    staged = select(_event.c.ts.label("start_time")).where(_is_play).distinct().subquery("instant")
    start = staged.c.start_time
    days_after_monday = func.mod(extract("dow", start) + _constant(6), _constant(7))
    thursday = cast(start, Date) + (_constant(3) - cast(days_after_monday, Integer))
    week = (extract("doy", thursday) - _constant(1)) // _constant(7) + _constant(1)
    parts = {
        "hour": extract("hour", start),
        "day": extract("day", start),
        "week": week,
        "month": extract("month", start),
        "year": extract("year", start),
        "weekday": extract("dow", start),
    }
    columns = [start, *(cast(part, SmallInteger).label(name) for name, part in parts.items())]
    new = _lacking(staged, {_time: _time.c.start_time == start})
    return insert_from(TimeDim, new.with_only_columns(*columns))


def _fill_unmatched(
    play: Subquery, others: Mapping[Table, ColumnElement[bool]] | None = None
) -> Insert:
    """Insert the plays without a song, of those that have no match in the other tables either.

    The song comes first: DuckDB expects few plays to be left by the others, and would build its
    hash table of the plays instead of the songs.
    """
    columns = (play.c.songplay_id, play.c.title, play.c.artist_name, play.c.duration)
    waiting = _lacking(play, {_song: _same_words(play, _song), **(others or {})})
    return insert_from(UnmatchedSongplay, waiting.with_only_columns(*columns))


def _fill_songplays(play: Subquery, again: Subquery) -> Insert:
    return insert_from(SongplayFact, _matched(play, again))


def _note_overrides() -> tuple[Insert, Insert]:
    """Keep the keys of what is staged."""
    events = select(_songplay_id, _event.c.user_id, _event.c.ts.label("seen_at")).distinct()
    songs = select(_staged_song.c.song_id, _staged_song.c.artist_id).distinct()
    return insert_from(StagingOverride, events), insert_from(StagingOverride, songs)


def _override() -> Iterator[Delete]:
    """Remove the rows of the star whose keys were kept.

    A user's row goes only if it stems from one of the events: a later event says more. An instant
    goes only with all of its plays.
    """
    yield _forget_instants()
    pairs = (
        (_fact.c.songplay_id, _override_key.c.songplay_id),
        (_unmatched.c.songplay_id, _override_key.c.songplay_id),
        (_song.c.song_id, _override_key.c.song_id),
        (_artist.c.artist_id, _override_key.c.artist_id),
    )
    for key, overriding in pairs:
        yield delete(key.table).where(key.in_(select(overriding).where(overriding.is_not(None))))
    yield delete(_user).where(
        _user.c.user_id == _override_key.c.user_id,
        _user.c.last_seen_at == _override_key.c.seen_at,
    )


def _forget_instants() -> Delete:
    replaced = (
        select(_override_key.c.songplay_id)
        .where(_override_key.c.songplay_id.is_not(None))
        .distinct()
        .subquery("replaced")
    )
    instants = select(_fact.c.start_time).join(
        replaced, replaced.c.songplay_id == _fact.c.songplay_id
    )
    deserted = (
        select(_fact.c.start_time)
        .outerjoin(replaced, replaced.c.songplay_id == _fact.c.songplay_id)
        .where(_fact.c.start_time.in_(instants))
        .group_by(_fact.c.start_time)
        .having(func.count() == func.count(replaced.c.songplay_id))
    )
    return delete(_time).where(_time.c.start_time.in_(deserted))


clear_staging = Pipeline(
    delete(_event), delete(_staged_song), delete(_repeat), delete(_override_key)
)
"""Empties staging, inside the caller's transaction."""

clear = Pipeline(*(delete(table) for table in (_unmatched, _fact, _time, _user, _song, _artist)))
"""Empties the star, to build it anew in the same transaction."""

note_overrides = Pipeline(*_note_overrides())
"""Keeps the keys of the files that changed; runs when they alone are staged."""

override = Pipeline(*_override())
"""Removes the rows that files which changed since they were loaded are to replace."""

repeats = insert_from(
    StagingRepeat,
    select(_songplay_id, func.count().label("copies"))
    .where(_is_play)
    .group_by(_songplay_id)
    .having(func.count() > _constant(1)),
)
"""Finds the plays that are staged more than once."""

release = Pipeline(*_release())
"""Takes plays from the songs that staged songs may change; runs before the songs change."""

artists = Pipeline(*_merge(ArtistDim, _staged_song, _artist_versions, _by_artist))
"""Fills ``artist_dim``: an artist with coordinates is preferred, then one with a location."""

songs = Pipeline(*_merge(SongDim, _staged_song, _song_versions, _by_song))
"""Fills ``song_dim``: a song with a year is preferred, then the smallest title and duration."""

resolve = Pipeline(*_resolve())
"""Matches plays that waited for their song."""

users = Pipeline(*_merge(UserDim, _event, _user_versions, _by_user))
"""Fills ``user_dim``: a user is as the latest event shows, play or not."""

times = _fill_time()
"""Fills ``time_dim`` with the instants at which plays began."""

_play = _staged_plays("play")
unmatched = Pipeline(
    _fill_unmatched(_repeated_plays("play")), _fill_unmatched(_play, _other_rows(_play))
)
"""Fills ``unmatched_songplay`` with the new plays that no song of the catalogue matches."""

songplays = Pipeline(
    _fill_songplays(_repeated_plays("play"), _repeated_plays("play_again")),
    _fill_songplays(_single_plays(), _staged_plays("play_again")),
)
"""Fills ``songplay_fact`` with the new plays, matched to the nearest song of title and artist.

Plays that are staged once, nearly all of them, need no ranking; so the others have a statement of
their own, and it comes first, while the table is small.
"""


_is_unfit = or_(
    _is_play & _event.c.user_id.is_(None),
    _event.c.item_in_session < _constant(0),
    _event.c.item_in_session >= _constant(ITEMS_PER_SESSION),
    _event.c.session_id < _constant(-SESSIONS),
    _event.c.session_id > _constant(SESSIONS),
    _event.c.ts < _constant(EARLIEST),
    _event.c.ts > _constant(LATEST),
)

unfit: Mapping[Table, Select[Any]] = {
    _event: select(func.count()).select_from(_event).where(_is_unfit)
}
"""Counts the staged rows that COPY takes and the star can't: a play without a user, a session or an
item with which ``songplay_id`` wouldn't be a number of its own, and a time in no year."""

remove_unfit: Mapping[Table, Delete] = {_event: delete(_event).where(_is_unfit)}
"""Removes them, where they may be left out."""


def staged_plays() -> Subquery:
    """Return the staged plays in the words of the fact table, with title and artist name."""
    return _staged_plays("staged_play")


def staged_keys() -> dict[Table, Select[Any]]:
    """Return, for each table of the star, the keys of its rows that staged rows may change."""
    plays = select(_songplay_id).where(_is_play)
    return {
        _artist: select(_staged_song.c.artist_id),
        _song: select(_staged_song.c.song_id),
        _user: select(_event.c.user_id),
        _time: select(_event.c.ts).where(_is_play),
        _fact: plays,
        _unmatched: plays,
    }


_before_override = Pipeline(repeats, *release)
_after_override = Pipeline(
    *artists,
    *songs,
    *resolve,
    *users,
    times,
    *unmatched,
    *songplays,
)

transform = _before_override + override + _after_override
"""From staging to star."""

transform_new = _before_override + _after_override
"""From staging to star, where no file changed since it was loaded."""

transform_empty = Pipeline(repeats, artists[1], songs[1], users[1], times, *unmatched, *songplays)
"""From staging to star, where that is empty: nothing is to be replaced, released or resolved."""


def pipeline(
    events: str | Path | Sequence[str | Path],
    songs: str | Path | Sequence[str | Path],
    *,
    events_jsonpaths: str | None = None,
    iam_role: str = "default",
    options: CopyOptions = CopyOptions(),  # noqa: B008 - it is frozen
) -> Pipeline:
    """Return the whole load: empty staging, copy events and songs into it, fill the star.

    Args:
        events: where the activity logs are, see :class:`musicbee_warehouse.Copy`.
        songs: where the song metadata is.
        events_jsonpaths: the address of the JSONPaths document of ``staging_events``, whose columns
            are named otherwise than the keys of the log; Redshift needs it, DuckDB doesn't.
        iam_role: the role by which Redshift reads the files.
        options: how COPY reads the files.

    >>> pipeline("examples/data/log_data", "examples/data/song_data").names[4:6]
    ['COPY staging_events', 'COPY staging_songs']
    """
    copies = (
        Copy(StagingEvent, events, jsonpaths=events_jsonpaths, iam_role=iam_role, options=options),
        Copy(StagingSong, songs, iam_role=iam_role, options=options),
    )
    return clear_staging + copies + transform
