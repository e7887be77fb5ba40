"""The ledger: which file was loaded by which run, and which lines were left out.

It changes in the same transaction as the star, so what it says is loaded is loaded, once. Its
columns know their JSON keys as those of staging do: a run writes its rows as a file and copies it,
so that no row passes through a driver.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped
from sqlalchemy.types import TIMESTAMP

from musicbee_warehouse.models.base import Base, read_from


class LoadRun(Base):
    """A run that loaded files into the star, and was committed."""

    __tablename__ = "load_run"
    __table_args__: Any = {
        "comment": __doc__,
        "redshift_diststyle": "ALL",
        "redshift_sortkey": "started_at",
    }

    run_id: Mapped[str] = read_from("run_id", String(32), primary_key=True, redshift_encode="zstd")
    started_at: Mapped[datetime] = read_from("started_at", TIMESTAMP(), redshift_encode="raw")
    finished_at: Mapped[datetime] = read_from("finished_at", TIMESTAMP(), redshift_encode="az64")
    files: Mapped[int] = read_from("files", Integer(), redshift_encode="az64")
    bytes: Mapped[int] = read_from("bytes", BigInteger(), redshift_encode="az64")
    events: Mapped[int] = read_from("events", BigInteger(), redshift_encode="az64")
    songs: Mapped[int] = read_from("songs", BigInteger(), redshift_encode="az64")
    plays: Mapped[int] = read_from("plays", BigInteger(), redshift_encode="az64")
    rejects: Mapped[int] = read_from("rejects", BigInteger(), redshift_encode="az64")


class LoadedFile(Base):
    """A file, as it was last loaded."""

    __tablename__ = "loaded_file"
    __table_args__: Any = {
        "comment": __doc__,
        "redshift_diststyle": "ALL",
        "redshift_sortkey": "uri",
    }

    uri: Mapped[str] = read_from("uri", String(2048), primary_key=True, redshift_encode="raw")
    kind: Mapped[str] = read_from("kind", String(16), redshift_encode="zstd")
    etag: Mapped[str] = read_from("etag", String(128), redshift_encode="zstd")
    size: Mapped[int] = read_from("size", BigInteger(), redshift_encode="az64")
    stamp: Mapped[str | None] = read_from("stamp", String(64), redshift_encode="zstd")
    rows: Mapped[int | None] = read_from("rows", BigInteger(), redshift_encode="az64")
    run_id: Mapped[str] = read_from(
        "run_id", String(32), ForeignKey("load_run.run_id"), redshift_encode="zstd"
    )


class LoadReject(Base):
    """A line that a run left out, because COPY can't read it."""

    __tablename__ = "load_reject"
    __table_args__: Any = {
        "comment": __doc__,
        "redshift_diststyle": "ALL",
        "redshift_sortkey": "run_id",
    }
    __mapper_args__: Any = {"primary_key": ["run_id", "uri", "line"]}

    run_id: Mapped[str] = read_from(
        "run_id", String(32), ForeignKey("load_run.run_id"), redshift_encode="raw"
    )
    uri: Mapped[str] = read_from("uri", String(2048), redshift_encode="zstd")
    line: Mapped[int] = read_from("line", BigInteger(), redshift_encode="az64")
    reason: Mapped[str] = read_from("reason", String(1024), redshift_encode="zstd")
    text: Mapped[str | None] = read_from("text", String(4096), redshift_encode="zstd")


class LoadLock(Base):
    """Empty; a run on Redshift locks it, so that no two load at once and readers go on."""

    __tablename__ = "load_lock"
    __table_args__: Any = {"comment": __doc__, "redshift_diststyle": "ALL"}
    __mapper_args__: Any = {"primary_key": ["run_id"]}

    run_id: Mapped[str] = read_from("run_id", String(32), redshift_encode="raw")
