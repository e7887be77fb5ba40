"""The star: the plays, the four dimensions around them, and the plays still unmatched."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Double,
    ForeignKey,
    Integer,
    SmallInteger,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from musicbee_warehouse.models.base import Base


class UserDim(Base):
    """A user, as last seen."""

    __tablename__ = "user_dim"
    __table_args__: Any = {
        "comment": __doc__,
        "redshift_diststyle": "KEY",
        "redshift_distkey": "user_id",
        "redshift_sortkey": "user_id",
    }

    user_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, redshift_encode="raw"
    )
    first_name: Mapped[str | None] = mapped_column(String(128), redshift_encode="zstd")
    last_name: Mapped[str | None] = mapped_column(String(128), redshift_encode="zstd")
    gender: Mapped[str | None] = mapped_column(String(16), redshift_encode="zstd")
    level: Mapped[str | None] = mapped_column(String(16), redshift_encode="zstd")
    last_seen_at: Mapped[datetime] = mapped_column(TIMESTAMP, redshift_encode="az64")

    songplays: Mapped[list[SongplayFact]] = relationship(back_populates="user")


class ArtistDim(Base):
    """An artist."""

    __tablename__ = "artist_dim"
    __table_args__: Any = {
        "comment": __doc__,
        "redshift_diststyle": "ALL",
        "redshift_sortkey": "artist_id",
    }

    artist_id: Mapped[str] = mapped_column(String(32), primary_key=True, redshift_encode="raw")
    name: Mapped[str | None] = mapped_column(String(512), redshift_encode="zstd")
    location: Mapped[str | None] = mapped_column(String(512), redshift_encode="zstd")
    latitude: Mapped[float | None] = mapped_column(Double, redshift_encode="zstd")
    longitude: Mapped[float | None] = mapped_column(Double, redshift_encode="zstd")

    songs: Mapped[list[SongDim]] = relationship(back_populates="artist")
    songplays: Mapped[list[SongplayFact]] = relationship(back_populates="artist")


class SongDim(Base):
    """A song of the catalogue.

    ``artist_name`` is the artist as this song credits it. An artist goes by several names, and a
    play is matched by the credited one; ``ArtistDim.name`` is the one name chosen to show.
    """

    __tablename__ = "song_dim"
    __table_args__: Any = {
        "comment": "A song of the catalogue",
        "redshift_diststyle": "ALL",
        "redshift_sortkey": "song_id",
    }

    song_id: Mapped[str] = mapped_column(String(32), primary_key=True, redshift_encode="raw")
    title: Mapped[str | None] = mapped_column(String(512), redshift_encode="zstd")
    artist_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("artist_dim.artist_id"), redshift_encode="zstd"
    )
    year: Mapped[int | None] = mapped_column(SmallInteger, redshift_encode="az64")
    duration: Mapped[float | None] = mapped_column(Double, redshift_encode="zstd")
    artist_name: Mapped[str | None] = mapped_column(String(512), redshift_encode="zstd")

    artist: Mapped[ArtistDim] = relationship(back_populates="songs")
    songplays: Mapped[list[SongplayFact]] = relationship(back_populates="song")


class TimeDim(Base):
    """An instant at which a play began, in UTC.

    ``week`` is the ISO week; ``weekday`` counts from 0, Sunday, as Redshift's ``dow`` does.
    """

    __tablename__ = "time_dim"
    __table_args__: Any = {
        "comment": "An instant at which a play began, in UTC",
        "redshift_diststyle": "ALL",
        "redshift_sortkey": "start_time",
    }

    start_time: Mapped[datetime] = mapped_column(TIMESTAMP, primary_key=True, redshift_encode="raw")
    hour: Mapped[int] = mapped_column(SmallInteger, redshift_encode="az64")
    day: Mapped[int] = mapped_column(SmallInteger, redshift_encode="az64")
    week: Mapped[int] = mapped_column(SmallInteger, redshift_encode="az64")
    month: Mapped[int] = mapped_column(SmallInteger, redshift_encode="az64")
    year: Mapped[int] = mapped_column(SmallInteger, redshift_encode="az64")
    weekday: Mapped[int] = mapped_column(SmallInteger, redshift_encode="az64")

    songplays: Mapped[list[SongplayFact]] = relationship(back_populates="time")


class SongplayFact(Base):
    """One play of one song by one user (page NextSong).

    ``songplay_id`` is ``session_id * 1000000 + item_in_session``, so it reads as its natural key
    and is the same on every engine. ``duration`` is the seconds that the log gives the track; with
    it a play can be matched anew when a nearer song arrives.
    """

    __tablename__ = "songplay_fact"
    __table_args__: Any = {
        "comment": "One play of one song by one user (page NextSong)",
        "redshift_diststyle": "KEY",
        "redshift_distkey": "user_id",
        "redshift_sortkey": "start_time",
    }

    songplay_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, redshift_encode="az64"
    )
    start_time: Mapped[datetime] = mapped_column(
        TIMESTAMP, ForeignKey("time_dim.start_time"), redshift_encode="raw"
    )
    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("user_dim.user_id"), redshift_encode="az64"
    )
    level: Mapped[str | None] = mapped_column(String(16), redshift_encode="zstd")
    song_id: Mapped[str | None] = mapped_column(
        String(32), ForeignKey("song_dim.song_id"), redshift_encode="zstd"
    )
    artist_id: Mapped[str | None] = mapped_column(
        String(32), ForeignKey("artist_dim.artist_id"), redshift_encode="zstd"
    )
    session_id: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    item_in_session: Mapped[int] = mapped_column(Integer, redshift_encode="az64")
    location: Mapped[str | None] = mapped_column(String(256), redshift_encode="zstd")
    user_agent: Mapped[str | None] = mapped_column(String(1024), redshift_encode="zstd")
    duration: Mapped[float | None] = mapped_column(Double, redshift_encode="zstd")

    user: Mapped[UserDim] = relationship(back_populates="songplays")
    song: Mapped[SongDim | None] = relationship(back_populates="songplays")
    artist: Mapped[ArtistDim | None] = relationship(back_populates="songplays")
    time: Mapped[TimeDim] = relationship(back_populates="songplays")
    unmatched: Mapped[UnmatchedSongplay | None] = relationship(back_populates="songplay")


class UnmatchedSongplay(Base):
    """A play whose song is not in the catalogue yet, with the words that will find it."""

    __tablename__ = "unmatched_songplay"
    __table_args__: Any = {
        "comment": __doc__,
        "redshift_diststyle": "KEY",
        "redshift_distkey": "songplay_id",
    }

    songplay_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("songplay_fact.songplay_id"),
        primary_key=True,
        autoincrement=False,
        redshift_encode="az64",
    )
    title: Mapped[str | None] = mapped_column(String(512), redshift_encode="zstd")
    artist_name: Mapped[str | None] = mapped_column(String(512), redshift_encode="zstd")
    duration: Mapped[float | None] = mapped_column(Double, redshift_encode="zstd")

    songplay: Mapped[SongplayFact] = relationship(back_populates="unmatched")
