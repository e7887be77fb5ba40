"""SQLAlchemy models of a music-streaming warehouse and the pipeline that loads it."""

from musicbee_warehouse._version import __version__

__all__ = ["__version__"]
