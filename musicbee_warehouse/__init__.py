"""SQLAlchemy models of a music-streaming warehouse, and the pipeline that loads it.

>>> import musicbee_warehouse as mw
>>> engine = mw.connect("duckdb:///:memory:")
>>> report = mw.load(engine, events="examples/data/log_data", songs="examples/data/song_data")
>>> report.rows["song_dim"]
(0, 48)
"""

from musicbee_warehouse import star
from musicbee_warehouse._version import __version__
from musicbee_warehouse.engine import connect, create_tables
from musicbee_warehouse.errors import InputError, WarehouseError
from musicbee_warehouse.loading import LoadReport, load
from musicbee_warehouse.models import (
    ArtistDim,
    Base,
    SongDim,
    SongplayFact,
    StagingEvent,
    StagingRepeat,
    StagingSong,
    TimeDim,
    UnmatchedSongplay,
    UserDim,
    jsonpaths,
)
from musicbee_warehouse.pipeline import Pipeline, Report, Step, dialect_of
from musicbee_warehouse.statements import Copy, CopyOptions, insert_from, upsert

__all__ = [
    "ArtistDim",
    "Base",
    "Copy",
    "CopyOptions",
    "InputError",
    "LoadReport",
    "Pipeline",
    "Report",
    "SongDim",
    "SongplayFact",
    "StagingEvent",
    "StagingRepeat",
    "StagingSong",
    "Step",
    "TimeDim",
    "UnmatchedSongplay",
    "UserDim",
    "WarehouseError",
    "__version__",
    "connect",
    "create_tables",
    "dialect_of",
    "insert_from",
    "jsonpaths",
    "load",
    "star",
    "upsert",
]
