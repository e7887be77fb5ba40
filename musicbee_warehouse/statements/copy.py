"""COPY as a SQLAlchemy statement: files of JSON objects into a staging table.

On Redshift it is one ``COPY``. DuckDB has no such statement with Redshift's rules, so there it is
``INSERT ... SELECT ... FROM read_json(...)`` that means the same: every value is read as its text,
then converted as COPY converts it
(https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-json.html).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Column, Double, String, Table
from sqlalchemy.exc import ArgumentError, CompileError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import coercions, roles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, Executable
from sqlalchemy.types import TIMESTAMP

from musicbee_warehouse import display
from musicbee_warehouse.models.base import JSON_QUOTED, json_key

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_MAX_ERRORS = 100_000
"""The most lines that COPY lets MAXERROR forgive, see
https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-load.html"""
_WHOLE_NUMBER = r"\s*([+-]?\d+)?\s*"
_NUMBER = r"\s*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)?\s*"
MAX_OBJECT_BYTES = 4 * 1024 * 1024
"""The largest JSON object that COPY reads."""
_EXACT = 2**53 - 1
"""Up to it a double tells each whole number from all others."""


@dataclass(frozen=True, kw_only=True)
class CopyOptions:
    """How COPY reads its files, where its own defaults don't suit.

    Attributes:
        manifest: the source is a manifest that lists the files.
        gzip: the files are compressed by gzip; DuckDB tells so itself by the ending ``.gz``.
        max_errors: at how many faulty lines COPY fails, 0 to 100,000, where 0 is as 1; Redshift
            alone.
        region: the AWS region of the bucket, where it isn't the cluster's.
        compupdate: choose column encodings anew from the data.
        statupdate: refresh the planner's statistics after the load.
        regular: every line is one object and numbers stand without quotes, so that DuckDB reads a
            file in parallel and numbers as they are; a file that breaks the promise is refused, and
            may be copied without it. COPY needs no such hint.

    >>> CopyOptions(manifest=True, region="eu-west-1").region
    'eu-west-1'
    """

    manifest: bool = False
    gzip: bool = False
    max_errors: int = 0
    region: str | None = None
    compupdate: bool | None = None
    statupdate: bool | None = None
    regular: bool = False

    def __post_init__(self) -> None:
        """Refuse what COPY would refuse."""
        if not 0 <= self.max_errors <= _MAX_ERRORS:
            raise ArgumentError(f"max_errors is {self.max_errors}; COPY takes 0 to {_MAX_ERRORS}")


class Copy(Executable, ClauseElement):
    """Load files of JSON objects into a staging table; COPY, as a statement of SQLAlchemy.

    Args:
        target: a staging model or its table, whose columns know their JSON keys.
        source: where the files are: an ``s3://bucket/prefix`` on Redshift; on DuckDB a local file,
            folder or glob, or a sequence of files.
        jsonpaths: the address of the JSONPaths document, as :func:`musicbee_warehouse.jsonpaths`
            makes it. Without one COPY pairs columns and keys of the same name.
        iam_role: the ARN of the role by which Redshift reads the bucket, or ``"default"`` for the
            cluster's own. Access keys are not taken: they would be in the text of the statement.
        options: how the files are read, see :class:`CopyOptions`.

    Raises:
        sqlalchemy.exc.ArgumentError: for what is no role or no staging table.

    >>> from musicbee_warehouse.models import StagingSong
    >>> print(Copy(StagingSong, "s3://musicbee/song_data"))
    COPY staging_songs (num_songs, song_id, title, duration, year, artist_id, artist_name,
      artist_latitude, artist_longitude, artist_location)
    FROM 's3://musicbee/song_data'
    IAM_ROLE default
    FORMAT JSON 'auto'
    TIMEFORMAT 'epochmillisecs'
    """

    __visit_name__ = "copy_into"
    inherit_cache = False
    stringify_dialect = "redshift"
    is_dml = True

    def __init__(
        self,
        target: Any,
        source: str | Path | Sequence[str | Path],
        *,
        jsonpaths: str | None = None,
        iam_role: str = "default",
        options: CopyOptions = CopyOptions(),
    ) -> None:
        self.table: Table = coercions.expect(roles.DMLTableRole, target)
        if missing := [column.name for column in self.table.columns if not column.info]:
            raise ArgumentError(
                f"{self.table.name} is no staging table: {missing[0]} knows no JSON key"
            )
        if iam_role != "default" and not _ROLE_ARN.fullmatch(iam_role):
            raise ArgumentError(
                f"iam_role is {iam_role!r}; give 'default' or arn:aws:iam::<account>:role/<name>"
            )
        if not isinstance(source, str | Path) and not source:
            raise ArgumentError(f"there are no files to copy into {self.table.name}")
        self.sources = (str(source),) if isinstance(source, str | Path) else tuple(map(str, source))
        self.jsonpaths = jsonpaths
        self.iam_role = iam_role
        self.copy_options = options

    def __repr__(self) -> str:
        more = f" and {len(self.sources) - 1:,} more" if len(self.sources) > 1 else ""
        return f"<Copy {self.table.name} from {self.sources[0]}{more}>"

    def _repr_html_(self) -> str:
        return display.statement_html(self)


@compiles(Copy, "redshift")
def _copy_on_redshift(copy: Copy, compiler: SQLCompiler, **_: Any) -> str:
    columns = ", ".join(map(compiler.preparer.format_column, copy.table.columns))
    role = "default" if copy.iam_role == "default" else _redshift_literal(copy.iam_role)
    clauses = [
        f"COPY {compiler.preparer.format_table(copy.table)} ({columns})",
        f"FROM {_redshift_literal(_s3_source(copy))}",
        f"IAM_ROLE {role}",
        f"FORMAT JSON {_redshift_literal(copy.jsonpaths or _auto(copy))}",
        "TIMEFORMAT 'epochmillisecs'",
        *_redshift_options(copy.copy_options),
    ]
    return "\n".join(clauses)


@compiles(Copy, "duckdb")
def _copy_on_duckdb(copy: Copy, compiler: SQLCompiler, **_: Any) -> str:
    table, quote = copy.table, compiler.preparer.quote_identifier
    names = ", ".join(map(compiler.preparer.format_column, table.columns))
    values = ",\n  ".join(
        _duckdb_value(copy, column, quote(json_key(column))) for column in table.columns
    )
    faults = "\n    ".join(
        f"WHEN {fault} THEN error({message})"
        for column in table.columns
        for fault, message in _duckdb_faults(copy, column, quote(json_key(column)))
    )
    return (
        f"INSERT INTO {compiler.preparer.format_table(table)} ({names})\n"
        f"SELECT\n  {values}\n"
        f"FROM {_read_json(copy)}\n"
        f"WHERE CASE\n    {faults}\n    ELSE true END"
    )


def _redshift_literal(text: str) -> str:
    """Quote a string as Redshift reads it: a backslash escapes, as in PostgreSQL 8.

    A percent sign stays single: the driver leaves quoted text alone.
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _duckdb_literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _s3_source(copy: Copy) -> str:
    if len(copy.sources) != 1 or not copy.sources[0].startswith("s3://"):
        raise CompileError(
            f"COPY {copy.table.name} reads one s3:// address on Redshift, not "
            f"{', '.join(copy.sources[:2])}; list several files in a manifest"
        )
    return copy.sources[0]


def _auto(copy: Copy) -> str:
    """Return ``auto`` where it is right: it fills a column from the key of the same name alone."""
    for column in copy.table.columns:
        if json_key(column) != column.name:
            raise CompileError(
                f"COPY {copy.table.name} needs jsonpaths: FORMAT JSON 'auto' would leave "
                f"{column.name} NULL, its key is {json_key(column)!r}"
            )
    return "auto"


def _redshift_options(options: CopyOptions) -> list[str]:
    clauses = {
        "MANIFEST": options.manifest,
        "GZIP": options.gzip,
        f"MAXERROR {options.max_errors}": options.max_errors,
        f"REGION {_redshift_literal(options.region or '')}": options.region,
        f"COMPUPDATE {_on_off(options.compupdate)}": options.compupdate is not None,
        f"STATUPDATE {_on_off(options.statupdate)}": options.statupdate is not None,
    }
    return [clause for clause, wanted in clauses.items() if wanted]


def _on_off(switch: bool | None) -> str:
    return "ON" if switch else "OFF"


def _read_json(copy: Copy) -> str:
    """Spell DuckDB's reader (https://duckdb.org/docs/stable/data/json/loading_json)."""
    columns = ", ".join(
        f"{_duckdb_literal(json_key(column))}: '{_read_type(copy, column)}'"
        for column in copy.table.columns
    )
    patterns = ", ".join(_duckdb_literal(_local_pattern(copy, source)) for source in copy.sources)
    layout = "newline_delimited" if copy.copy_options.regular else "unstructured"
    arguments = [
        f"[{patterns}]",
        f"format = '{layout}'",
        "records = true",
        f"columns = {{{columns}}}",
        f"maximum_object_size = {MAX_OBJECT_BYTES}",
    ]
    if copy.copy_options.gzip:
        arguments.append("compression = 'gzip'")
    return "read_json(\n  " + ",\n  ".join(arguments) + ")"


def _local_pattern(copy: Copy, source: str) -> str:
    if source.startswith("s3://") or copy.copy_options.manifest:
        raise CompileError(
            f"COPY {copy.table.name} reads local files on DuckDB, not {source}; "
            "load() fetches the objects of a bucket first"
        )
    if copy.copy_options.max_errors:
        raise CompileError("DuckDB leaves no lines out: max_errors needs load()")
    named = re.search(r"[*?\[]|\.(json|jsonl|ndjson|gz)$", source)
    return source if named else source.rstrip("/") + "/**/*.json*"


def _read_type(copy: Copy, column: Column[Any]) -> str:
    """Return the type to read a value as: text, which loses nothing, but numbers of regular files.

    Whole numbers are read as doubles there: as integers the reader would round a fraction.
    """
    is_number = not isinstance(column.type, String) and not column.info[JSON_QUOTED]
    return "DOUBLE" if copy.copy_options.regular and is_number else "VARCHAR"


def _duckdb_value(copy: Copy, column: Column[Any], text: str) -> str:
    """Spell the conversion of a value as it is read to the type of its column."""
    read_type = _read_type(copy, column)
    if isinstance(column.type, String) or (read_type == "DOUBLE" and _is_double(column)):
        return text
    value = text if read_type == "DOUBLE" else f"NULLIF({text}, '')"
    if isinstance(column.type, TIMESTAMP):
        return f"epoch_ms(CAST({value} AS BIGINT))"
    return f"CAST({value} AS {column.type.compile()})"


def _duckdb_faults(copy: Copy, column: Column[Any], text: str) -> list[tuple[str, str]]:
    """Spell what COPY refuses and DuckDB would let pass, with the expression of a message.

    Text too wide, a fraction where a whole number belongs, a number that isn't finite; and, where
    the files aren't known to be regular, the other ways in which DuckDB writes numbers, such as
    ``1_000`` and ``0x10``.
    """
    name = f"{column.table.name}.{column.name}"
    if isinstance(column.type, String):
        width = column.type.length
        size = f"strlen({text})"
        message = f"'{name} takes {width} bytes, not the ' || {size} || ' of ' || left({text}, 60)"
        return [(f"{size} > {width}", message)]
    kind = "numbers" if _is_double(column) else "whole numbers"
    if _read_type(copy, column) == "DOUBLE":
        fault = f"NOT isfinite({text})" if _is_double(column) else _no_whole_number(column, text)
        return [(fault, f"'{name} takes {kind}, not ' || {text}")]
    message = f"'{name} takes {kind}, not ' || left({text}, 60)"
    if copy.copy_options.regular:
        return [(f"contains({text}, '.')", message)]
    if _is_double(column):
        fault = f"NOT regexp_full_match({text}, '{_NUMBER}') OR isinf(TRY_CAST({text} AS DOUBLE))"
    else:
        fault = f"NOT regexp_full_match({text}, '{_WHOLE_NUMBER}')"
    return [(fault, message)]


def _no_whole_number(column: Column[Any], text: str) -> str:
    """Spell that a double is no whole number; a conversion finds those too large for its type.

    As spelled here it costs half of what abs() and trunc() do.
    """
    if isinstance(column.type, (BigInteger, TIMESTAMP)):
        return f"NOT ({text} BETWEEN -{_EXACT} AND {_EXACT} AND {text} = floor({text}))"
    return f"{text} != floor({text})"


def _is_double(column: Column[Any]) -> bool:
    return isinstance(column.type, Double)
