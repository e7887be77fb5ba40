"""The words that SQLAlchemy lacks for loading a warehouse."""

from musicbee_warehouse.statements.copy import Copy, CopyOptions
from musicbee_warehouse.statements.insert import insert_from, upsert

__all__ = ["Copy", "CopyOptions", "insert_from", "upsert"]
