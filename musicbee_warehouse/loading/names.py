"""What a file's path says: whether it is data, and of which days.

A path is relative to the folder that was asked for, or a bucket's key; its folders are separated
by ``/``.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date

ENDINGS = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
"""How the names of files with JSON end."""

_FOLDERS_OF_TOOLS = {"__MACOSX"}
_FILES_OF_TOOLS = re.compile(
    r"_\$folder\$$"  # Hadoop's mark of an empty folder
    r"|manifest(\.json)?$"  # the list of files that COPY or UNLOAD is given or gives
    r"|json[-_]?paths?(\.json)?$",  # COPY's mapping of keys to columns
    re.IGNORECASE,
)
_YEAR, _MONTH, _DAY = r"((?:19|20)\d\d)", r"(\d\d)", r"(\d\d)"
_FOLDERS = re.compile(rf"(?:^|[/=]){_YEAR}[-/]{_MONTH}(?:[-/]{_DAY})?(?=/)")
_NAME = re.compile(rf"(?<![0-9A-Za-z]){_YEAR}-{_MONTH}(?:-{_DAY})?(?![0-9a-fA-F])")


def is_leaving(path: str) -> bool:
    """Tell whether a path is no data, but left by a tool: passed over in a folder and in a glob.

    These are the keys that stand for a folder (``log_data/``, ``log_data_$folder$``), hidden files
    and folders (``.ipynb_checkpoints``), ``__MACOSX``, manifests and JSONPaths files.

    >>> is_leaving("log_data/2018/11/.ipynb_checkpoints/2018-11-01-events.json")
    True
    >>> is_leaving("log_json_path.json"), is_leaving("log_data/2018/11/2018-11-01-events.json")
    (True, False)
    """
    *folders, name = path.split("/")
    return (
        not name
        or name.startswith(".")
        or _FILES_OF_TOOLS.search(name) is not None
        or any(folder.startswith(".") or folder in _FOLDERS_OF_TOOLS for folder in folders)
    )


def is_data(path: str) -> bool:
    """Tell whether a path, met in a folder, is a file to load: JSON by its ending, no leaving.

    >>> is_data("song_data/A/B/C/TRABCEI128F424C983.json"), is_data("song_data/README.md")
    (True, False)
    """
    return path.endswith(ENDINGS) and not is_leaving(path)


def days(path: str) -> tuple[date, date] | None:
    """Return the first and the last day that a path says it is of, or None if it doesn't say.

    The folders say it, ``2018/11`` or ``2018/11/05`` or ``2018-11-05``, the first such counts; the
    first date in the name narrows a month to a day. Without dated folders the name alone says it.

    >>> days("log_data/2018/11/2018-11-05-events.json")
    (datetime.date(2018, 11, 5), datetime.date(2018, 11, 5))
    >>> days("log_data/2018/11/events.json")
    (datetime.date(2018, 11, 1), datetime.date(2018, 11, 30))
    >>> days("song_data/A/B/C/TRABCEI128F424C983.json")
    """
    folder, _, name = path.rpartition("/")
    of_folder, of_name = _first(_FOLDERS, f"{folder}/"), _first(_NAME, name)
    if of_folder and of_name:
        inside = of_folder[0] <= of_name[0] and of_name[1] <= of_folder[1]
        return of_name if inside else of_folder
    return of_folder or of_name


def in_period(path: str, *, since: date | None = None, until: date | None = None) -> bool:
    """Tell whether a path is of a day from ``since`` to ``until``, both included.

    A file of a whole month is in if one of its days is. A file that doesn't say its day, such as
    a song's, is always in: a period leaves out only what is surely outside.

    >>> november = {"since": date(2018, 11, 1), "until": date(2018, 11, 30)}
    >>> in_period("log_data/2018/11/2018-11-30-events.json", **november)
    True
    >>> in_period("log_data/2018/12/2018-12-01-events.json", **november)
    False
    """
    first_and_last = days(path)
    if first_and_last is None:
        return True
    first, last = first_and_last
    return (since is None or last >= since) and (until is None or first <= until)


def _first(pattern: re.Pattern[str], text: str) -> tuple[date, date] | None:
    """Return the days of the first match that is in the calendar."""
    for match in pattern.finditer(text):
        year, month, day = (int(part) if part else None for part in match.groups())
        assert year  # noqa: S101 - the pattern has it
        assert month is not None  # noqa: S101 - as above
        try:
            last = day or monthrange(year, month)[1]
            return date(year, month, day or 1), date(year, month, last)
        except ValueError:
            continue
    return None
