"""SQLAlchemy models of a music-streaming warehouse, and the pipeline that loads it.

>>> import musicbee_warehouse as mw
>>> engine = mw.connect("duckdb:///:memory:")
>>> report = mw.load(engine, events="examples/data/log_data", songs="examples/data/song_data")
>>> report.rows["song_dim"]
(0, 48)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from musicbee_warehouse import display
from musicbee_warehouse._version import __version__
from musicbee_warehouse.engine import connect, create_tables
from musicbee_warehouse.errors import InputError, LoadError, UnreachableError, WarehouseError
from musicbee_warehouse.models import (
    ArtistDim,
    Base,
    LoadedFile,
    LoadReject,
    LoadRun,
    SongDim,
    SongplayFact,
    StagingEvent,
    StagingOverride,
    StagingRepeat,
    StagingSong,
    TimeDim,
    UnmatchedSongplay,
    UserDim,
    jsonpaths,
)
from musicbee_warehouse.pipeline import Pipeline, Report, Step, dialect_of
from musicbee_warehouse.statements import Copy, CopyOptions, insert_from, upsert

if TYPE_CHECKING:
    from musicbee_warehouse import star
    from musicbee_warehouse.diagrams import data_dictionary, entity_diagram, lineage
    from musicbee_warehouse.loading import LoadReport, Plan, check, forget, load, plan, runs

__all__ = [
    "ArtistDim",
    "Base",
    "Copy",
    "CopyOptions",
    "InputError",
    "LoadError",
    "LoadReject",
    "LoadReport",
    "LoadRun",
    "LoadedFile",
    "Pipeline",
    "Plan",
    "Report",
    "SongDim",
    "SongplayFact",
    "StagingEvent",
    "StagingOverride",
    "StagingRepeat",
    "StagingSong",
    "Step",
    "TimeDim",
    "UnmatchedSongplay",
    "UnreachableError",
    "UserDim",
    "WarehouseError",
    "__version__",
    "check",
    "connect",
    "create_tables",
    "data_dictionary",
    "dialect_of",
    "entity_diagram",
    "forget",
    "insert_from",
    "jsonpaths",
    "lineage",
    "load",
    "plan",
    "runs",
    "star",
    "upsert",
]

_LATER = {
    **dict.fromkeys(("data_dictionary", "entity_diagram", "lineage"), "diagrams"),
    **dict.fromkeys(("LoadReport", "Plan", "check", "forget", "load", "plan", "runs"), "loading"),
    "star": "star",
}
"""Names whose module is imported at first use: building the star's statements takes a while."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_LATER[name]}")
    return module if name == "star" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


display.register()
