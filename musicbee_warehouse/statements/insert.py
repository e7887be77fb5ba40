"""Filling one table from a query, with the names checked before a database is asked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Delete, Insert, Select, Table, delete, insert
from sqlalchemy.exc import ArgumentError
from sqlalchemy.sql import coercions, roles
from sqlalchemy.sql.expression import ColumnElement


def insert_from(target: Any, query: Select[Any]) -> Insert:
    """Insert the rows of a query, whose columns are named as those of the target.

    Raises:
        sqlalchemy.exc.ArgumentError: if the target has no column of one of the names.

    >>> from sqlalchemy import select
    >>> from musicbee_warehouse.models import StagingSong, TimeDim
    >>> from musicbee_warehouse.models import SongplayFact
    >>> print(insert_from(TimeDim, select(SongplayFact.start_time)))
    INSERT INTO time_dim (start_time) SELECT songplay_fact.start_time
    FROM songplay_fact
    """
    table = _table(target)
    names = query.selected_columns.keys()
    _require(table, names)
    return insert(table).from_select(names, query, include_defaults=False)


def upsert(target: Any, query: Select[Any], *, key: str) -> tuple[Delete, Insert]:
    """Replace the rows of the target that share a key with the query, as two statements.

    It is a delete by key and an insert: MERGE on Redshift takes no query as its source and
    ``DELETE ... WHERE EXISTS`` is misread by its dialect. The query must not read the target, and
    is to have one row a key.

    Raises:
        sqlalchemy.exc.ArgumentError: if target or query has no column of one of the names.

    >>> from sqlalchemy import select
    >>> from musicbee_warehouse import ArtistDim, Pipeline, StagingSong
    >>> query = select(StagingSong.artist_id, StagingSong.artist_name.label("name"))
    >>> print(Pipeline(*upsert(ArtistDim, query, key="artist_id")))
    -- 1 of 2: DELETE artist_dim
    DELETE FROM artist_dim USING (SELECT staging_songs.artist_id AS artist_id,
    staging_songs.artist_name AS name
    FROM staging_songs) AS fresh WHERE artist_dim.artist_id = fresh.artist_id;
    <BLANKLINE>
    -- 2 of 2: INSERT artist_dim
    INSERT INTO artist_dim (artist_id, name) SELECT staging_songs.artist_id,
    staging_songs.artist_name AS name
    FROM staging_songs;
    """
    table, fresh = _table(target), query.subquery("fresh")
    _require(table, [key])
    if key not in fresh.c:
        raise ArgumentError(f"the query has no column {key}, by which it is to replace rows")
    same: ColumnElement[bool] = table.c[key] == fresh.c[key]
    return delete(table).where(same), insert_from(table, query)


def _table(target: Any) -> Table:
    table: Table = coercions.expect(roles.DMLTableRole, target)
    return table


def _require(table: Table, names: list[str]) -> None:
    if unknown := [name for name in names if name not in table.c]:
        raise ArgumentError(
            f"{table.name} has no column {', '.join(unknown)}; it has {', '.join(table.c.keys())}"
        )
