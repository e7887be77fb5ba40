"""UNLOAD: from a query to objects of S3.

https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from standin.copying import read_credentials
from standin.expressions import rewrite
from standin.plan import Plan
from standin.storage import Storage, service_error, split_uri
from standin.tokens import Reader, Refused
from standin.wire import fields, literal

if TYPE_CHECKING:
    from standin.session import Session

SLICES = 2
"""Each slice writes a file of its own, unless PARALLEL is OFF."""
_FLAGS = {
    *("HEADER", "ADDQUOTES", "ESCAPE", "GZIP", "ALLOWOVERWRITE", "CLEANPATH", "ENCRYPTED"),
    *("MANIFEST", "VERBOSE"),
}
_STRINGS = {"DELIMITER", "NULL", "REGION", "EXTENSION"}
_FORMATS = {"CSV", "PARQUET", "JSON"}
_DUCKDB_TYPES = {
    16: "BOOLEAN",
    20: "BIGINT",
    21: "SMALLINT",
    23: "INTEGER",
    700: "FLOAT",
    701: "DOUBLE",
    1082: "DATE",
    1114: "TIMESTAMP",
    1184: "TIMESTAMPTZ",
    1700: "DECIMAL(38, 6)",
}
"""How columns are written to Parquet, by the OIDs of their types; others are text."""


@dataclass
class Unload:
    """An UNLOAD as it was given."""

    query: str
    target: str = ""
    role: str = ""
    format: str = ""
    partition: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rows:
    """What a query gave: names and types of the columns, and the rows as text."""

    names: Sequence[str]
    types: Sequence[int]
    rows: Sequence[Sequence[str | None]]


def plan_unload(sql: Reader) -> Plan:
    """Plan an UNLOAD."""
    return Plan(instead=partial(_run, unload=read_unload(sql)), tag="UNLOAD")


def read_unload(sql: Reader) -> Unload:
    """Read an UNLOAD; refuse what Redshift refuses."""
    sql.expect("UNLOAD", "(")
    unload = Unload(sql.string())
    sql.expect(")", "TO")
    unload.target = sql.string()
    while sql:
        _read_option(sql, unload)
    if not unload.role:
        raise Refused("CREDENTIALS argument must be specified", "XX000")
    if unload.format == "PARQUET":
        for name in ("HEADER", "ADDQUOTES", "ESCAPE", "GZIP", "DELIMITER", "NULL"):
            if name in unload.options:
                raise Refused(f"{name} is not supported for UNLOAD to PARQUET", "XX000")
    if {"ALLOWOVERWRITE", "CLEANPATH"} <= set(unload.options):
        raise Refused("ALLOWOVERWRITE and CLEANPATH can't be used together", "XX000")
    return unload


def _read_option(sql: Reader, unload: Unload) -> None:
    if sql.one_of(("WITH", "AS")):
        return
    if word := sql.one_of(("IAM_ROLE", "CREDENTIALS")):
        unload.role = read_credentials(sql, word)
    elif sql.skip("FORMAT"):
        sql.skip("AS")
        if sql.peek().word not in _FORMATS:
            raise sql.error()
    elif word := sql.one_of(_FORMATS):
        unload.format = word
    elif sql.skip("PARTITION", "BY"):
        unload.partition = sql.names()
        unload.options["INCLUDE"] = sql.skip("INCLUDE")
    elif sql.skip("PARALLEL"):
        unload.options["PARALLEL"] = sql.next().word not in ("OFF", "FALSE")
    elif sql.skip("MAXFILESIZE"):
        sql.skip("AS")
        sql.next()
        sql.one_of(("MB", "GB"))
    elif word := sql.one_of(_STRINGS):
        sql.skip("AS")
        unload.options[word] = sql.string()
    elif word := sql.one_of(_FLAGS):
        unload.options[word] = True
    else:
        raise sql.error()


def _run(session: Session, *, unload: Unload) -> None:
    storage = session.storage(unload.role)
    bucket, prefix = split_uri(unload.target)
    _make_room(storage, bucket, prefix, unload)
    found = Rows(*session.backend.table(rewrite(unload.query)))
    for name in unload.partition:
        if name not in found.names:
            raise Refused(f'column "{name}" of PARTITION BY is not in the query', "42703")
    write = _WRITERS[unload.format]
    written = []
    for key, rows in _files(unload, prefix, found):
        if rows.rows:
            storage.put(bucket, key, write(unload, rows))
            written.append({"url": f"s3://{bucket}/{key}"})
    if "MANIFEST" in unload.options:
        manifest = json.dumps({"entries": written}).encode()
        storage.put(bucket, f"{prefix}manifest", manifest)
    count = len(found.rows)
    session.backend.query(f"SELECT set_config('standin.unload_count', '{count}', false)")
    told = f"UNLOAD completed, {count} record(s) unloaded successfully."
    session.wire.put(b"N", fields("INFO", "00000", told))


def _make_room(storage: Storage, bucket: str, prefix: str, unload: Unload) -> None:
    there = storage.keys(bucket, prefix)
    if "CLEANPATH" in unload.options:
        for key in there:
            storage.delete(bucket, key)
    elif there and "ALLOWOVERWRITE" not in unload.options:
        raise service_error(
            "Specified unload destination on S3 is not empty. Consider using a different bucket / "
            "prefix, manually removing the target files in S3, or using the ALLOWOVERWRITE option."
        )


def _files(unload: Unload, prefix: str, found: Rows) -> Iterator[tuple[str, Rows]]:
    """Yield key and rows of each file: of each partition, and of each slice in it."""
    places = [found.names.index(name) for name in unload.partition]
    kept = [
        place
        for place in range(len(found.names))
        if unload.options.get("INCLUDE") or place not in places
    ]
    partitions: defaultdict[str, list[Sequence[str | None]]] = defaultdict(list)
    for row in found.rows:
        folders = (f"{found.names[at]}={_folder(row[at])}/" for at in places)
        partitions["".join(folders)].append([row[at] for at in kept])
    names, types = [found.names[at] for at in kept], [found.types[at] for at in kept]
    for folder, rows in partitions.items():
        parallel = unload.options.get("PARALLEL", True)
        for number in range(SLICES if parallel else 1):
            part = f"{number:04}_part_00" if parallel else "000"
            slice_rows = rows[number::SLICES] if parallel else rows
            key = f"{prefix}{folder}{part}{_ending(unload)}"
            yield key, Rows(names, types, slice_rows)


def _folder(value: str | None) -> str:
    return "__HIVE_DEFAULT_PARTITION__" if value is None else value


def _ending(unload: Unload) -> str:
    if "EXTENSION" in unload.options:
        return f".{unload.options['EXTENSION']}"
    return ".parquet" if unload.format == "PARQUET" else ".gz" * ("GZIP" in unload.options)


def _text(unload: Unload, rows: Rows) -> bytes:
    """Write delimited text; CSV is quoted where it has to be, other text only if asked."""
    is_csv = unload.format == "CSV"
    text = io.StringIO()
    options: dict[str, Any] = {"delimiter": unload.options.get("DELIMITER", "|,"[is_csv])}
    if "ADDQUOTES" in unload.options:
        options["quoting"] = csv.QUOTE_ALL
    elif not is_csv:
        options |= {"quoting": csv.QUOTE_NONE, "escapechar": "\\", "quotechar": None}
    writer = csv.writer(text, lineterminator="\n", **options)
    if "HEADER" in unload.options:
        writer.writerow(rows.names)
    null = unload.options.get("NULL", "")
    writer.writerows([null if value is None else value for value in row] for row in rows.rows)
    return _packed(unload, text.getvalue().encode())


def _json(unload: Unload, rows: Rows) -> bytes:
    lines = ("{" + ",".join(map(_member, rows.names, rows.types, row)) + "}\n" for row in rows.rows)
    return _packed(unload, "".join(lines).encode())


def _member(name: str, kind: int, value: str | None) -> str:
    plain = json.dumps(value, ensure_ascii=False)
    if value is not None and kind == 16:
        plain = "true" if value == "t" else "false"
    elif value is not None and kind in (20, 21, 23, 700, 701, 1700):
        plain = value
    return f"{json.dumps(name)}:{plain}"


def _packed(unload: Unload, data: bytes) -> bytes:
    return gzip.compress(data) if "GZIP" in unload.options else data


def _quoted(value: str | None) -> str:
    """Quote a field; an empty one without quotes is NULL."""
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def _parquet(_: Unload, rows: Rows) -> bytes:
    """Write Parquet by DuckDB, which reads the rows from a file of text."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "rows.csv", Path(folder) / "rows.parquet"
        lines = (",".join(map(_quoted, row)) + "\n" for row in rows.rows)
        source.write_text("".join(lines), encoding="utf-8")
        types = map(_DUCKDB_TYPES.get, rows.types)
        columns = ", ".join(
            f"{literal(name)}: '{kind or 'VARCHAR'}'"
            for name, kind in zip(rows.names, types, strict=True)
        )
        with duckdb.connect() as connection:
            connection.execute(
                f"COPY (SELECT * FROM read_csv({literal(source)}, columns = {{{columns}}},"
                " header = false, quote = '\"', nullstr = '', allow_quoted_nulls = false))"
                f" TO {literal(target)} (FORMAT parquet)"
            )
        return target.read_bytes()


_WRITERS: dict[str, Callable[[Unload, Rows], bytes]] = {
    "": _text,
    "CSV": _text,
    "JSON": _json,
    "PARQUET": _parquet,
}
