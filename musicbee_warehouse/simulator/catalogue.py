"""The songs and artists of the service."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from musicbee_warehouse.simulator import words
from musicbee_warehouse.simulator.chance import curve, quantile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# Seconds that a song lasts: half of them under 3:53, one in a hundred over 9:47.
LENGTHS = curve(
    [
        (0, 20),
        (0.01, 67),
        (0.05, 138),
        (0.1, 163),
        (0.25, 197),
        (0.5, 233),
        (0.75, 274),
        (0.9, 339),
        (0.95, 397),
        (0.99, 587),
        (1, 1800),
    ]
)

SONGS_PER_FOLDER = 32
# Of the songs of the whole published set, 64 in 100 bring a new artist; 30 in 100 have no year;
# 45 in 100 artists have no location and 65 in 100 no coordinates.
_NEW_ARTIST = 0.64
_NO_YEAR = 0.3
_LOCATION = 0.55
_COORDINATES = 0.35
_ALL_DIGITS = 0.01

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Artist:
    """An artist as the song files describe it; coordinates in degrees."""

    artist_id: str
    name: str
    location: str
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, slots=True)
class Song:
    """A song of the catalogue; duration in seconds, year 0 where it is not known."""

    track_id: str
    song_id: str
    title: str
    artist: Artist
    year: int
    duration: float

    def metadata(self) -> dict[str, Any]:
        """Return the object that a song file holds."""
        artist = self.artist
        return {
            "num_songs": 1,
            "artist_id": artist.artist_id,
            "artist_latitude": artist.latitude,
            "artist_longitude": artist.longitude,
            "artist_location": artist.location,
            "artist_name": artist.name,
            "song_id": self.song_id,
            "title": self.title,
            "duration": self.duration,
            "year": self.year,
        }


def catalogue(songs: int, seed: int) -> Iterator[Song]:
    """Yield the songs of a catalogue, the most popular first.

    >>> first, second = catalogue(2, seed=0)
    >>> first.track_id, first.title, first.artist.name, first.duration
    ('TRAAAND9BB133145B9', 'Lucky Lion (Acoustic)', 'Restless Falcon', 184.60894)
    """
    random = Random(f"songs {seed}").random  # noqa: S311 - no secret
    artists: list[Artist] = []
    names: set[str] = set()
    for number in range(songs):
        if not artists or random() < _NEW_ARTIST:
            artist = _artist(len(artists), seed, names, random)
            artists.append(artist)
        else:
            artist = _pick(artists, random)
        yield Song(
            track_id=_track_id(number, seed),
            song_id=_identifier("SO", number, seed),
            title=_title(random),
            artist=artist,
            year=0 if random() < _NO_YEAR else 2010 - int(50 * random() * random()),
            duration=round(quantile(LENGTHS, random()), 5),
        )


def _artist(number: int, seed: int, names: set[str], random: Callable[[], float]) -> Artist:
    home, latitude, longitude = _pick(words.HOMES, random)
    known = random()
    return Artist(
        artist_id=_identifier("AR", number, seed),
        name=_name(names, random),
        location=home if known < _LOCATION else "",
        latitude=latitude if known < _COORDINATES else None,
        longitude=longitude if known < _COORDINATES else None,
    )


def _name(taken: set[str], random: Callable[[], float]) -> str:
    if random() < _ALL_DIGITS:
        return _pick(words.NUMBERS, random)
    band = f"{_pick(words.ADJECTIVES, random)} {_pick(words.NOUNS, random)}"
    person = f"{_pick(words.WOMEN + words.MEN, random)} {_pick(words.SURNAMES, random)}"
    name = band if random() < 0.5 else person
    if name in taken:
        name = f"{person} & The {band}"
    taken.add(name)
    return name


def _title(random: Callable[[], float]) -> str:
    adjective = _pick(words.ADJECTIVES, random)
    noun = _pick(words.NOUNS, random)
    ending = _pick(words.ENDINGS, random)
    form = random()
    if form < 0.4:
        return f"{adjective} {noun}"
    return f"{noun} {ending}" if form < 0.7 else f"{adjective} {noun} {ending}"


def _pick(things: Sequence[_T], random: Callable[[], float]) -> _T:
    return things[int(random() * len(things))]


def _track_id(number: int, seed: int) -> str:
    """Name a track so that its file's folder, the next three letters, fills before the next one."""
    folder = _letters(number // SONGS_PER_FOLDER, 3)
    return f"TR{folder}{_identifier('TR', number, seed)[5:]}"


def _identifier(prefix: str, number: int, seed: int) -> str:
    """Make 16 letters and digits after the prefix: different for each number of a seed."""
    # Multiplying by an odd number only reorders the numbers below a power of two.
    mixed = number * 0x9E3779B97F4A7C15 + seed * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB
    scrambled = (mixed ^ int.from_bytes(prefix.encode())) % 16**11
    return f"{prefix}{_letters(scrambled >> 8, 5)}{scrambled:011X}"


def _letters(number: int, count: int) -> str:
    letters = ""
    for _ in range(count):
        number, place = divmod(number, 26)
        letters = _ALPHABET[place] + letters
    return letters
