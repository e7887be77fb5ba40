"""The pages of the service and how listeners move between them.

The chances are those of the public simulator that made the mission's logs, as measured in them
and as its example configuration states: https://github.com/Interana/eventsim
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeAlias

# Pages that change something are PUT and redirect; Error is not found; the rest is a plain GET.
_REQUESTS = {
    "NextSong": ("PUT", 200),
    "Error": ("GET", 404),
    **dict.fromkeys(
        (
            "Cancel",
            "Login",
            "Logout",
            "Save Settings",
            "Submit Downgrade",
            "Submit Registration",
            "Submit Upgrade",
        ),
        ("PUT", 307),
    ),
}
_PLAIN_REQUEST = ("GET", 200)

# What the page after one of these finds changed.
_TURNS = {
    "Cancel": {"auth": "Cancelled"},
    "Login": {"auth": "Logged In"},
    "Logout": {"auth": "Logged Out"},
    "Submit Downgrade": {"level": "free"},
    "Submit Registration": {"auth": "Logged In"},
    "Submit Upgrade": {"level": "paid"},
}

_Moves: TypeAlias = dict[str, dict[str, float]]

# The chance of each page after a page; what is missing to 1 is the chance that the session ends.
_ALIKE: _Moves = {
    "Logout": {"Home": 1.0},
    "Cancel": {"Cancellation Confirmation": 1.0},
    "Error": {"NextSong": 0.3, "Home": 0.2},
}
_FREE: _Moves = {
    **_ALIKE,
    "NextSong": {
        "NextSong": 0.5,
        "Home": 0.02,
        "Logout": 0.02,
        "Upgrade": 0.011,
        "Settings": 0.003,
        "Help": 0.003,
        "About": 0.002,
        "Error": 0.001,
    },
    "Home": {
        "NextSong": 0.55,
        "Settings": 0.025,
        "Home": 0.015,
        "Upgrade": 0.01,
        "Logout": 0.01,
        "Help": 0.004,
        "About": 0.003,
        "Error": 0.001,
    },
    "About": {"NextSong": 0.2, "Home": 0.2},
    "Help": {"NextSong": 0.5, "Home": 0.15, "Help": 0.03},
    "Settings": {
        "NextSong": 0.4,
        "Save Settings": 0.2,
        "Home": 0.13,
        "Settings": 0.07,
        "Help": 0.05,
        "Cancel": 0.005,
    },
    "Save Settings": {"Home": 0.9},
    "Upgrade": {"Submit Upgrade": 0.3, "Home": 0.25, "NextSong": 0.2, "Upgrade": 0.1},
    "Submit Upgrade": {"Home": 1.0},
}
_PAID: _Moves = {
    **_ALIKE,
    "NextSong": {
        "NextSong": 0.9232,
        "Home": 0.0205,
        "Logout": 0.0095,
        "Downgrade": 0.009,
        "Settings": 0.0055,
        "Help": 0.005,
        "About": 0.002,
        "Error": 0.001,
    },
    "Home": {
        "NextSong": 0.855,
        "Settings": 0.025,
        "Logout": 0.02,
        "Downgrade": 0.015,
        "About": 0.004,
        "Home": 0.003,
        "Help": 0.003,
        "Error": 0.001,
    },
    "About": {"NextSong": 0.25, "About": 0.2, "Home": 0.17},
    "Help": {"NextSong": 0.83, "Downgrade": 0.04, "Home": 0.03, "Help": 0.03},
    "Settings": {
        "NextSong": 0.56,
        "Save Settings": 0.2,
        "Settings": 0.07,
        "Logout": 0.06,
        "Home": 0.05,
        "Help": 0.04,
        "Cancel": 0.005,
    },
    "Save Settings": {"Home": 1.0},
    "Downgrade": {"NextSong": 0.58, "Home": 0.16, "Downgrade": 0.05, "Submit Downgrade": 0.015},
    "Submit Downgrade": {"Home": 1.0},
}
_LOGGED_OUT: _Moves = {
    "Home": {"Login": 0.36, "Home": 0.15, "About": 0.07, "Help": 0.035},
    "Login": {"Home": 1.0},
    "About": {"Login": 0.28, "Home": 0.15, "About": 0.07},
    "Help": {"Login": 0.25, "Help": 0.3, "Home": 0.1},
}
_GUEST: _Moves = {
    "Home": {"Register": 0.5, "Home": 0.15, "About": 0.05, "Help": 0.03},
    "Register": {"Submit Registration": 0.7, "Home": 0.1, "Register": 0.05},
    "Submit Registration": {"Home": 1.0},
    "About": {"Register": 0.3, "Home": 0.3},
    "Help": {"Register": 0.3, "Home": 0.3},
}
_MOVES: dict[tuple[str, str], _Moves] = {
    ("Logged In", "free"): _FREE,
    ("Logged In", "paid"): _PAID,
    ("Logged Out", "free"): _LOGGED_OUT,
    ("Logged Out", "paid"): _LOGGED_OUT,
    ("Guest", "free"): _GUEST,
    ("Cancelled", "free"): {"Cancellation Confirmation": {}},
    ("Cancelled", "paid"): {"Cancellation Confirmation": {}},
}

# The first page of a session, by weight.
_ENTRIES: dict[tuple[str, str], dict[str, float]] = {
    ("Logged In", "free"): {"NextSong": 405, "Home": 286, "Help": 2, "About": 2, "Error": 1},
    ("Logged In", "paid"): {"NextSong": 102, "Home": 65, "Help": 0.5, "About": 0.3, "Error": 0.1},
    ("Logged Out", "free"): {"Home": 2, "Login": 1},
    ("Logged Out", "paid"): {"Home": 2, "Login": 1},
    ("Guest", "free"): {"Home": 1},
}


@dataclass(slots=True, eq=False)
class State:
    """A page as one kind of visitor sees it, and where it leads.

    `visitor` is how they are logged in and their level, one tuple for all states that share it.
    `cumulative` and `destinations` are the chances of the next states; the last destination is
    None, the end of the session.
    """

    visitor: tuple[str, str]
    page: str
    method: str
    status: int
    cumulative: tuple[float, ...] = ()
    destinations: tuple[State | None, ...] = ()
    plays: bool = field(init=False)
    redirects: bool = field(init=False)
    # What the log says of the page, ready to be written: method and page; status.
    said: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.plays = self.page == "NextSong"
        self.redirects = self.status == 307
        self.said = (
            f'"{self.method}","page":"{self.page}","registration":',
            f',"status":{self.status},"ts":',
        )

    def next(self, share: float) -> State | None:
        """Return the state that the draw `share` (0 to under 1) leads to; None ends the session."""
        return self.destinations[bisect_right(self.cumulative, share)]

    def __repr__(self) -> str:
        return f"<State {self.page} ({self.visitor[0]}, {self.visitor[1]})>"


class Machine:
    """All states, linked, and the states in which sessions begin.

    >>> machine = Machine()
    >>> state = machine.entry("Logged In", "free", 0.0)
    >>> state, state.next(0.0), state.next(0.999)
    (<State NextSong (Logged In, free)>, <State NextSong (Logged In, free)>, None)
    """

    def __init__(self) -> None:
        self.states = {
            (*visitor, page): State(visitor, page, *_REQUESTS.get(page, _PLAIN_REQUEST))
            for visitor, pages in _MOVES.items()
            for page in pages
        }
        for state in self.states.values():
            moves = _MOVES[state.visitor][state.page]
            state.cumulative = tuple(accumulate(moves.values()))
            state.destinations = (*(self._after(state, page) for page in moves), None)
        self._entries = {
            visitor: _Entry(
                tuple(accumulate(weights.values())),
                tuple(self.states[(*visitor, page)] for page in weights),
            )
            for visitor, weights in _ENTRIES.items()
        }

    def _after(self, state: State, page: str) -> State:
        turn = _TURNS.get(state.page, {})
        auth, level = state.visitor
        return self.states[turn.get("auth", auth), turn.get("level", level), page]

    def entry(self, auth: str, level: str, share: float) -> State:
        """Return the first state of a session, by the draw `share` (0 to under 1)."""
        entry = self._entries[auth, level]
        return entry.states[bisect_right(entry.cumulative, share * entry.cumulative[-1])]


@dataclass(frozen=True, slots=True)
class _Entry:
    cumulative: tuple[float, ...]
    states: tuple[State, ...]
