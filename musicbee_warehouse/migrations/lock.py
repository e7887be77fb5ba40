"""The lock of the ledger, by which loads of a warehouse, and migrations, keep out of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Engine, inspect, text

from musicbee_warehouse.loading.local import LocalStage
from musicbee_warehouse.loading.stage import Options
from musicbee_warehouse.models import LoadLock

Release = Callable[[], None]


def holding(engine: Engine) -> AbstractContextManager[Release]:
    """Hold the lock of a warehouse, waiting for a load to end, and give what lets it go early."""
    return _HOLDING[engine.dialect.name](engine)


@contextmanager
def _on_duckdb(engine: Engine) -> Iterator[Release]:
    with LocalStage(engine, Options()) as stage, stage.holding(wait=True):
        yield lambda: None


@contextmanager
def _on_redshift(engine: Engine) -> Iterator[Release]:
    """Lock the table that loads lock, on a connection of its own.

    Some statements of a migration end its transaction, and a lock would end with it.
    """
    with engine.connect() as holder:
        if inspect(holder).has_table(LoadLock.__tablename__):
            holder.rollback()
            holder.execute(text(f"LOCK {LoadLock.__tablename__}"))
        yield holder.rollback


_HOLDING: Mapping[str, Callable[[Engine], AbstractContextManager[Release]]] = {
    "duckdb": _on_duckdb,
    "redshift": _on_redshift,
}
