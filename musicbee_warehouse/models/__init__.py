"""What the tables are: staging, and the star that analysts query."""

from musicbee_warehouse.models.base import Base, json_key, jsonpaths
from musicbee_warehouse.models.staging import StagingEvent, StagingRepeat, StagingSong
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
    "SongDim",
    "SongplayFact",
    "StagingEvent",
    "StagingRepeat",
    "StagingSong",
    "TimeDim",
    "UnmatchedSongplay",
    "UserDim",
    "json_key",
    "jsonpaths",
]
