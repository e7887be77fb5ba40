"""What the tables are: staging, the star that analysts query, and the ledger of loads."""

from musicbee_warehouse.models.base import Base, json_key, jsonpaths
from musicbee_warehouse.models.ledger import LoadedFile, LoadLock, LoadReject, LoadRun
from musicbee_warehouse.models.staging import (
    StagingEvent,
    StagingOverride,
    StagingRepeat,
    StagingSong,
)
from musicbee_warehouse.models.star import (
    ArtistDim,
    SongDim,
    SongplayFact,
    TimeDim,
    UnmatchedSongplay,
    UserDim,
)

__all__ = [
    "ArtistDim",
    "Base",
    "LoadLock",
    "LoadReject",
    "LoadRun",
    "LoadedFile",
    "SongDim",
    "SongplayFact",
    "StagingEvent",
    "StagingOverride",
    "StagingRepeat",
    "StagingSong",
    "TimeDim",
    "UnmatchedSongplay",
    "UserDim",
    "json_key",
    "jsonpaths",
]
