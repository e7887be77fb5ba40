"""Who listens."""

from __future__ import annotations

from json import dumps
from random import Random
from typing import TYPE_CHECKING

from musicbee_warehouse.simulator import words
from musicbee_warehouse.simulator.chance import LOGNORMAL, Popularity, quantile
from musicbee_warehouse.simulator.rhythm import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

# Levels begin as 10 free to 2 paid.
_PAID = 1 / 6
_WOMEN = 0.55
_REGISTERED_BEFORE = 14 * DAY  # seconds
# The mean seconds between a listener's sessions and within them, times a factor of their own.
_ABSENCE = 430_000
_PAUSE = 120


class Listener:
    """A listener: what the log says of them, ready to be written, and where they stand.

    `absence` and `pause` are the mean seconds between their sessions and between their requests;
    `registration` is in milliseconds since 1970, None until they register.
    """

    __slots__ = (
        "absence",
        "auth",
        "first_name",
        "last_name",
        "level",
        "location",
        "pause",
        "registration",
        "user_agent",
        "user_id",
    )

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.auth = "Logged In"
        self.level = "free"
        self.registration: int | None = None
        self.absence = self.pause = 0.0
        self.first_name = self.last_name = self.location = self.user_agent = "null"


def listeners(users: int, newcomers: int, start: int, seed: int) -> Iterator[Listener]:
    """Yield the users of a service; the last of them, as many as `newcomers`, are still guests.

    `start` is in seconds since 1970.
    """
    random = Random(f"users {seed}").random  # noqa: S311 - no secret
    # Text is rendered once and shared, so that a million users fit in memory.
    women = [f'{dumps(name)},"gender":"F"' for name in words.WOMEN]
    men = [f'{dumps(name)},"gender":"M"' for name in words.MEN]
    surnames = [dumps(name) for name in words.SURNAMES]
    areas = [dumps(area) for area in words.METROPOLITAN_AREAS]
    agents = [dumps(agent) for agent in words.USER_AGENTS]
    by_size, by_use = Popularity(len(areas)), Popularity(len(agents))
    for user_id in range(1, users + 1):
        listener = Listener(user_id)
        names = women if random() < _WOMEN else men
        listener.first_name = names[int(random() * len(names))]
        listener.last_name = surnames[int(random() * len(surnames))]
        listener.location = areas[by_size.rank(random())]
        listener.user_agent = agents[by_use.rank(random())]
        listener.absence = _ABSENCE / quantile(LOGNORMAL, random())
        listener.pause = _PAUSE * quantile(LOGNORMAL, random())
        paid, before = random() < _PAID, random() * _REGISTERED_BEFORE
        if user_id > users - newcomers:
            listener.auth = "Guest"
        else:
            listener.level = "paid" if paid else "free"
            listener.registration = int(1000 * (start - before))
        yield listener
