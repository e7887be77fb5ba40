"""What a load would do: which files are new, which changed, and which are loaded already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from html import escape
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.loading.content import fingerprint
from musicbee_warehouse.loading.sources import SourceFile, folder_of, list_files
from musicbee_warehouse.models import LoadedFile

_SHOWN = 20


@dataclass(frozen=True)
class Sources:
    """The files that there are, and the folders of which these are all."""

    events: list[SourceFile]
    songs: list[SourceFile]
    folders: tuple[str, ...] = ()

    @classmethod
    def listed(
        cls,
        events: str | Path | None,
        songs: str | Path | None,
        *,
        since: date | None = None,
        until: date | None = None,
    ) -> Sources:
        """List the files of both kinds; the period is that of events.

        Raises:
            WarehouseError: if there are none, or one is to be both, or the period ends before it
                begins.
        """
        if events is None and songs is None:
            raise WarehouseError("there is nothing to load; give events, songs or both")
        if since and until and since > until:
            raise WarehouseError(f"the period ends, {until}, before it begins, {since}")
        whole = [songs] if since or until else [events, songs]
        listed = cls(
            [] if events is None else list_files(events, since=since, until=until),
            [] if songs is None else list_files(songs),
            tuple(folder_of(source) for source in whole if source is not None),
        )
        both = {file.uri for file in listed.events} & {file.uri for file in listed.songs}
        if both:
            raise WarehouseError(
                f"{min(both)} is given both as events and as songs; name folders apart"
            )
        return listed


class PlannedFile(NamedTuple):
    """A file to load: of which kind, and whether it was loaded before it changed."""

    kind: str
    source: SourceFile
    changed: bool = False


@dataclass(frozen=True, repr=False)
class Plan:
    """What a load would do; it reads well in a terminal and in a notebook.

    Attributes:
        songs: the files of song metadata to load, oldest name first.
        events: the activity logs to load, likewise; they come after the songs.
        known: how many files are loaded already, as they are.
        changed: the addresses of the files to load that changed since they were loaded.
        gone: files that were loaded from the folders and are no longer there.
        script: the statements that load the files, as the engine spells them.
    """

    songs: Sequence[SourceFile]
    events: Sequence[SourceFile]
    known: int
    changed: frozenset[str] = frozenset()
    gone: tuple[str, ...] = ()
    script: str = ""

    @property
    def sources(self) -> list[SourceFile]:
        """The files to load, of both kinds."""
        return [*self.songs, *self.events]

    @property
    def files(self) -> tuple[PlannedFile, ...]:
        """The files to load, with what there is to know of each."""
        return tuple(
            PlannedFile(kind, file, file.uri in self.changed)
            for kind in ("songs", "events")
            for file in self.of(kind)
        )

    @property
    def bytes(self) -> int:
        """The size of the files to load."""
        return sum(file.size for file in self.sources)

    def first(self, size: int | None) -> Plan:
        """Return the plan of the first files, up to ``size`` bytes but one file at least."""
        if size is None:
            return self
        totals = accumulate(file.size for file in self.sources)
        count = max(sum(total <= size for total in totals), 1)
        some = replace(
            self, songs=self.songs[:count], events=self.events[: max(count - len(self.songs), 0)]
        )
        return replace(some, changed=self.changed & {file.uri for file in some.sources})

    def of(self, kind: str, *, changed: bool | None = None) -> Sequence[SourceFile]:
        """Return the files of a kind, ``events`` or ``songs``."""
        files = {"songs": self.songs, "events": self.events}[kind]
        if changed is None or not self.changed:
            return [] if changed else files
        return [file for file in files if (file.uri in self.changed) is changed]

    @property
    def summary(self) -> str:
        """One line: what there is to load."""
        gone = ""
        if self.gone:
            files = counted(
                len(self.gone), "loaded file is gone, its", "loaded files are gone, their"
            )
            gone = f"; {files} rows stay until a full refresh"
        if not self.sources:
            known = counted(self.known, "file is", "files are")
            return f"Nothing to load: {known} loaded already{gone}"
        changed = f", {len(self.changed):,} of them changed since" if self.changed else ""
        files = counted(len(self.sources), "file", "files")
        return (
            f"{files} to load ({human(self.bytes)}){changed}; {self.known:,} loaded already{gone}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values, ready for JSON."""
        return {
            "files": [
                {
                    "kind": file.kind,
                    "uri": file.source.uri,
                    "size": file.source.size,
                    "changed": file.changed,
                }
                for file in self.files
            ],
            "bytes": self.bytes,
            "known": self.known,
            "gone": list(self.gone),
            "script": self.script,
        }

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        files = self.files
        for file in files[:_SHOWN]:
            mark = "changed" if file.changed else "new"
            yield file.kind, mark, f"{file.source.uri} ({human(file.source.size)})"
        if len(files) > _SHOWN:
            yield "", "", f"and {len(files) - _SHOWN:,} more"

    def __repr__(self) -> str:
        lines = [f"  {kind:<7} {mark:<8} {uri}".rstrip() for kind, mark, uri in self._lines()]
        return "\n".join([self.summary, *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{kind}</td><td>{mark}</td><td style='text-align:left'>{escape(uri)}</td></tr>"
            for kind, mark, uri in self._lines()
        )
        return f"<p>{escape(self.summary)}</p><table>{rows}</table>"


def known_files(connection: Connection) -> dict[str, SourceFile]:
    """Return the files of the ledger by their addresses."""
    columns = (LoadedFile.uri, LoadedFile.size, LoadedFile.etag, LoadedFile.stamp)
    return {
        uri: SourceFile(uri, size, etag, stamp or "")
        for uri, size, etag, stamp in connection.execute(select(*columns))
    }


def compare(sources: Sources, known: Mapping[str, SourceFile]) -> Plan:
    """Return what of the sources the ledger lacks."""
    songs, events = (list(_unknown(files, known)) for files in (sources.songs, sources.events))
    changed = frozenset(file.uri for file in (*songs, *events) if file.uri in known)
    listed = {file.uri for file in (*sources.events, *sources.songs)}
    gone = (uri for uri in known if uri.startswith(sources.folders) and uri not in listed)
    return Plan(songs, events, len(listed) - len(songs) - len(events), changed, tuple(sorted(gone)))


def _unknown(files: Iterable[SourceFile], known: Mapping[str, SourceFile]) -> Iterator[SourceFile]:
    for file in files:
        loaded = known.get(file.uri)
        if loaded is None or not _same(file, loaded):
            yield file


def _same(file: SourceFile, loaded: SourceFile) -> bool:
    """Tell whether a file is as it was loaded; a local one is read only if it was touched."""
    if file.size != loaded.size:
        return False
    if file.etag:
        return file.etag == loaded.etag
    return file.stamp == loaded.stamp or fingerprint(file.path).etag == loaded.etag


def human(size: int) -> str:
    """Return a size as people say it.

    >>> human(190_600), human(1_500_000)
    ('190.6 kB', '1.5 MB')
    """
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"


def counted(count: int, one: str, many: str) -> str:
    """Return how many there are, with the words for one or for many.

    >>> counted(1, "file", "files"), counted(15_000, "file", "files")
    ('1 file', '15,000 files')
    """
    return f"{count:,} {one if count == 1 else many}"
