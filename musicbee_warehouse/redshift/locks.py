"""Keeping two loads apart: a lock that ends with its transaction, and who holds it."""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.redshift.failures import is_lost

_PATIENCE = 2000
"""Milliseconds that a lock may take if nobody is to be waited for."""


def lock(connection: Connection, table: str, *, wait: bool) -> None:
    """Lock a table as the transaction's first statement, or raise if another has it locked.

    A regular user sees only his own transactions, so who holds the lock may stay unknown
    (https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TRANSACTIONS.html); then the lock is
    given up after two seconds.
    """
    if wait:
        connection.execute(text(f"LOCK TABLE {table}"))
        return
    _require_free(connection, table)
    usual = connection.scalar(text("SHOW statement_timeout"))
    connection.execute(text(f"SET statement_timeout TO {_PATIENCE}"))
    connection.commit()
    try:
        connection.execute(text(f"LOCK TABLE {table}"))
    except DBAPIError as error:
        connection.rollback()
        if is_lost(error):
            raise
        connection.execute(text(f"SET statement_timeout TO {_milliseconds(usual)}"))
        connection.commit()
        _require_free(connection, table)
        raise WarehouseError("another load holds the warehouse; wait for it to end") from None
    connection.execute(text(f"SET statement_timeout TO {_milliseconds(usual)}"))


def _require_free(connection: Connection, table: str) -> None:
    """Ask who holds the lock, in a transaction of its own: a question takes the snapshot."""
    holder = connection.execute(
        text(
            "SELECT t.txn_owner, t.pid, t.txn_start FROM svv_transactions AS t "  # noqa: S608
            "JOIN pg_class AS c ON c.oid = t.relation "
            f"WHERE c.relname = '{table}' AND pg_table_is_visible(c.oid) "
            "AND t.lock_mode = 'AccessExclusiveLock' AND t.granted"
        )
    ).first()
    connection.rollback()
    if holder:
        user, process, start = holder
        raise WarehouseError(
            f"a load of {user.strip()} (process {process}) has held the warehouse since "
            f"{start:%Y-%m-%d %H:%M:%S} UTC; wait for it to end"
        )


def _milliseconds(setting: object) -> str:
    """Return a setting as SET takes it, which shows 0 as it is and others with or without a unit.

    >>> _milliseconds("0"), _milliseconds("2s"), _milliseconds("90000")
    ('0', '2000', '90000')
    """
    shown = str(setting).strip()
    units = {"ms": 1, "min": 60_000, "s": 1000, "h": 3_600_000, "d": 86_400_000}
    for unit, factor in units.items():
        if shown.endswith(unit) and shown.removesuffix(unit).isdigit():
            return str(int(shown.removesuffix(unit)) * factor)
    return shown
