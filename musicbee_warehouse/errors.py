"""The errors that are ours; those of SQLAlchemy and the databases pass as they are.

::

    WarehouseError
     └─ InputError       a file that can't be loaded, with line, column and value
"""

from __future__ import annotations


class WarehouseError(Exception):
    """The base of our errors; its message is one or two sentences for a user."""


class InputError(WarehouseError):
    """A file holds what COPY would refuse.

    Attributes:
        file: the file's path.
        line: the line, from 1, on which the object begins; None where the whole file is meant.
        column: the column of the staging table, where one is to blame.

    >>> print(InputError("12.7 is no whole number", file="a.json", line=3, column="status"))
    a.json, line 3, status: 12.7 is no whole number
    """

    def __init__(
        self, reason: str, *, file: str, line: int | None = None, column: str | None = None
    ) -> None:
        self.reason, self.file, self.line, self.column = reason, file, line, column
        place = [file, f"line {line}" if line else "", column or ""]
        super().__init__(f"{', '.join(part for part in place if part)}: {reason}")
