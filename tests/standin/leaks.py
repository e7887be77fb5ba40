"""Secrets, and where they must not turn up."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

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
    """Yield the lines that loggers say during a block."""
    heard = Heard()
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    logging.getLogger().addHandler(heard)
    for name, level in LOGGERS.items():
        logging.getLogger(name).setLevel(level)
    try:
        yield heard.lines
    finally:
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
