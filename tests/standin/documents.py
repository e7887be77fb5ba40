"""JSON as COPY reads it: documents one after another, and JSONPaths into them.

https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-json.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from standin.storage import service_error
from standin.values import BadValue, Number

Path = list[str | int]
_MAX_BYTES = 4 * 1024 * 1024
_STEP = re.compile(
    r"""\.(?P<dot>[^\W\d]\w*)
    | \[ \s* (?: '(?P<single>[^']*)' | "(?P<double>[^"]*)" | (?P<index>\d+) ) \s* \]""",
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*")


def _no_constant(name: str) -> Any:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_no_constant)


def records(text: str) -> Iterator[tuple[int, str, Any]]:
    """Yield the documents of a file: the number of its last line, its text and its value.

    Documents follow one another, on one line or several. What is none is a BadValue, and the next
    line is tried. The number is that of the last line, as
    https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html says.
    """
    at, line = 0, 1
    while True:
        start = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        line += text.count("\n", at, start)
        if start == len(text):
            return
        try:
            value, at = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            at = text.find("\n", start) % (len(text) + 1)
            value = BadValue(1216, "Input line is not valid: no JSON", text[start:at])
        raw = text[start:at]
        if len(raw) * 4 > _MAX_BYTES and len(raw.encode("utf-8", "replace")) > _MAX_BYTES:
            value = BadValue(1216, "Input line is not valid: JSON object exceeds 4194304 bytes")
        line += raw.count("\n")
        yield line, raw, value


def load_jsonpaths(document: bytes) -> list[Path] | None:
    """Read a JSONPaths document; None if its one key has another name, so that "auto" holds."""
    try:
        content = json.loads(document)
    except ValueError:
        raise service_error("Invalid JSONPath format: the file is no JSON") from None
    paths = content.get("jsonpaths") if isinstance(content, dict) else None
    return None if paths is None else [_path(text) for text in paths]


def _path(text: str) -> Path:
    steps: Path = []
    at = 1
    while text.startswith("$") and at < len(text):
        found = _STEP.match(text, at)
        if not found:
            break
        index = found["index"]
        names = (found["dot"], found["single"], found["double"])
        steps.append(int(index) if index else next(name for name in names if name is not None))
        at = found.end()
    if at != len(text) or not steps:
        raise service_error(
            "Invalid JSONPath format. Supported notations are 'dot-notation' and "
            f"'bracket-notation': {text}"
        )
    return steps


def walk(value: Any, path: Path) -> Any:
    """Return what a path leads to, or None."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            return None
    return value
