"""What listeners do: the events of the log, in order of time."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from datetime import date
from heapq import heapify, heappop, heapreplace
from itertools import islice
from json import dumps
from random import Random
from typing import TYPE_CHECKING, TypeAlias

from musicbee_warehouse.simulator import words
from musicbee_warehouse.simulator.catalogue import LENGTHS
from musicbee_warehouse.simulator.chance import EXPONENTIAL, Popularity, quantile
from musicbee_warehouse.simulator.machine import Machine
from musicbee_warehouse.simulator.rhythm import HOUR, Rhythm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from musicbee_warehouse.simulator.catalogue import Song
    from musicbee_warehouse.simulator.listeners import Listener

# Seconds between sessions at the least, and within one at the most unless a song plays.
_SESSION_GAP = 1800
_LONGEST_PAUSE = 3600


# A song: its artist, length and title, ready to be written, and the whole seconds that it plays.
Track: TypeAlias = tuple[str, str, str, int]
# A listener in one session, at one level, logged in or not, ready to be written: what the log
# says from the login to the first name, of the last name, of level and place, of registration
# and session, of the device and the user.
Visitor: TypeAlias = tuple[str, str, str, str, str]
# Milliseconds since the start, session, item in session; then what the log says of them. The
# first three are unique, so records sort without looking at the rest.
# All but the numbers are tuples of text, which the garbage collector soon stops looking at.
Record: TypeAlias = tuple[int, int, int, Visitor, tuple[str, str], Track]

_SILENCE = ("null", "null", "null", 0)


def render(records: Iterable[Record], start: int) -> list[str]:
    """Write records as lines of the log; `start` is in milliseconds since 1970."""
    # One formatted string of ready fragments is five times as fast as json.dumps of a dict.
    return [
        f'{{"artist":{artist},"auth":{first}{item}{last}{length}{where}{request}'
        f"{session}{title}{answer}{start + at}{agent}"
        for (
            at,
            _,
            item,
            (first, last, where, session, agent),
            (request, answer),
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

    def __init__(  # noqa: PLR0913 - what a service is made of
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
        self._unlisted = _Unlisted()
        self._coverage = coverage if self._tracks else 0.0
        self._rhythm = Rhythm(start)
        self._start = _seconds(start)
        self._hours = 24 * days
        self._machine = Machine()
        self._random = Random(f"events {seed}").random  # noqa: S311 - no secret

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
        # What runs for every event is spelled out here, free of calls and look-ups.
        random, tracks, coverage = self._random, self._tracks, self._coverage
        first, span, unlisted = self._charts.first, self._charts.span, self._unlisted.track
        fraction = int(1000 * random())
        state = self._machine.entry(listener.auth, listener.level, random())
        kind = state.visitor
        visitor = _visitor(listener, session)
        item = silent_at = 0
        while True:
            if state.visitor is not kind:
                if listener.auth == "Guest":
                    listener.registration = 1000 * (self._start + now) + fraction
                kind = state.visitor
                listener.auth, listener.level = kind
                visitor = _visitor(listener, session)
            if state.plays:
                if random() < coverage:
                    root = first + span * random()  # as Popularity.rank
                    track = tracks[int(root * root * root * root - 2)]
                else:
                    track = unlisted(random())
                silent_at = now + track[3]
            else:
                track = _SILENCE
            pending[now // HOUR].append(
                (1000 * now + fraction, session, item, visitor, state.said, track)
            )
            following = state.destinations[bisect_right(state.cumulative, random())]  # as next
            if following is None:
                return now
            if following.plays and now < silent_at:
                now = silent_at
            elif following.redirects:
                now += 1
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


class _Unlisted:
    """The songs outside the catalogue, made up as they are played, the same for the same rank.

    As many as make plays as repetitive as in the mission's logs. No artist of the catalogue is
    an ensemble, so none of these songs is in it.
    """

    def __init__(self) -> None:
        charts = Popularity(2**17)
        self._first, self._span = charts.first, charts.span
        names = (
            dumps(f"{one} {other} {ensemble}")
            for other in words.NOUNS
            for ensemble in words.ENSEMBLES
            for one in words.NOUNS
        )
        self._artists = list(islice(names, 2**14))
        self._titles = [dumps(f"{a} {noun}") for a in words.ADJECTIVES for noun in words.NOUNS]
        self._lengths = [(repr(round(length, 5)), int(length)) for length in LENGTHS]

    def track(self, share: float) -> Track:
        """Return the song that the draw `share` falls on."""
        # The multiplication leaves neighbours in rank nothing in common, and no two ranks the same.
        root = self._first + share * self._span  # as Popularity.rank
        mixed = int(root * root * root * root - 1) * 2654435761 & 0xFFFFFFFF
        length, seconds = self._lengths[mixed >> 20]
        titles = self._titles
        return self._artists[mixed & 0x3FFF], length, titles[(mixed >> 14) % len(titles)], seconds


def _seconds(day: date) -> int:
    return 86400 * (day - date(1970, 1, 1)).days
