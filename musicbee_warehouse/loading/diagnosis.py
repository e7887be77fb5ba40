"""Why a file can't be loaded: read again, slowly, to name file, line, column and value.

A load reads fast and finds faults late; only once it failed are the files read here, by the rules
of COPY, up to the first fault.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Integer, SmallInteger, String, Table
from sqlalchemy.types import TIMESTAMP

from musicbee_warehouse import star
from musicbee_warehouse.errors import InputError
from musicbee_warehouse.loading.sources import SourceFile
from musicbee_warehouse.loading.spool import find_undecodable, objects, open_bytes
from musicbee_warehouse.models import StagingEvent, json_key

_WHOLE = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_DIGITS = 4000
"""Of more Python makes no number, see https://docs.python.org/3/library/stdtypes.html#int-max-str-digits"""
_EARLIEST, _LATEST = (
    (when - datetime(1970, 1, 1)) // timedelta(milliseconds=1)
    for when in (star.EARLIEST, star.LATEST)
)
_SHOWN = 60
"""How many characters of a value an error shows."""


def diagnose(table: Table, files: Iterable[SourceFile]) -> None:
    """Raise an InputError at the first fault; return if there is none."""
    for file in files:
        for line, text in objects(file):
            examine(table, text, file.uri, line)


def sift(table: Table, file: SourceFile) -> Iterator[tuple[int, str, InputError | None]]:
    """Yield the objects of a file with the lines they begin on, and what COPY has against each.

    A file with a place that is no JSON is taken by lines, so that what follows is found again.
    """
    try:
        for _ in objects(file):
            pass
    except InputError:
        found = _lines(file)
    else:
        found = ((line, text, None) for line, text in objects(file))
    for line, text, fault in found:
        yield line, text, fault or _fault_of(table, text, file.uri, line)


def _lines(file: SourceFile) -> Iterator[tuple[int, str, InputError | None]]:
    with open_bytes(file) as stream:
        for line, content in enumerate(stream, start=file.line):
            if content.strip():
                text, fault = content.decode(errors="replace").strip(), None
                if wrong := find_undecodable(content):
                    fault = InputError(f"{wrong!r} is not UTF-8", file=file.uri, line=line)
                yield line, text, fault


def _fault_of(table: Table, text: str, file: str, line: int) -> InputError | None:
    try:
        examine(table, text, file, line)
    except InputError as error:
        return error
    return None


def examine(table: Table, text: str, file: str, line: int) -> None:
    """Raise an InputError if COPY wouldn't take an object, or the star couldn't hold it."""
    values = _object(text, file, line)
    for column in table.columns:
        if reason := _fault(column, values.get(json_key(column))):
            raise InputError(reason, file=file, line=line, column=json_key(column))
    if half := _half_character(_unescaped(text)):
        raise InputError(f"{half}; repair or remove the line", file=file, line=line)
    if table.name == StagingEvent.__tablename__:
        for key, reason in _misfits(values):
            raise InputError(
                f"{reason}; repair or remove the line", file=file, line=line, column=key
            )


def _misfits(event: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what keeps an event, whose values are sound, out of the star."""
    if event.get("page") == "NextSong" and not event.get("userId"):
        yield "userId", "a play (page NextSong) has no user"
    if not 0 <= int(event["itemInSession"]) < star.ITEMS_PER_SESSION:
        yield (
            "itemInSession",
            f"{event['itemInSession']} isn't from 0 to {star.ITEMS_PER_SESSION - 1:,}, "
            "as songplay_id needs it",
        )
    if not _EARLIEST <= int(event["ts"]) <= _LATEST:
        yield "ts", f"{event['ts']} is beyond the years 1 to 9999, in milliseconds since 1970"
    if abs(int(event["sessionId"])) > star.SESSIONS:
        yield "sessionId", f"{event['sessionId']} is too large for songplay_id"


def _object(text: str, file: str, line: int) -> dict[str, Any]:
    """Return an object with its values as text, as COPY sees them, and null as None."""
    try:
        value = json.loads(text, parse_int=str, parse_float=str, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{error.msg.lower()}: {_shown(text)}; repair or remove the line", file=file, line=line
        ) from None
    except _RepeatedKeyError as error:
        raise InputError(
            f"the key {error} stands twice in an object", file=file, line=line
        ) from None
    except RecursionError:
        raise InputError("the object is nested too deeply", file=file, line=line) from None
    if not isinstance(value, dict):
        raise InputError(
            f"expected a JSON object, not {_shown(text)}; write one object after the other",
            file=file,
            line=line,
        )
    return {
        key: field if field is None or isinstance(field, str) else json.dumps(field)
        for key, field in value.items()
    }


class _RepeatedKeyError(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for position, (key, _) in enumerate(pairs):
        if any(key == earlier for earlier, _ in pairs[:position]):
            raise _RepeatedKeyError(repr(key))
    return dict(pairs)


def _fault(column: Column[Any], text: str | None) -> str | None:
    if text is None or (text == "" and not isinstance(column.type, String)):
        return None if column.nullable else "the value is missing, and no row goes without it"
    if half := _half_character(text):
        return half
    if isinstance(column.type, String):
        size, width = len(text.encode()), column.type.length or 0
        return f"{size} bytes don't fit VARCHAR({width}): {_shown(text)}" if size > width else None
    if isinstance(column.type, Integer | TIMESTAMP):
        return _whole_number_fault(column, text)
    return _number_fault(text)


def _unescaped(text: str) -> str:
    """Return JSON with the characters that it escapes, keys and values of no column too."""
    if not _SURROGATE.search(text):
        return text
    return json.dumps(json.loads(text, parse_int=str), ensure_ascii=False)


def _half_character(text: str) -> str | None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = _shown(text[max(error.start - _SHOWN // 2, 0) :])
        return f"{shown} holds half a character (a lone surrogate)"
    return None


def _whole_number_fault(column: Column[Any], text: str) -> str | None:
    if not _WHOLE.fullmatch(text):
        return f"{_shown(text)} is no whole number"
    bits = 16 if isinstance(column.type, SmallInteger) else 32
    if isinstance(column.type, BigInteger | TIMESTAMP):
        bits = 64
    if len(text) > _DIGITS or not -(2 ** (bits - 1)) <= int(text) < 2 ** (bits - 1):
        return f"{_shown(text)} is out of the range of {bits} bits"
    return None


def _number_fault(text: str) -> str | None:
    try:
        number = float(text)
    except ValueError:
        return f"{_shown(text)} is no number"
    if not math.isfinite(number):
        return f"{_shown(text)} is no finite number"
    return None if _NUMBER.fullmatch(text) else f"{_shown(text)} is no number"


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
