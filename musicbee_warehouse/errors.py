"""The errors that are ours; those of SQLAlchemy and the databases pass as they are.

::

    WarehouseError
     ├─ InputError         a file that can't be loaded, with line, column and value
     │   └─ LoadError      what COPY refused on Redshift, with type, value and remedy
     └─ UnreachableError   the warehouse doesn't answer, or not any more
"""

from __future__ import annotations

_SHOWN = 60
"""How many characters of a value an error shows."""


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


class LoadError(InputError):
    """COPY on Redshift refused a value, a line or a file; the load was rolled back.

    Attributes:
        type: of the column, with its width, such as ``VARCHAR(512)``.
        value: what stood in the file, as far as it could be read.
        remedy: what to do.

    >>> error = LoadError("520 bytes don't fit", file="s3://bucket/a.json", line=3, column="song",
    ...     type="VARCHAR(512)", value="La la la", remedy="widen song to VARCHAR(1024)")
    >>> print(error)
    s3://bucket/a.json, line 3, song VARCHAR(512): 520 bytes don't fit: 'La la la'
    Remedy: widen song to VARCHAR(1024)
    """

    def __init__(  # noqa: PLR0913 - what there is to say of a fault
        self,
        reason: str,
        *,
        file: str,
        line: int | None = None,
        column: str | None = None,
        type: str | None = None,  # noqa: A002 - the column's
        value: str | None = None,
        remedy: str,
    ) -> None:
        self.type, self.value, self.remedy = type, value, remedy
        place = " ".join(filter(None, (column, type)))
        super().__init__(reason, file=file, line=line, column=place or None)
        self.column = column

    def __str__(self) -> str:
        value = self.value or ""
        short = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
        size = f" ({len(value.encode()):,} bytes)" if short != value else ""
        shown = f": {short!r}{size}" if value else ""
        return f"{super().__str__()}{shown}\nRemedy: {self.remedy}"


class UnreachableError(WarehouseError):
    """The warehouse doesn't answer, or not any more; a load tries again."""
