"""COPY: from objects of S3 to rows of a table, within the client's transaction.

https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from standin.documents import Path, load_jsonpaths, records, walk
from standin.plan import Plan
from standin.storage import Storage, service_error, split_uri
from standin.tokens import Reader, Refused
from standin.values import BadValue, TargetColumn, converter, text_of_json
from standin.wire import ServerError, fields, identifier, literal

if TYPE_CHECKING:
    from standin.session import Session

_FLAGS = {
    *("GZIP", "BZIP2", "LZOP", "ZSTD", "MANIFEST", "EMPTYASNULL", "BLANKSASNULL", "NOLOAD"),
    *("TRUNCATECOLUMNS", "ACCEPTANYDATE", "TRIMBLANKS", "IGNOREBLANKLINES", "FILLRECORD"),
    *("ESCAPE", "REMOVEQUOTES", "EXPLICIT_IDS", "ROUNDEC", "IGNOREALLERRORS"),
}
_STRINGS = {
    *("TIMEFORMAT", "DATEFORMAT", "REGION", "DELIMITER", "NULL", "QUOTE", "ENCODING"),
    *("ACCEPTINVCHARS", "FIXEDWIDTH"),
}
_NUMBERS = {"MAXERROR", "IGNOREHEADER", "COMPROWS", "READRATIO"}
_SWITCHES = {"COMPUPDATE", "STATUPDATE"}
_FORMATS = {"JSON", "AVRO", "CSV", "PARQUET", "ORC", "SHAPEFILE"}
_NOT_FOR_JSON = (
    *("DELIMITER", "QUOTE", "ESCAPE", "FIXEDWIDTH", "IGNOREHEADER", "REMOVEQUOTES"),
    *("READRATIO", "FILLRECORD", "NULL"),
)
_MAX_ERRORS = 100_000
_DATA_ERRORS = ("22P02", "22007", "22008", "22001", "22003", "23502")
"""What PostgreSQL says of values that it can't take after all."""


@dataclass
class Copy:
    """A COPY as it was given."""

    table: str
    columns: list[str] | None = None
    source: str = ""
    role: str = ""
    format: str = ""
    json: str = "auto"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Outcome:
    """What a COPY came to: rows, lines by file, and what could not be loaded."""

    rows: int = 0
    files: list[tuple[str, int]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)


def plan_copy(sql: Reader) -> Plan:
    """Plan a COPY."""
    return Plan(instead=partial(_run, copy=read_copy(sql)), tag="COPY")


def read_copy(sql: Reader) -> Copy:
    """Read a COPY; refuse what Redshift's grammar and its checks refuse."""
    sql.expect("COPY")
    copy = Copy(sql.name())
    if sql.comes("("):
        copy.columns = sql.names()
    sql.expect("FROM")
    if sql.comes("STDIN"):
        raise Refused("COPY FROM stdin is not supported", "0A000")
    copy.source = sql.string()
    while sql:
        _read_option(sql, copy)
    if not copy.role:
        raise Refused("CREDENTIALS argument must be specified", "XX000")
    if copy.format == "JSON":
        for name in _NOT_FOR_JSON:
            if name in copy.options:
                raise Refused(f"{name} option is not supported for JSON", "XX000")
    if copy.options.get("MAXERROR", 0) > _MAX_ERRORS:
        raise Refused(f"MAXERROR must be between 0 and {_MAX_ERRORS}", "XX000")
    return copy


def _read_option(sql: Reader, copy: Copy) -> None:
    if sql.one_of(("WITH", "AS")):
        return
    if word := sql.one_of(("IAM_ROLE", "CREDENTIALS")):
        _once(copy, "CREDENTIALS")
        copy.role = read_credentials(sql, word)
    elif sql.skip("FORMAT"):
        sql.skip("AS")
        if sql.peek().word not in _FORMATS:
            raise sql.error()
    elif word := sql.one_of(_FORMATS):
        _once(copy, "FORMAT")
        copy.format = word
        sql.skip("AS")
        if word in ("JSON", "AVRO") and sql.peek().kind == "string":
            copy.json = sql.string()
    elif word := sql.one_of(_FLAGS):
        _once(copy, word)
    elif word := sql.one_of(_SWITCHES):
        _once(copy, word)
        sql.one_of(("ON", "OFF", "TRUE", "FALSE", "PRESET"))
    elif word := sql.one_of(_NUMBERS | _STRINGS):
        sql.skip("AS")
        _once(copy, word, _argument(sql, word))
    else:
        raise sql.error()


def _once(copy: Copy, name: str, value: Any = True) -> None:
    if name in copy.options:
        raise Refused("conflicting or redundant options")
    copy.options[name] = value


def _argument(sql: Reader, word: str) -> Any:
    if word == "ENCODING" and sql.peek().kind == "word":
        return sql.next().text
    if word in _STRINGS:
        return sql.string()
    if sql.peek().kind != "number":
        raise sql.error()
    return int(sql.next().text)


def read_credentials(sql: Reader, word: str) -> str:
    """Return the ARN of the role that is given; keys in the text of a statement are refused.

    Redshift would take keys, see
    https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-authorization.html, but nobody
    here has a reason to send them.
    """
    sql.skip("AS")
    if sql.skip("DEFAULT"):
        return "default"
    given = sql.string()
    if word == "IAM_ROLE":
        return given
    name, _, role = given.partition("=")
    if name != "aws_iam_role":
        raise Refused("the stand-in takes no keys in CREDENTIALS, only aws_iam_role=", "XX000")
    return role


def _run(session: Session, *, copy: Copy) -> None:
    columns = columns_of(session, copy.table)
    targets = _targets(copy, columns)
    storage = session.storage(copy.role)
    outcome = Outcome()
    load = _Load(copy, targets, storage, outcome)
    names = ", ".join(identifier(column.name) for column in targets)
    query = session.front.next_query()
    oids = f"SELECT standin.this_database(), {literal(copy.table)}::regclass::oid"
    database, table = map(int, map(str, session.backend.query(oids)[0]))
    session.lock_for_writing(copy.table)
    try:
        session.backend.query(f"COPY {copy.table} ({names}) FROM STDIN", load.feed)
    except ServerError as error:
        if error.state not in _DATA_ERRORS:
            raise
        outcome.errors.append(_error(copy.source, 0, "", None, BadValue(1200, error.told)))
        raise failed(copy.table) from None
    finally:
        log, source = session.front.loads, (database, table, session.process, query)
        log.add_errors(source, outcome.errors)
        log.add_files(database, query, outcome.files)
    count = f"set_config('standin.copy_count', '{outcome.rows}', false)"
    session.backend.query(f"SELECT {count}, set_config('standin.copy_id', '{query}', false)")
    told = f"Load into table '{_bare(copy.table)}' completed, {outcome.rows} record(s) loaded"
    session.wire.put(b"N", fields("INFO", "00000", f"{told} successfully."))


def failed(table: str) -> Refused:
    """Return the error of a COPY that met more errors than it may."""
    return Refused(
        f"Load into table '{_bare(table)}' failed.  "
        "Check 'sys_load_error_detail' system table for details.",
        "XX000",
    )


def _bare(table: str) -> str:
    return table.rsplit(".", maxsplit=1)[-1].strip('"')


def columns_of(session: Session, table: str) -> list[TargetColumn]:
    """Return the columns of a table, in order."""
    found = session.backend.query(f"SELECT to_regclass({literal(table)})::oid")[0][0]
    if found is None:
        raise Refused(f"Cannot COPY into nonexistent table {_bare(table)}", "XX000")
    rows = session.backend.query(
        "SELECT a.attname, CASE WHEN t.typtype = 'd' THEN t.typname"
        " ELSE replace(format_type(a.atttypid, NULL), '\"', '') END, a.attnotnull, a.attidentity,"
        " information_schema._pg_char_max_length(a.atttypid, a.atttypmod),"
        " information_schema._pg_numeric_precision(a.atttypid, a.atttypmod),"
        " information_schema._pg_numeric_scale(a.atttypid, a.atttypmod)"
        " FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid"
        f" WHERE a.attrelid = {found} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
    )
    return [_target(*row) for row in rows]


def _target(
    name: str | None,
    kind: str | None,
    not_null: str | None,
    identity: str | None,
    *sizes: str | None,
) -> TargetColumn:
    length, precision, scale = (int(size) if size else None for size in sizes)
    return TargetColumn(
        str(name), str(kind), not_null == "t", bool(identity), length, precision, scale
    )


def _targets(copy: Copy, columns: Sequence[TargetColumn]) -> list[TargetColumn]:
    by_name = {column.name: column for column in columns}
    if copy.columns is None:
        explicit = "EXPLICIT_IDS" in copy.options
        return [column for column in columns if explicit or not column.identity]
    for name in copy.columns:
        if name not in by_name:
            raise Refused(
                f'column "{name}" of relation "{_bare(copy.table)}" does not exist', "42703"
            )
    return [by_name[name] for name in copy.columns]


class _Load:
    """Reads the objects, converts their rows, and gives them to PostgreSQL."""

    def __init__(
        self, copy: Copy, targets: list[TargetColumn], storage: Storage, outcome: Outcome
    ) -> None:
        self._copy, self._targets, self._storage, self.outcome = copy, targets, storage, outcome
        self._converters = [converter(column, copy.options) for column in targets]
        self._fields = _fields_of(copy, targets, storage)
        self._limit = max(copy.options.get("MAXERROR", 0), 1)
        if "IGNOREALLERRORS" in copy.options:
            self._limit = _MAX_ERRORS + 1

    def feed(self, write: Callable[[bytes], None]) -> None:
        """Write all rows; raise Refused once there are as many errors as MAXERROR says."""
        for uri, data in _objects(self._copy, self._storage):
            lines, rows = 0, []
            for lines, (line, raw, record) in enumerate(_records(self._copy, data), 1):  # noqa: B007
                if row := self._row(uri, line, raw, record):
                    rows.append(row)
            self.outcome.files.append((uri, lines))
            self.outcome.rows += len(rows)
            if rows and "NOLOAD" not in self._copy.options:
                write("".join(rows).encode("utf-8", "surrogateescape"))

    def _row(self, uri: str, line: int, raw: str, record: Any) -> str | None:
        place = 0
        try:
            if isinstance(record, BadValue):
                raise record
            row = []
            for place, (convert, value) in enumerate(  # noqa: B007
                zip(self._converters, self._fields(record), strict=True)
            ):
                row.append(_escaped(convert(value)))
        except BadValue as error:
            column = None if isinstance(record, BadValue) else self._targets[place]
            self.outcome.errors.append(_error(uri, line, raw, column, error))
            if len(self.outcome.errors) >= self._limit:
                raise failed(self._copy.table) from None
            return None
        return "\t".join(row) + "\n"


def _fields_of(
    copy: Copy, targets: list[TargetColumn], storage: Storage
) -> Callable[[Any], Iterable[Any]]:
    """Return the function that takes a record apart into the values of the target columns."""
    if copy.format != "JSON":
        return partial(_delimited_fields, expected=len(targets))
    if copy.json.startswith("s3://"):
        paths = load_jsonpaths(storage.get(*split_uri(copy.json)))
        if paths is not None:
            return partial(_at_paths, paths=_as_many(paths, targets))
    elif copy.json not in ("auto", "auto ignorecase"):
        raise Refused(f"the stand-in knows no JSON {literal(copy.json)}", "XX000")
    names = [column.name for column in targets]
    return partial(_of_names, names=names, any_case=copy.json == "auto ignorecase")


def _as_many(paths: list[Path], targets: list[TargetColumn]) -> list[Path]:
    if len(paths) != len(targets):
        raise service_error(
            "Number of jsonpaths and the number of columns should match. JSONPath size: "
            f"{len(paths)}, Number of columns in table or column list: {len(targets)}"
        )
    return paths


def _at_paths(record: Any, *, paths: list[Path]) -> list[Any]:
    return [walk(record, path) for path in paths]


def _of_names(record: Any, *, names: list[str], any_case: bool) -> list[Any]:
    if not isinstance(record, dict):
        raise BadValue(1216, "Input line is not valid: not a JSON object", text_of_json(record))
    if any_case:
        record = {key.lower(): value for key, value in record.items()}
    return [record.get(name) for name in names]


def _delimited_fields(record: list[str], *, expected: int) -> list[str]:
    if len(record) > expected:
        raise BadValue(1202, "Extra column(s) found")
    if len(record) < expected:
        raise BadValue(1203, "Delimiter not found")
    return record


def _records(copy: Copy, data: bytes) -> Iterator[tuple[int, str, Any]]:
    """Yield line number, text and value of each record; a BadValue where there is none."""
    text = _unpacked(copy, data).decode("utf-8", "surrogateescape")
    if copy.format == "JSON":
        yield from records(text)
        return
    if copy.format not in ("", "CSV"):
        raise Refused(f"the stand-in does not load {copy.format}", "0A000")
    is_csv = copy.format == "CSV"
    reader = csv.reader(
        io.StringIO(text),
        delimiter=copy.options.get("DELIMITER", "," if is_csv else "|"),
        quotechar=copy.options.get("QUOTE", '"'),
        quoting=csv.QUOTE_MINIMAL if is_csv else csv.QUOTE_NONE,
    )
    for row in reader:
        if reader.line_num > copy.options.get("IGNOREHEADER", 0):
            yield reader.line_num, ",".join(row), row


def _unpacked(copy: Copy, data: bytes) -> bytes:
    try:
        if "GZIP" in copy.options:
            return gzip.decompress(data)
        return bz2.decompress(data) if "BZIP2" in copy.options else data
    except (OSError, EOFError, zlib.error):
        raise service_error("S3 read failed: the object is not compressed as said") from None


def _objects(copy: Copy, storage: Storage) -> Iterator[tuple[str, bytes]]:
    """Yield address and bytes of each object; one at least, or COPY has nothing to do."""
    bucket, prefix = split_uri(copy.source)
    if "MANIFEST" in copy.options:
        entries = json.loads(storage.get(bucket, prefix))["entries"]
        yield from _listed(entries, storage)
        return
    keys = storage.keys(bucket, prefix)
    if not keys:
        raise service_error(f"The specified S3 prefix '{prefix}' does not exist")
    for key in keys:
        yield f"s3://{bucket}/{key}", storage.get(bucket, key)


def _listed(entries: list[dict[str, Any]], storage: Storage) -> Iterator[tuple[str, bytes]]:
    for entry in entries:
        try:
            data = storage.get(*split_uri(entry["url"]))
        except Refused:
            if entry.get("mandatory"):
                raise
            continue
        yield entry["url"], data


def _escaped(value: str | None) -> str:
    """Spell a value for ``COPY ... FROM STDIN``."""
    if value is None:
        return "\\N"
    if "\\" in value or "\n" in value or "\t" in value or "\r" in value:
        value = value.replace("\\", "\\\\").replace("\t", "\\t")
        return value.replace("\n", "\\n").replace("\r", "\\r")
    return value


_SHORT_TYPES = {
    "character varying": "varchar",
    "character": "char",
    "smallint": "int2",
    "integer": "int4",
    "bigint": "int8",
    "real": "float4",
    "double precision": "float8",
    "boolean": "bool",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
}
"""The names of types as error rows tell them, in ten characters."""


def _error(
    uri: str, line: int, raw: str, column: TargetColumn | None, error: BadValue
) -> dict[str, Any]:
    return {
        "filename": uri,
        "line_number": line,
        "colname": column.name if column else "",
        "type": _SHORT_TYPES.get(column.type, column.type) if column else "",
        "col_length": str(column.length or "") if column else "",
        "position": 0,
        "raw_line": raw[:1024],
        "raw_field_value": error.value[:1024],
        "err_code": error.code,
        "err_reason": error.reason[:100],
    }
