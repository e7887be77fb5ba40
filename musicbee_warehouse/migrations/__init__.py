"""Migrations of the warehouse by Alembic, on DuckDB and on Redshift with its physical design.

A checkout migrates by ``alembic upgrade head``; an installed package by
``musicbee-warehouse migrate`` or :func:`upgrade`. Alembic is imported when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from musicbee_warehouse.migrations.revision import BehindError, current, heads, scripts

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["BehindError", "config", "current", "heads", "script", "upgrade"]


def config(**attributes: Any) -> Config:
    """Return the configuration by which Alembic's own commands run our migrations.

    Args:
        attributes: ``engine`` or ``url`` of the warehouse; ``metadata`` to compare with, by default
            that of the models.
    """
    from alembic.config import Config  # noqa: PLC0415 - a load needn't import it

    made = Config(attributes=attributes)
    made.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    return made


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Migrate a warehouse to a revision, by default to what the models are.

    It waits for a load to end, and no load begins before it ends.

    Args:
        engine: as :func:`musicbee_warehouse.connect` makes it.
        revision: its name, or ``+1`` for the next.

    Raises:
        MigrationError: if there is no such revision, or the database can't do what one asks for.

    >>> from musicbee_warehouse import connect, create_tables
    >>> engine = connect("duckdb:///:memory:")
    >>> upgrade(engine)
    >>> create_tables(engine)  # finds nothing to do
    """
    with _said():
        _upgrade(config(engine=engine), revision)


def script(dialect: str = "redshift", revision: str = "head") -> str:
    """Return the SQL of the migrations for an engine; no connection is needed.

    Args:
        dialect: ``redshift`` or ``duckdb``.
        revision: the last, or ``first:last``, where ``first`` is what the warehouse is at.

    >>> print(script())  # doctest: +ELLIPSIS
    BEGIN;
    ...
    """
    printed = StringIO()
    made = config(url=f"{dialect}://")
    made.output_buffer = printed
    with _said():
        _upgrade(made, revision, sql=True)
    return printed.getvalue()


def _upgrade(made: Config, revision: str, **options: Any) -> None:
    from alembic import command  # noqa: PLC0415 - a load needn't import it

    command.upgrade(made, revision, **options)


@contextmanager
def _said() -> Iterator[None]:
    """Make errors of ours of those that Alembic raises for its users."""
    from alembic.util import CommandError  # noqa: PLC0415 - a load needn't import it

    from musicbee_warehouse.migrations.errors import MigrationError  # noqa: PLC0415 - likewise

    try:
        yield
    except MigrationError:
        raise
    except CommandError as error:
        raise MigrationError(str(error)) from error
