"""What listeners do: the events of the log, in order of time."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from heapq import heapify, heappop, heapreplace
from json import dumps
from random import Random
from typing import TYPE_CHECKING, TypeAlias

from musicbee_warehouse.simulator import words
from musicbee_warehouse.simulator.catalogue import LENGTHS
from musicbee_warehouse.simulator.chance import EXPONENTIAL, Popularity, quantile
from musicbee_warehouse.simulator.machine import Machine, State
from musicbee_warehouse.simulator.rhythm import HOUR, Rhythm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from musicbee_warehouse.simulator.catalogue import Song
    from musicbee_warehouse.simulator.listeners import Listener

# Seconds between sessions at the least, and within one at the most unless a song plays.
_SESSION_GAP = 1800
_LONGEST_PAUSE = 3600
# Songs outside the catalogue: about as many as the simulator of the mission's logs chose from.
_UNLISTED = Popularity(2**18)


# A song: its artist, length and title, ready to be written, and the whole seconds that it plays.
Track: TypeAlias = tuple[str, str, str, int]
# A listener in one session, at one level, logged in or not, ready to be written: what the log
# says from the login to the first name, of the last name, of level and place, of registration
# and session, of the device and the user.
Visitor: TypeAlias = tuple[str, str, str, str, str]
# Milliseconds since the start, session, item in session; then what the log says of them. The
# first three are unique, so records sort without looking at the rest.
Record: TypeAlias = tuple[int, int, int, Visitor, State, Track]

_SILENCE = ("null", "null", "null", 0)


def render(records: Iterable[Record], start: int) -> list[str]:
    """Write records as lines of the log; `start` is in milliseconds since 1970."""
    # One formatted string of ready fragments is five times as fast as json.dumps of a dict.
    return [
        f'{{"artist":{artist},"auth":{first}{item}{last}{length}{where}{state.request}'
        f"{session}{title}{state.answer}{start + at}{agent}"
        for (
            at,
            _,
            item,
            (first, last, where, session, agent),
            state,
            (artist, length, title, _),
        ) in records
    ]


class Activity:
    """Everything that happens on the service, hour by hour.

    A heap holds when each listener's next session begins. A session is played out as soon as it
    begins, into the hours that it lasts, and an hour is sorted and let go once every session
    that can touch it has begun. So memory holds the listeners, the catalogue and an hour or two,
    however many the days.
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        songs: Iterable[Song],
        *,
        start: date,
        days: int,
        coverage: float,
        seed: int,
    ) -> None:
        self._listeners = listeners
        self._tracks = [_listed(song) for song in songs]
        self._charts = Popularity(len(self._tracks))
        self._coverage = coverage if self._tracks else 0.0
        self._rhythm = Rhythm(start)
        self._start = _seconds(start)
        self._hours = 24 * days
        self._machine = Machine()
        self._random = Random(f"events {seed}").random

    def hours(self) -> Iterator[list[Record]]:
        """Yield the records of each hour from the start, in order of time; some are empty."""
        pending: defaultdict[int, list[Record]] = defaultdict(list)
        starts = [
            (self._first_session(listener), number)
            for number, listener in enumerate(self._listeners)
        ]
        heapify(starts)
        session = 0
        for hour in range(self._hours):
            while starts and starts[0][0] < (hour + 1) * HOUR:
                begin, number = starts[0]
                listener = self._listeners[number]
                session += 1
                end = self._play(listener, session, begin, pending)
                if listener.auth == "Cancelled":
                    heappop(starts)
                else:
                    heapreplace(starts, (self._next_session(listener, end), number))
            yield sorted(pending.pop(hour, ()))

    def _first_session(self, listener: Listener) -> int:
        # Newcomers arrive at any time by the rhythm's clock, the others go on as they were.
        if listener.auth == "Guest":
            return int(self._rhythm.time(self._random() * self._rhythm.clock(self._hours * HOUR)))
        return self._next_session(listener, -_SESSION_GAP)

    def _next_session(self, listener: Listener, end: int) -> int:
        rhythm = self._rhythm
        absence = listener.absence * quantile(EXPONENTIAL, self._random())
        return int(rhythm.time(rhythm.clock(end + _SESSION_GAP) + absence))

    def _play(
        self,
        listener: Listener,
        session: int,
        now: int,
        pending: defaultdict[int, list[Record]],
    ) -> int:
        """Play a session out into the hours it lasts; return the second at which it ended."""
        random, tracks, coverage = self._random, self._tracks, self._coverage
        rank = self._charts.rank
        fraction = int(1000 * random())
        state = self._machine.entry(listener.auth, listener.level, random())
        visitor = _visitor(listener, session)
        item = silent_at = 0
        while True:
            if state.auth != listener.auth or state.level != listener.level:
                if listener.auth == "Guest":
                    listener.registration = 1000 * (self._start + now) + fraction
                listener.auth, listener.level = state.auth, state.level
                visitor = _visitor(listener, session)
            if state.plays:
                if random() < coverage:
                    track = tracks[rank(random())]
                else:
                    track = _unlisted(random())
                silent_at = now + track[3]
            else:
                track = _SILENCE
            pending[now // HOUR].append(
                (1000 * now + fraction, session, item, visitor, state, track)
            )
            following = state.next(random())
            if following is None:
                return now
            if following.status == 307:
                now += 1
            elif following.plays and now < silent_at:
                now = silent_at
            else:
                pause = listener.pause * quantile(EXPONENTIAL, random())
                now += int(min(pause, _LONGEST_PAUSE))
            item += 1
            state = following


def _visitor(listener: Listener, session: int) -> Visitor:
    level = f',"level":"{listener.level}","location":'
    if listener.auth in {"Guest", "Logged Out"}:
        return (
            f'"{listener.auth}","firstName":null,"gender":null,"itemInSession":',
            ',"lastName":null,"length":',
            f'{level}null,"method":',
            f'null,"sessionId":{session},"song":',
            ',"userAgent":null,"userId":""}\n',
        )
    return (
        f'"{listener.auth}","firstName":{listener.first_name},"itemInSession":',
        f',"lastName":{listener.last_name},"length":',
        f'{level}{listener.location},"method":',
        # The mission's logs have passed through a float column.
        f'{listener.registration}.0,"sessionId":{session},"song":',
        f',"userAgent":{listener.user_agent},"userId":"{listener.user_id}"}}\n',
    )


def _listed(song: Song) -> Track:
    return dumps(song.artist.name), repr(song.duration), dumps(song.title), int(song.duration)


def _escaped(texts: Iterable[str]) -> list[str]:
    return [dumps(text)[1:-1] for text in texts]


_ADJECTIVES = _escaped(words.ADJECTIVES)
_NOUNS = _escaped(words.NOUNS)
_ENSEMBLES = _escaped(words.ENSEMBLES)
_PLAYS = [(repr(length), int(length)) for length in (round(length, 5) for length in LENGTHS)]


def _unlisted(share: float) -> Track:
    """Make up the song outside the catalogue that a draw falls on, the same for the same rank.

    No artist of the catalogue is an ensemble, so none of these songs is in it.
    """
    # Neighbours in rank share nothing once the multiplication has spread them over 32 bits.
    mixed = (_UNLISTED.rank(share) + 1) * 2654435761 & 0xFFFFFFFF
    length, seconds = _PLAYS[mixed >> 20]
    return (
        f'"{_NOUNS[mixed % 80]} {_NOUNS[(mixed >> 7) % 79]} {_ENSEMBLES[mixed >> 13 & 7]}"',
        length,
        f'"{_ADJECTIVES[(mixed >> 16) % 60]} {_NOUNS[(mixed >> 22) % 80]}"',
        seconds,
    )


def _seconds(day: date) -> int:
    return 86400 * (day - date(1970, 1, 1)).days
