"""Why COPY failed, or what it left out: read from Redshift's own record of it, and the file.

Redshift's message only names the view with the reasons. That view tells file, line and column, and
neither the value nor the text of the line, so those are looked up in the file.
https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, Table, column, func, literal, null, select, table
from sqlalchemy.exc import DBAPIError, ProgrammingError

from musicbee_warehouse.errors import InputError, LoadError, WarehouseError
from musicbee_warehouse.loading import diagnosis
from musicbee_warehouse.loading.s3 import fetch
from musicbee_warehouse.loading.sources import SourceFile
from musicbee_warehouse.loading.spool import objects
from musicbee_warehouse.loading.stage import Reject
from musicbee_warehouse.models import json_key
from musicbee_warehouse.redshift.failures import may_pass, message_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TOO_LONG = 1204
"""https://docs.aws.amazon.com/redshift/latest/dg/r_Load_Error_Reference.html"""
_WIDEST = 65_535
_LARGEST = 256 * 1024 * 1024
"""Bytes of a file up to which it is read again to show a value."""
_REASON, _TEXT = 1024, 4096


@dataclass(frozen=True)
class Fault:
    """What Redshift recorded of a line that COPY refused; the line is the object's last."""

    file: str
    line: int
    column: str
    type: str
    width: str
    code: int
    reason: str
    value: str | None

    @property
    def sized_type(self) -> str:
        """The type of the column, with its width where it has one."""
        name = "VARCHAR" if "char" in self.type else self.type.upper()
        return f"{name}({self.width})" if self.width not in ("", "0") else name


def explain(
    connection: Connection,
    error: DBAPIError,
    target: Table,
    files: Sequence[SourceFile],
    client: S3Client,
) -> None:
    """Raise a LoadError with what is known of why a COPY failed; return if nothing is.

    The transaction is rolled back.
    """
    if may_pass(error):
        return
    message = message_of(error)
    connection.rollback()
    if refused := _refusal(message, files):
        raise refused from None
    if "load_error" in message:
        known = {file.uri: file for file in files}
        for fault in _of_last_failure(connection):
            if fault.file in known:
                raise _load_error(fault, target, known[fault.file], client) from None


def rejects(
    connection: Connection, target: Table, files: Sequence[SourceFile], client: S3Client
) -> list[Reject]:
    """Return the lines that the last COPY of the transaction left out, in the files' order."""
    query = connection.scalar(select(func.pg_last_copy_id()))
    faults = _read(connection, _in_sys(_SYS.c.query_id == literal(query, literal_execute=True)))
    known = {file.uri: file for file in files}
    return [
        reject
        for uri, of_file in groupby(faults, lambda fault: fault.file)
        if uri in known
        for reject in _rejects_of(known[uri], list(of_file), target, client)
    ]


def unfit(target: Table, files: Sequence[SourceFile], client: S3Client) -> list[Reject]:
    """Return the lines of files that COPY takes and the star can't, found by reading them."""
    return [
        _reject(file.uri, line, ": ".join(filter(None, (fault.column, fault.reason))), content)
        for file in _fetched(files, client)
        for line, content, fault in diagnosis.sift(target, file)
        if fault
    ]


def diagnose(target: Table, files: Sequence[SourceFile], client: S3Client) -> None:
    """Raise an InputError at the first fault of the files, found by reading them.

    Return if there is none, or if it is Redshift alone that may read them.
    """
    try:
        for file in _fetched(files, client):
            diagnosis.diagnose(target, [file])
    except InputError:
        raise
    except WarehouseError:
        return


# What Redshift recorded -----------------------------------------------------------------------

_SYS = table(
    "sys_load_error_detail",
    *map(
        column,
        [
            "session_id",
            "query_id",
            "file_name",
            "line_number",
            "column_name",
            "column_type",
            "column_length",
            "error_code",
            "error_message",
        ],
    ),
)
_STL = table(
    "stl_load_errors",
    *map(
        column,
        [
            "session",
            "query",
            "filename",
            "line_number",
            "colname",
            "type",
            "col_length",
            "err_code",
            "err_reason",
            "raw_field_value",
        ],
    ),
)


def _in_sys(which: Any) -> Select[Any]:
    c = _SYS.c
    texts = (c.file_name, c.column_name, c.column_type, c.column_length, c.error_message)
    file, name, type_, width, reason = (func.trim(each) for each in texts)
    return (
        select(file, c.line_number, name, type_, width, c.error_code, reason, null())
        .where(which)
        .order_by(c.file_name, c.line_number)
    )


def _in_stl(which: Any) -> Select[Any]:
    c = _STL.c
    texts = (c.filename, c.colname, c.type, c.col_length, c.err_reason, c.raw_field_value)
    file, name, type_, width, reason, value = (func.trim(each) for each in texts)
    return (
        select(file, c.line_number, name, type_, width, c.err_code, reason, value)
        .where(which)
        .order_by(c.filename, c.line_number)
    )


def _of_last_failure(connection: Connection) -> list[Fault]:
    """Return what was recorded of the session's last COPY with faults.

    ``pg_last_copy_id()`` doesn't tell which that was: it isn't set by a COPY that is rolled back
    (https://docs.aws.amazon.com/redshift/latest/dg/PG_LAST_COPY_ID.html). Serverless has no
    STL_LOAD_ERRORS, and an old cluster no SYS_LOAD_ERROR_DETAIL.
    """
    session = literal(connection.scalar(select(func.pg_backend_pid())), literal_execute=True)
    last = select(func.max(_SYS.c.query_id)).where(_SYS.c.session_id == session)
    last_in_stl = select(func.max(_STL.c.query)).where(_STL.c.session == session)
    questions = (
        _in_sys(_SYS.c.query_id == last.scalar_subquery()),
        _in_stl(_STL.c.query == last_in_stl.scalar_subquery()),
    )
    for question in questions:
        try:
            if faults := _read(connection, question):
                return faults
        except ProgrammingError:
            connection.rollback()
    return []


def _read(connection: Connection, question: Select[Any]) -> list[Fault]:
    return [Fault(*row) for row in connection.execute(question)]


# What the files hold --------------------------------------------------------------------------


def _fetched(files: Iterable[SourceFile], client: S3Client) -> Iterator[SourceFile]:
    """Yield files of a bucket as they are on this machine."""
    with (
        TemporaryDirectory(prefix="musicbee-") as folder,
        fetch(files, folder, client=client) as batches,
    ):
        for batch in batches:
            yield from batch


def _value_of(fault: Fault, target: Table, file: SourceFile, client: S3Client) -> str | None:
    """Return what stands in the file; what Redshift recorded, if that can't be read."""
    if file.size > _LARGEST or fault.column not in target.c:
        return fault.value
    key = json_key(target.c[fault.column])
    try:
        for fetched in _fetched([file], client):
            for line, content in objects(fetched):
                if line + content.count("\n") >= fault.line:
                    value = json.loads(content, parse_float=str, parse_int=str)[key]
                    return value if isinstance(value, str | None) else json.dumps(value)
    except (WarehouseError, LookupError, TypeError, ValueError):
        pass  # what is known without the value is said all the same
    return fault.value


def _rejects_of(
    file: SourceFile, faults: Sequence[Fault], target: Table, client: S3Client
) -> Iterator[Reject]:
    """Yield a reject for each fault, with the text of its object where the file can be read."""
    left: dict[int, list[Fault]] = {}
    for fault in faults:
        left.setdefault(fault.line, []).append(fault)
    try:
        for fetched in _fetched([file], client):
            for last, found in groupby(diagnosis.sift(target, fetched), _last_line):
                # Of several objects on a line those that we too find a fault with come first.
                objects_of_line = sorted(found, key=lambda each: each[2] is None)
                of_line = left.pop(last, [])
                for (line, content, ours), fault in zip(objects_of_line, of_line, strict=False):
                    yield _reject(file.uri, line, _reason(fault, ours), content)
                left[last] = of_line[len(objects_of_line) :]
    except WarehouseError:
        pass  # it may be Redshift alone that reads the bucket; then the texts stay unknown
    for line, rest in sorted(left.items()):
        for fault in rest:
            yield _reject(file.uri, line, _reason(fault, None), None)


def _last_line(found: tuple[int, str, InputError | None]) -> int:
    line, content, _ = found
    return line + content.count("\n")


def _reason(fault: Fault, ours: InputError | None) -> str:
    """Return what is wrong in the words that DuckDB's loads use, or else in Redshift's."""
    reason = ours.reason if ours else f"{fault.reason} (error {fault.code})"
    return ": ".join(filter(None, ((ours.column if ours else None) or fault.column, reason)))


def _reject(uri: str, line: int, reason: str, content: str | None) -> Reject:
    return Reject(uri, line, _cut(reason, _REASON), content and _cut(content, _TEXT))


def _cut(content: str, size: int) -> str:
    return content.encode()[:size].decode(errors="ignore")


# What to say of it ----------------------------------------------------------------------------


def _load_error(fault: Fault, target: Table, file: SourceFile, client: S3Client) -> LoadError:
    value = _value_of(fault, target, file, client)
    return LoadError(
        f"{fault.reason.rstrip('.')} (error {fault.code})",
        file=fault.file,
        line=fault.line,
        column=fault.column or None,
        type=fault.sized_type or None,
        value=value,
        remedy=_remedy(fault, target, value),
    )


def _remedy(fault: Fault, target: Table, value: str | None) -> str:
    if fault.code != _TOO_LONG or fault.column not in target.c:
        return "repair or remove the line, or let it be left out with max_errors"
    width = int(fault.width) if fault.width.isdigit() else 0
    needed = len(value.encode()) if value else width + 1
    wider = 1 << (max(needed, width + 1) - 1).bit_length()
    if needed > _WIDEST:
        return f"shorten the value: no column takes more than {_WIDEST:,} bytes"
    return (
        f"widen {fault.column} to VARCHAR({min(wider, _WIDEST)}) in the model, then run "
        f'alembic revision --autogenerate -m "widen {target.name}.{fault.column}" '
        "and musicbee-warehouse migrate"
    )


def _refusal(message: str, files: Sequence[SourceFile]) -> LoadError | None:
    """Return the error for what COPY says before it reads a line, mostly of access."""
    first = files[0].uri
    bucket = first.split("/")[2]
    if re.search(r"not authorized to (assume|get credentials)", message, re.IGNORECASE):
        return LoadError(
            f"Redshift may not use the role: {_line(message)}",
            file=first,
            remedy="attach the role to the cluster, and let it trust redshift.amazonaws.com",
        )
    if re.search(r"AccessDenied|Access Denied|Status 403|Forbidden", message):
        return LoadError(
            "access is denied to the role by which Redshift reads",
            file=first,
            remedy=f"give the role s3:GetObject on arn:aws:s3:::{bucket}/* and the work prefix",
        )
    if re.search(r"NoSuchKey|Status 404|does not exist.*Mandatory|mandatory", message):
        return LoadError(
            f"a file that was listed is gone: {_line(message)}",
            file=first,
            remedy="nothing was loaded; load again",
        )
    return None


def _line(message: str) -> str:
    return message.strip().split("\n")[0][:200]
