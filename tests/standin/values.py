"""Values of files as COPY converts them to the types of columns, and the errors it finds in them.

https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html
https://docs.aws.amazon.com/redshift/latest/dg/r_Load_Error_Reference.html

The codes are those of that list. The wording of the reasons follows what users report; no cluster
was asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any

_INTEGERS = {"smallint": ("Short", 15), "integer": ("Integer", 31), "bigint": ("Long", 63)}
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_TIMESTAMP = re.compile(
    r"\d{4}-\d\d?-\d\d?([ T]\d\d?:\d\d(:\d\d(\.\d+)?)?( ?([+-]\d\d(:?\d\d)?|Z|UTC))?)?"
)
_BOOLEANS = {
    **dict.fromkeys(("t", "true", "y", "yes", "1"), "t"),
    **dict.fromkeys(("f", "false", "n", "no", "0"), "f"),
}
_EPOCH = datetime(1970, 1, 1)


class Number(str):
    """A number of JSON, as it is written."""

    __slots__ = ()


class BadValue(Exception):  # noqa: N818 - what it is
    """A value, or a line, that can't be loaded."""

    def __init__(self, code: int, reason: str, value: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason, self.value = code, reason, value


@dataclass(frozen=True)
class TargetColumn:
    """A column that is loaded into."""

    name: str
    type: str
    not_null: bool
    identity: bool
    length: int | None
    precision: int | None
    scale: int | None


Convert = Callable[[Any], str | None]


def converter(column: TargetColumn, options: Mapping[str, Any]) -> Convert:
    """Return the function that converts a value to the text that PostgreSQL takes for a column."""
    make = _CONVERTERS.get(column.type, _unchanged)
    convert = make(column, options)
    if not column.not_null:
        return convert

    def convert_not_null(value: Any) -> str | None:
        converted = convert(value)
        if converted is None:
            raise BadValue(1213, "Missing data for not-null field")
        return converted

    return convert_not_null


def text_of_json(value: Any) -> str:
    """Spell a value of JSON as COPY puts it into a text: numbers as written, objects as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Number):
        return json.loads(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def _characters(column: TargetColumn, options: Mapping[str, Any]) -> Convert:
    width = column.length or 0
    empty_as_null = bool(options.get("EMPTYASNULL"))
    blanks_as_null = bool(options.get("BLANKSASNULL"))
    truncate = bool(options.get("TRUNCATECOLUMNS"))

    def convert(value: Any) -> str | None:
        if value is None:
            return None
        text = value if isinstance(value, str) else text_of_json(value)
        if "\0" in text:
            # The rest is lost, silently: https://github.com/estuary/connectors/pull/839
            text = text[: text.index("\0")]
        if (empty_as_null and not text) or (blanks_as_null and not text.strip()):
            return None
        if len(text) * 4 > width:
            encoded = text.encode("utf-8", "surrogateescape")
            if len(encoded) > width:
                if not truncate:
                    raise BadValue(1204, "String length exceeds DDL length", text)
                return encoded[:width].decode("utf-8", "ignore")
        return text

    return convert


def _of_text(convert: Callable[[str], str]) -> Convert:
    """Convert what isn't empty; an empty field is NULL in all columns but those of text."""

    def of_text(value: Any) -> str | None:
        if value is None:
            return None
        text = (value if isinstance(value, str) else text_of_json(value)).strip()
        return convert(text) if text else None

    return of_text


def _integer(column: TargetColumn, _: Mapping[str, Any]) -> Convert:
    kind, bits = _INTEGERS[column.type]

    def convert(text: str) -> str:
        if not re.fullmatch(r"[+-]?[0-9]+", text):
            place = next(found.start() for found in re.finditer(r"(?!^[+-])[^0-9]|$", text))
            digit = text[place : place + 1]
            reason = f"Invalid digit, Value '{digit}', Pos {place}, Type: {kind}"
            raise BadValue(1207, reason, text)
        if not -(2**bits) <= int(text) < 2**bits:
            raise BadValue(1222, f"Overflow, Value '{text}', Type: {kind}", text)
        return text

    return _of_text(convert)


def _float(column: TargetColumn, _: Mapping[str, Any]) -> Convert:
    kind = "Float" if column.type == "real" else "Double"

    def convert(text: str) -> str:
        if not _FLOAT.fullmatch(text) or float(text) in (float("inf"), float("-inf")):
            raise BadValue(1208, f"Invalid digit, Value '{text[0]}', Pos 0, Type: {kind}", text)
        return text

    return _of_text(convert)


def _decimal(column: TargetColumn, options: Mapping[str, Any]) -> Convert:
    scale = column.scale or 0
    limit = Decimal(10) ** ((column.precision or 18) - scale)
    rounding = None if options.get("ROUNDEC") else ROUND_DOWN

    def convert(text: str) -> str:
        try:
            number = Decimal(text)
        except InvalidOperation:
            reason = f"Invalid digit, Value '{text[0]}', Pos 0, Type: Decimal"
            raise BadValue(1209, reason, text) from None
        if abs(number) >= limit:
            raise BadValue(1204, f"Overflow, Value '{text}', Type: Decimal", text)
        return str(number.quantize(Decimal(1).scaleb(-scale), rounding=rounding))

    return _of_text(convert)


def _boolean(_: TargetColumn, __: Mapping[str, Any]) -> Convert:
    def convert(text: str) -> str:
        if text.lower() not in _BOOLEANS:
            raise BadValue(1210, "Unknown boolean format", text)
        return _BOOLEANS[text.lower()]

    return _of_text(convert)


def _timestamp(_: TargetColumn, options: Mapping[str, Any]) -> Convert:
    given = str(options.get("TIMEFORMAT", "YYYY-MM-DD HH24:MI:SS"))
    ticks = {"epochsecs": 1_000_000, "epochmillisecs": 1000}.get(given)

    def since_epoch(text: str) -> str:
        try:
            return (_EPOCH + timedelta(microseconds=int(text) * (ticks or 0))).isoformat(" ")
        except (ValueError, OverflowError):
            reason = f"Invalid timestamp format or value [{given.upper()}]"
            raise BadValue(1206, reason, text) from None

    def written(text: str) -> str:
        if given != "auto" and not _TIMESTAMP.fullmatch(text):
            raise BadValue(1206, f"Invalid timestamp format or value [{given}]", text)
        return text

    return _of_text(since_epoch if ticks else written)


def _date(_: TargetColumn, options: Mapping[str, Any]) -> Convert:
    given = str(options.get("DATEFORMAT", "YYYY-MM-DD"))

    def convert(text: str) -> str:
        if given != "auto" and not re.fullmatch(r"\d{4}-\d\d?-\d\d?", text):
            raise BadValue(1205, "Invalid Date Format - length must be 10 or more", text)
        return text

    return _of_text(convert)


def _super(_: TargetColumn, __: Mapping[str, Any]) -> Convert:
    def convert(value: Any) -> str | None:
        if value is None:
            return None
        is_text = isinstance(value, str) and not isinstance(value, Number)
        return json.dumps(value) if is_text else text_of_json(value)

    return convert


def _unchanged(_: TargetColumn, __: Mapping[str, Any]) -> Convert:
    return _of_text(lambda text: text)


_CONVERTERS: Mapping[str, Callable[[TargetColumn, Mapping[str, Any]], Convert]] = {
    "character varying": _characters,
    "character": _characters,
    "smallint": _integer,
    "integer": _integer,
    "bigint": _integer,
    "real": _float,
    "double precision": _float,
    "numeric": _decimal,
    "boolean": _boolean,
    "timestamp without time zone": _timestamp,
    "timestamp with time zone": _timestamp,
    "date": _date,
    "super": _super,
}
