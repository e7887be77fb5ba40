"""What ``alembic/env.py`` does: migrate a warehouse, compare it with the models, or print SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.plugins import Plugin
from sqlalchemy import Engine

from musicbee_warehouse.engine import backend_of, connect
from musicbee_warehouse.migrations import compare, duckdb, redshift, render
from musicbee_warehouse.migrations.lock import holding
from musicbee_warehouse.migrations.revision import scripts
from musicbee_warehouse.models import Base
from musicbee_warehouse.redshift.arguments import DRIVER
from musicbee_warehouse.settings import warehouse_url

_CREATED = re.compile(r"""op\.create_table\(\s*["'](\w+)["']""")
REGISTERED = (duckdb, redshift, render)
"""Importing them lets Alembic know them."""
Plugin.setup_plugin_from_module(compare, compare.PLUGIN)


def run(context: EnvironmentContext) -> None:
    """Do what an Alembic command asks for.

    The warehouse is the engine in ``config.attributes["engine"]``, or else the URL of ``-x url=``
    or of MUSICBEE_WAREHOUSE_URL. It is compared with ``config.attributes["metadata"]``, by default
    the models.
    """
    if context.is_offline_mode():
        _print(context)
        return
    given: Engine | None = context.config.attributes.get("engine")
    engine = given or connect(_url(context))
    try:
        _migrate(context, engine)
    finally:
        if given is None:
            engine.dispose()


def _print(context: EnvironmentContext) -> None:
    backend = backend_of(_url(context))
    name = DRIVER if backend == "redshift" else backend
    context.configure(dialect_name=name, literal_binds=True, **_options(context))
    with context.begin_transaction():
        context.run_migrations()


def _migrate(context: EnvironmentContext, engine: Engine) -> None:
    with _lock(context, engine) as release, engine.connect() as connection:
        context.configure(connection=connection, release_lock=release, **_options(context))
        with context.begin_transaction():
            context.run_migrations()


def _options(context: EnvironmentContext) -> Mapping[str, Any]:
    return {
        "target_metadata": context.config.attributes.get("metadata", Base.metadata),
        "autogenerate_plugins": ["alembic.autogenerate.*", compare.PLUGIN],
        "include_object": _is_ours,
        # What was migrated stays migrated, whatever a later migration does.
        "transaction_per_migration": True,
    }


def _lock(
    context: EnvironmentContext, engine: Engine
) -> AbstractContextManager[Callable[[], None] | None]:
    """Keep loads away from commands that change the warehouse; the others only look."""
    try:
        context.get_revision_argument()
    except KeyError:
        return nullcontext()
    return holding(engine)


def _url(context: EnvironmentContext) -> str:
    given = context.get_x_argument(as_dictionary=True).get("url")
    attributes = context.config.attributes
    return str(given or attributes.get("url") or warehouse_url())


def _is_ours(_item: Any, name: str | None, kind: str, reflected: bool, compared_to: Any) -> bool:
    """Leave tables alone that no migration made: a schema may hold other people's."""
    stranger = kind == "table" and reflected and compared_to is None
    return not stranger or name in _made()


@cache
def _made() -> set[str]:
    """Return the names of the tables that migrations create."""
    texts = (path.read_text(encoding="utf-8") for path in (scripts() / "versions").glob("*.py"))
    return {name for text in texts for name in _CREATED.findall(text)}
