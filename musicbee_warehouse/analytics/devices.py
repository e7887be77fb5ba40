"""Devices and browsers: what the user agents of the log say.

SQL counts the user agents, and Python reads each of them once, by the rules of the uap-core project
(https://github.com/ua-parser/uap-core), which no SQL function has.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from sqlalchemy import Connection, Engine, Row, Select, select

from musicbee_warehouse.analytics.frames import connected
from musicbee_warehouse.analytics.listening import plays_count
from musicbee_warehouse.analytics.periods import Plays, which
from musicbee_warehouse.models import SongplayFact

Kind = Literal["computer", "phone", "tablet", "unknown"]

_COMPUTERS = ("Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS")


@dataclass(frozen=True, order=True)
class Device:
    """What a user agent says: a family of browsers, an operating system, a kind of device."""

    browser: str
    system: str
    kind: Kind


@dataclass(frozen=True)
class DeviceUse:
    """How much is played on a device: plays, and how many listeners used it at least once."""

    device: Device
    plays: int
    listeners: int


def listeners_by_user_agent(plays: Plays = None) -> Select[tuple[str | None, int, int]]:
    """Return which user agents each listener plays with: user_agent, user_id, plays.

    There is a row for each listener and user agent; :func:`devices` sums them up.
    """
    agent, user = SongplayFact.user_agent, SongplayFact.user_id
    return (
        select(agent, user, plays_count)
        .where(*which(plays))
        .group_by(agent, user)
        .order_by(agent.nulls_last(), user)
    )


def devices(bind: Engine | Connection, plays: Plays = None) -> list[DeviceUse]:
    """Return the devices that are listened on, the most played first.

    >>> import musicbee_warehouse as mw
    >>> engine = mw.connect("duckdb:///:memory:")
    >>> mw.create_tables(engine)
    >>> devices(engine)
    []
    """
    with connected(bind) as connection:
        return summed(connection.execute(listeners_by_user_agent(plays)))


def summed(rows: Iterable[Row[tuple[str | None, int, int]]]) -> list[DeviceUse]:
    """Return the rows of :func:`listeners_by_user_agent` by device, the most played first."""
    counted: Counter[Device] = Counter()
    listeners = defaultdict(set)
    for agent, user, plays in rows:
        device = read_user_agent(agent)
        counted[device] += plays
        listeners[device].add(user)
    order = sorted(counted, key=lambda device: (-counted[device], device))
    return [DeviceUse(device, counted[device], len(listeners[device])) for device in order]


@lru_cache(maxsize=100_000)
def read_user_agent(text: str | None) -> Device:
    """Return the device that a user agent names, without its versions.

    >>> read_user_agent("Mozilla/5.0 (Windows NT 6.1; rv:31.0) Gecko/20100101 Firefox/31.0")
    Device(browser='Firefox', system='Windows', kind='computer')
    """
    from ua_parser import parse  # noqa: PLC0415 - an extra, and its rules take long to load

    said = parse((text or "").strip('"'))
    browser = said.user_agent.family if said.user_agent else "unknown"
    system = said.os.family if said.os else "unknown"
    return Device(browser, system, _kind(system, text or ""))


def _kind(system: str, text: str) -> Kind:
    if system in _COMPUTERS:
        return "computer"
    if system in ("iOS", "Android"):
        is_phone = "iPhone" in text or "iPod" in text or (system == "Android" and "Mobile" in text)
        return "phone" if is_phone else "tablet"
    return "phone" if "Phone" in system else "unknown"
