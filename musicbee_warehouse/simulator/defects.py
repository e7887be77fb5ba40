"""What goes wrong between the service and its files."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HELD_BACK = 100  # lines at the most
_LONG = 5_000  # characters


@dataclass(frozen=True, kw_only=True)
class Defects:
    """How often files differ from what happened, as real ones do: rates from 0 (never) to 1.

    Of the lines of the log: `duplicates` are written twice; `out_of_order` come up to 100 lines
    later than they should; `mojibake` have an artist and song mis-decoded twice, as in the
    mission's logs, which shows where they are not ASCII.

    Of all objects, events and songs: `missing_keys` leave out the keys that are null; `nul` have
    a NUL character and `long_strings` 5,000 characters in `userAgent` or `artist_location`, where
    it is not null; `numbers_as_names` write an artist's name as a JSON number, where it is all
    digits; `corrupt` break off in the middle.

    Of the songs: `spellings` spell the artist's name in another way than other songs and the log.

    Of all files: `crlf` end lines as Windows does; `pretty_printed` spread each object over many
    lines; `concatenated` put nothing between objects.

    Of the files of the log: `late_files` come three days late, under the date of their arrival.

    Raises ValueError where a rate is not from 0 to 1.

    >>> Defects(duplicates=0.01, corrupt=2)
    Traceback (most recent call last):
    ValueError: corrupt is 2: give a rate from 0 to 1.
    """

    duplicates: float = 0.0
    out_of_order: float = 0.0
    late_files: float = 0.0
    spellings: float = 0.0
    numbers_as_names: float = 0.0
    missing_keys: float = 0.0
    crlf: float = 0.0
    pretty_printed: float = 0.0
    concatenated: float = 0.0
    mojibake: float = 0.0
    nul: float = 0.0
    long_strings: float = 0.0
    corrupt: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            rate = getattr(self, field.name)
            if not 0 <= rate <= 1:
                raise ValueError(f"{field.name} is {rate}: give a rate from 0 to 1.")


class Spoiler:
    """Puts defects into files, the same for the same seed."""

    def __init__(self, defects: Defects, seed: int) -> None:
        self._defects = defects
        self._random = Random(f"defects {seed}").random  # noqa: S311 - no secret

    def late(self) -> bool:
        """Say whether the next file of the log comes late."""
        return self._happens(self._defects.late_files)

    def log(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield the objects of a log file, as text, from its lines."""
        events = map(json.loads, self._disordered(self._duplicated(lines)))
        return self._file(map(self._event, events), separators=(",", ":"))

    def songs(self, songs: Iterable[dict[str, Any]]) -> Iterator[str]:
        """Yield the objects of a song file, as text, from the songs."""
        return self._file(map(self._song, songs), separators=(", ", ": "))

    def _happens(self, rate: float) -> bool:
        return self._random() < rate

    def _duplicated(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            yield line
            if self._happens(self._defects.duplicates):
                yield line

    def _disordered(self, lines: Iterable[str]) -> Iterator[str]:
        held: list[tuple[int, int, str]] = []
        for number, line in enumerate(lines):
            if self._happens(self._defects.out_of_order):
                release = number + 1 + int(_HELD_BACK * self._random())
                heappush(held, (release, number, line))
            else:
                yield line
            while held and held[0][0] <= number:
                yield heappop(held)[2]
        while held:
            yield heappop(held)[2]

    def _event(self, event: dict[str, Any]) -> dict[str, Any]:
        if self._happens(self._defects.mojibake) and event["artist"] is not None:
            event["artist"] = mojibake(event["artist"])
            event["song"] = mojibake(event["song"])
        return self._object(event, name="artist", text="userAgent")

    def _song(self, song: dict[str, Any]) -> dict[str, Any]:
        if self._happens(self._defects.spellings):
            spellings = _spellings(song["artist_name"])
            song["artist_name"] = spellings[int(self._random() * len(spellings))]
        return self._object(song, name="artist_name", text="artist_location")

    def _object(self, item: dict[str, Any], *, name: str, text: str) -> dict[str, Any]:
        defects = self._defects
        number, nul, long = map(
            self._happens, (defects.numbers_as_names, defects.nul, defects.long_strings)
        )
        if number and item[name] is not None and item[name].isdecimal():
            item[name] = int(item[name])
        if nul and item[text] is not None:
            item[text] += "\0"
        if long and item[text] is not None:
            item[text] = item[text].ljust(_LONG, "x")
        if self._happens(defects.missing_keys):
            return {key: value for key, value in item.items() if value is not None}
        return item

    def _file(
        self, objects: Iterable[dict[str, Any]], *, separators: tuple[str, str]
    ) -> Iterator[str]:
        defects = self._defects
        end = "\r\n" if self._happens(defects.crlf) else "\n"
        indent = 2 if self._happens(defects.pretty_printed) else None
        between = "" if self._happens(defects.concatenated) else end
        if indent:
            separators = (",", ": ")
        for item in objects:
            text = json.dumps(item, indent=indent, separators=separators).replace("\n", end)
            if self._happens(defects.corrupt):
                text = text[: len(text) // 2]
            yield text + between


def mojibake(text: str) -> str:
    r"""Take UTF-8 for Latin-1 twice, as the simulator of the mission's logs did.

    >>> mojibake("Zoë")
    'ZoÃ\x83Â«'
    """
    for _ in range(2):
        text = text.encode().decode("latin-1")
    return text


def _spellings(name: str) -> list[str]:
    ways = (name.upper(), name.lower(), f"The {name}", f"{name} ", name.replace("&", "and"))
    return [way for way in ways if way != name]
