"""The error of a migration that can't be, known to the command line of Alembic and to ours."""

from __future__ import annotations

from alembic.util import CommandError

from musicbee_warehouse.errors import WarehouseError


class MigrationError(WarehouseError, CommandError):
    """A migration asks for what the database can't do; the message names a remedy."""
