"""Secrets, and where they must not turn up."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from unittest import mock

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from musicbee_warehouse import WarehouseError

LOGGERS = {
    "": logging.WARNING,
    "alembic": logging.DEBUG,
    "boto3": logging.INFO,
    "botocore": logging.INFO,
    "musicbee_warehouse": logging.DEBUG,
    "redshift_connector": logging.INFO,
    "sqlalchemy": logging.INFO,
}
"""The loggers that are listened to, and from which level on.

SQLAlchemy tells every statement and its parameters at INFO. At DEBUG the driver tells what it sends
and botocore whole requests, which no user of a library can help.
"""


class Heard(logging.Handler):
    """Keeps what loggers say, as text."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self._formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, with the traceback of its exception."""
        self.lines.append(self._formatter.format(record))


@contextmanager
def listening() -> Iterator[list[str]]:
    """Yield the lines that loggers say during a block, and the errors that are made.

    Errors are those of Redshift's driver, as they are and as SQLAlchemy wraps them, and those of
    the package; whether somebody catches them or not.
    """
    heard = Heard()
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    logging.getLogger().addHandler(heard)
    for name, level in LOGGERS.items():
        logging.getLogger(name).setLevel(level)

    def note_database_error(context: ExceptionContext) -> None:
        heard.lines += map(str, (context.original_exception, context.sqlalchemy_exception))

    def make_error(self: WarehouseError, *words: object) -> None:
        heard.lines.append(" ".join(map(str, words)))
        Exception.__init__(self, *words)

    event.listen(Engine, "handle_error", note_database_error)
    try:
        with mock.patch.object(WarehouseError, "__init__", make_error):
            yield heard.lines
    finally:
        event.remove(Engine, "handle_error", note_database_error)
        logging.getLogger().removeHandler(heard)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def leaks(texts: Iterable[str], secrets: Iterable[str]) -> list[str]:
    """Return the texts that hold a secret, with stars in its place."""
    known = sorted(set(secrets) - {""}, key=len, reverse=True)
    found = []
    for text in texts:
        clean = text
        for secret in known:
            clean = clean.replace(secret, "***")
        if clean != text:
            found.append(clean)
    return found
