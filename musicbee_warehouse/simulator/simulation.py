"""A simulated service, and its files."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from gzip import GzipFile
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from musicbee_warehouse.simulator.activity import Activity, render
from musicbee_warehouse.simulator.catalogue import catalogue
from musicbee_warehouse.simulator.defects import Defects, Spoiler
from musicbee_warehouse.simulator.listeners import listeners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from musicbee_warehouse.simulator.catalogue import Song

_EPOCH = date(1970, 1, 1)
_NONE = Defects()
_LINES = 1_000  # rendered at a time: half a megabyte, which stays in a processor's cache


@dataclass(frozen=True)
class Written:
    """What `Simulation.write` wrote; `bytes` as they are on disk, compressed or not."""

    folder: Path
    files: int
    songs: int
    events: int
    bytes: int


@dataclass(frozen=True)
class Simulation:
    """A service to be simulated: a recipe, of which nothing is made until it is asked for.

    `simulate` makes one, and says what its values mean.
    """

    song_count: int
    users: int
    start: date
    days: int
    seed: int
    coverage: float
    newcomers: float
    defects: Defects

    def __post_init__(self) -> None:
        _at_least("songs", self.song_count, 0)
        _at_least("users", self.users, 0)
        _at_least("days", self.days, 1)
        _share("coverage", self.coverage)
        _share("newcomers", self.newcomers)

    def songs(self) -> Iterator[dict[str, Any]]:
        """Yield what the song files hold, objects of 10 keys, the most popular song first.

        >>> song = next(simulate(songs=3).songs())
        >>> song["title"], song["artist_name"], song["duration"]
        ('Lucky Lion (Acoustic)', 'Restless Falcon', 184.60894)
        """
        return (song.metadata() for song in catalogue(self.song_count, self.seed))

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield the events of the log, objects of 18 keys, in order of time (`ts`).

        >>> event = next(simulate(users=10).events())
        >>> event["userId"], event["page"], event["ts"]
        ('7', 'NextSong', 1541086604270)
        """
        return (json.loads(line) for day in self._log() for lines in day for line in lines)

    def write(
        self,
        folder: str | Path,
        *,
        gzip: bool = False,
        songs_per_file: int = 1,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Written:
        """Write the songs and events to files, laid out as the mission's are.

        Songs are in `song_data/A/B/C/TRABC....json`, events in
        `log_data/2018/11/2018-11-01-events.json`, a line each; a day without events has no file.
        With `gzip` the names end in `.json.gz`. `on_progress` is called with the days written
        and all days, first when the songs are written. Files of the same name are replaced.

        Raises OSError where the folder can't be written, ValueError where `songs_per_file` is
        under 1.

        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     written = simulate(songs=3, users=10, days=2).write(folder)
        >>> written.files, written.songs, written.events
        (5, 3, 50)
        """
        _at_least("songs_per_file", songs_per_file, 1)
        files = _Files(Path(folder), compress=gzip)
        spoiler = Spoiler(self.defects, self.seed) if self.defects != _NONE else None
        self._write_songs(files, songs_per_file, spoiler)
        events = 0
        for number, batches in enumerate(self._log()):
            if on_progress:
                on_progress(number, self.days)
            day = self.start + timedelta(number)
            if spoiler:
                path = _late_log_path(day) if spoiler.late() else _log_path(day)
                events += files.write(path, _singly(spoiler.log(chain.from_iterable(batches))))
            else:
                events += files.write(_log_path(day), batches)
        if on_progress:
            on_progress(self.days, self.days)
        return Written(files.folder, files.count, self.song_count, events, files.bytes)

    def _write_songs(self, files: _Files, songs_per_file: int, spoiler: Spoiler | None) -> None:
        songs = catalogue(self.song_count, self.seed)
        for first in songs:
            metadata = (s.metadata() for s in chain([first], islice(songs, songs_per_file - 1)))
            if spoiler:
                lines = spoiler.songs(metadata)
            else:
                lines = (f"{json.dumps(song)}\n" for song in metadata)
            files.write(_song_path(first), _singly(lines))

    def _log(self) -> Iterator[Iterator[list[str]]]:
        """Yield each day's lines, many at a time; read a day to its end before the next."""
        newcomers = round(self.users * self.newcomers)
        midnight = 86400 * (self.start - _EPOCH).days
        activity = Activity(
            list(listeners(self.users, newcomers, midnight, self.seed)),
            catalogue(self.song_count, self.seed),
            start=self.start,
            days=self.days,
            coverage=self.coverage,
            seed=self.seed,
        )
        hours = activity.hours()
        for _ in range(self.days):
            yield (
                render(records[first : first + _LINES], 1000 * midnight)
                for records in islice(hours, 24)
                for first in range(0, len(records), _LINES)
            )


class _Files:
    """A folder, and what has been written to it."""

    def __init__(self, folder: Path, *, compress: bool) -> None:
        self.folder = folder
        self.compress = compress
        self.count = 0
        self.bytes = 0
        self._made: Path | None = None

    def write(self, name: str, batches: Iterable[Sequence[str]]) -> int:
        """Write a file of lines, or none where there are no lines; return how many there are."""
        lines = 0
        batches = iter(batches)
        first = next(batches, None)
        if first is None:
            return 0
        path = self.folder / (f"{name}.gz" if self.compress else name)
        if path.parent != self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made = path.parent
        with path.open("wb") as file:
            with self._compressed(file) as packed:
                for batch in chain([first], batches):
                    packed.write("".join(batch).encode("ascii"))
                    lines += len(batch)
            self.bytes += file.tell()
        self.count += 1
        return lines

    @contextmanager
    def _compressed(self, file: IO[bytes]) -> Iterator[IO[bytes]]:
        if not self.compress:
            yield file
            return
        # No name and no time of writing, so that the same data makes the same file.
        with GzipFile("", "wb", fileobj=file, mtime=0) as packed:
            yield cast("IO[bytes]", packed)


def _singly(lines: Iterable[str]) -> Iterator[list[str]]:
    return ([line] for line in lines)


def _song_path(song: Song) -> str:
    track = song.track_id
    return f"song_data/{track[2]}/{track[3]}/{track[4]}/{track}.json"


def _log_path(day: date) -> str:
    return f"log_data/{day:%Y/%m}/{day}-events.json"


def _late_log_path(day: date) -> str:
    arrival = day + timedelta(days=3)
    return f"log_data/{arrival:%Y/%m}/{arrival}-late-{day}-events.json"


def simulate(  # noqa: PLR0913 - what a service is made of
    songs: int = 1000,
    users: int = 100,
    *,
    start: date = date(2018, 11, 1),
    days: int = 30,
    seed: int = 0,
    coverage: float = 0.5,
    newcomers: float = 0.1,
    defects: Defects = _NONE,
) -> Simulation:
    """Describe a service to be simulated: its catalogue, its listeners, its days.

    `songs` are in the catalogue; of all plays, `coverage` (0 to 1) are of these songs, the rest
    of songs that have no file, as most of the mission's are. Of the `users`, the share
    `newcomers` (0 to 1) registers after `start`; the others have before. Days are those of UTC.
    A user makes some 80 events in 30 days. The same values make the same songs and events on
    every platform and every version of Python. `defects` are in the files that are written, never
    in what `Simulation.songs` and `Simulation.events` yield.

    The shape is that of the logs of https://github.com/Interana/eventsim.

    Raises ValueError where a number is out of its range.

    >>> simulation = simulate(songs=20, users=5, days=7)
    >>> len(list(simulation.songs())), len(list(simulation.events()))
    (20, 42)
    """
    return Simulation(songs, users, start, days, seed, coverage, newcomers, defects)


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{name} is {value}: give {least} or more.")


def _share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is {value}: give a share from 0 to 1.")
