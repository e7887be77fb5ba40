"""The staging tables: what the files say, typed, and nothing more.

Widths are in bytes, as Redshift counts them, with wide margins over what real files hold. A
staging table has no key: the files may repeat a row.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import TIMESTAMP, BigInteger, Double, Integer, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from musicbee_warehouse.models.base import Base, read_from


class StagingEvent(Base):
    """A line of the activity log, as it arrived."""

    __tablename__ = "staging_events"
    __table_args__: Any = {
        "comment": __doc__,
        "redshift_diststyle": "KEY",
        "redshift_distkey": "user_id",
        "redshift_sortkey": "ts",
    }
    __mapper_args__: Any = {"primary_key": ["session_id", "item_in_session"]}

    artist: Mapped[str | None] = read_from("artist", String(512), redshift_encode="zstd")
    auth: Mapped[str | None] = read_from("auth", String(32), redshift_encode="zstd")
    first_name: Mapped[str | None] = read_from("firstName", String(128), redshift_encode="zstd")
    gender: Mapped[str | None] = read_from("gender", String(16), redshift_encode="zstd")
    item_in_session: Mapped[int] = read_from("itemInSession", Integer(), redshift_encode="az64")
    last_name: Mapped[str | None] = read_from("lastName", String(128), redshift_encode="zstd")
    length: Mapped[float | None] = read_from("length", Double(), redshift_encode="zstd")
    level: Mapped[str | None] = read_from("level", String(16), redshift_encode="zstd")
    location: Mapped[str | None] = read_from("location", String(256), redshift_encode="zstd")
    method: Mapped[str | None] = read_from("method", String(16), redshift_encode="zstd")
    page: Mapped[str] = read_from("page", String(64), redshift_encode="zstd")
    registration: Mapped[float | None] = read_from("registration", Double(), redshift_encode="zstd")
    session_id: Mapped[int] = read_from("sessionId", BigInteger(), redshift_encode="az64")
    song: Mapped[str | None] = read_from("song", String(512), redshift_encode="zstd")
    status: Mapped[int | None] = read_from("status", SmallInteger(), redshift_encode="az64")
    ts: Mapped[datetime] = read_from("ts", TIMESTAMP(), redshift_encode="raw")
    user_agent: Mapped[str | None] = read_from("userAgent", String(1024), redshift_encode="zstd")
    user_id: Mapped[int | None] = read_from(
        "userId", BigInteger(), quoted=True, redshift_encode="az64"
    )


class StagingSong(Base):
    """A song metadata object, as it arrived."""

    __tablename__ = "staging_songs"
    __table_args__: Any = {
        "comment": __doc__,
        "redshift_diststyle": "KEY",
        "redshift_distkey": "song_id",
    }
    __mapper_args__: Any = {"primary_key": ["song_id"]}

    num_songs: Mapped[int | None] = read_from("num_songs", Integer(), redshift_encode="az64")
    song_id: Mapped[str] = read_from("song_id", String(32), redshift_encode="zstd")
    title: Mapped[str | None] = read_from("title", String(512), redshift_encode="zstd")
    duration: Mapped[float | None] = read_from("duration", Double(), redshift_encode="zstd")
    year: Mapped[int | None] = read_from("year", SmallInteger(), redshift_encode="az64")
    artist_id: Mapped[str] = read_from("artist_id", String(32), redshift_encode="zstd")
    artist_name: Mapped[str | None] = read_from("artist_name", String(512), redshift_encode="zstd")
    artist_latitude: Mapped[float | None] = read_from(
        "artist_latitude", Double(), redshift_encode="zstd"
    )
    artist_longitude: Mapped[float | None] = read_from(
        "artist_longitude", Double(), redshift_encode="zstd"
    )
    artist_location: Mapped[str | None] = read_from(
        "artist_location", String(512), redshift_encode="zstd"
    )


class StagingRepeat(Base):
    """A play that the staged files hold more than once.

    It is found once, so that no later step has to look again.
    """

    __tablename__ = "staging_repeats"
    __table_args__: Any = {
        "comment": "A play that the staged files hold more than once",
        "redshift_diststyle": "ALL",
    }
    __mapper_args__: Any = {"primary_key": ["songplay_id"]}

    songplay_id: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    copies: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")


class StagingOverride(Base):
    """A key that stands in a file that changed since it was loaded, so its row is replaced."""

    __tablename__ = "staging_overrides"
    __table_args__: Any = {"comment": __doc__, "redshift_diststyle": "ALL"}
    __mapper_args__: Any = {"primary_key": ["songplay_id", "song_id"]}

    songplay_id: Mapped[int | None] = mapped_column(BigInteger, redshift_encode="az64")
    user_id: Mapped[int | None] = mapped_column(BigInteger, redshift_encode="az64")
    seen_at: Mapped[datetime | None] = mapped_column(TIMESTAMP, redshift_encode="az64")
    song_id: Mapped[str | None] = mapped_column(String(32), redshift_encode="zstd")
    artist_id: Mapped[str | None] = mapped_column(String(32), redshift_encode="zstd")
