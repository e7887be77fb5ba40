"""Which tables there are, and of what kind."""

from __future__ import annotations

from musicbee_warehouse.models import Base

_FIRST = {"staging": "staging", "load": "ledger", "loaded": "ledger"}
_LAST = {"dim": "dimension"}


def kind_of(name: str) -> str:
    """Return of what kind a table is, by its name; what is no table of ours is a file.

    The columns of a query are in a table that is called ``query``.

    >>> [kind_of(name) for name in ("song_dim", "songplay_fact", "load_run", "s3://bucket/logs")]
    ['dimension', 'fact', 'ledger', 'file']
    """
    if name not in Base.metadata.tables:
        return "query" if name == "query" else "file"
    first, *_, last = name.split("_")
    return _FIRST.get(first) or _LAST.get(last, "fact")
