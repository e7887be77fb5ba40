"""What the front does for a statement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from standin.session import Session

NOTHING = "SET standin.nothing = ''"
"""What PostgreSQL is given to parse where the front acts itself: it returns no rows."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a statement of Redshift is carried out with PostgreSQL.

    Attributes:
        sql: what PostgreSQL parses, and runs where nothing stands instead.
        instead: what the front does itself, with the client's own transaction.
        after: what the front does once PostgreSQL has run the SQL.
        tag: the name under which the client is told of the end, where it isn't PostgreSQL's.
        alone: the command's name, if it can't run inside a transaction block.
        writes: the table that it writes to: Redshift locks it until the transaction ends.
    """

    sql: str = NOTHING
    instead: Callable[[Session], None] | None = None
    after: Callable[[Session], None] | None = None
    tag: str = ""
    alone: str = ""
    writes: str = ""
