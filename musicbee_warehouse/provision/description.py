"""What a warehouse in the cloud is to be: a value, from which all that is made of it derives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from musicbee_warehouse.errors import WarehouseError

PORT = 5439
ADMIN = "musicbee_admin"
RETIRED_NODES = ("dc1", "dc2", "ds1", "ds2")
CAPACITIES = "4, or 8 to 1024 in steps of 8"

_NAME = re.compile(r"[a-z](?:-?[a-z0-9]){2,39}")
_DATABASE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NODE = re.compile(r"[a-z]+\d?\.[a-z0-9]+")
_PREFIX = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^?*$\"'\s]*")
_TTL = re.compile(r"(\d+)\s*([mhdw])")
_TTL_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# What all services of AWS accept in the value of a tag:
# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
_TAG = re.compile(r"[\w\s+=.:/@-]{1,256}")


@dataclass(frozen=True)
class Network:
    """Where a warehouse can be reached from.

    Attributes:
        subnets: the subnets to be in; those of the default VPC if none are named. Serverless needs
            three, in three availability zones.
        public_from: the one address on the internet that may connect; None for nobody.

    Raises:
        WarehouseError: for anything that isn't one address.

    >>> Network(public_from="203.0.113.7").rule
    '203.0.113.7/32'
    """

    subnets: tuple[str, ...] = ()
    public_from: str | None = None

    def __post_init__(self) -> None:
        if self.public_from is None:
            return
        try:
            address = ip_address(self.public_from.removesuffix("/32"))
        except ValueError:
            address = None
        if address is None or address.version != 4 or address.is_unspecified:
            raise WarehouseError(
                f"{self.public_from!r} is not the IPv4 address of one computer; "
                "a warehouse is never opened to a network"
            )

    @property
    def rule(self) -> str | None:
        """The address as the network of itself alone, as a security group takes it."""
        return f"{self.public_from.removesuffix('/32')}/32" if self.public_from else None


@dataclass(frozen=True, kw_only=True)
class Warehouse:
    """What a Serverless workgroup and a provisioned cluster have in common.

    Attributes:
        name: of the workgroup or cluster; all else is named after it.
        data: the prefixes of S3 that it may read, each ``s3://bucket/folder/``.
        work: the prefix that it may write, for manifests and JSONPaths.
        owner: who answers for it; the caller of AWS if empty. Only its owner deletes it.
        project: what it is for.
        database: the database made first.
        ttl: how long it is wanted; ``delete --expired`` removes it then. None for ever.
        network: where it is and who reaches it.

    Raises:
        WarehouseError: for a value that AWS would refuse.
    """

    name: str
    data: tuple[str, ...]
    work: str
    owner: str = ""
    project: str = "musicbee"
    database: str = "musicbee"
    ttl: timedelta | None = None
    network: Network = field(default_factory=Network)

    def __post_init__(self) -> None:
        checked_name(self.name)
        if not _DATABASE.fullmatch(self.database):
            raise WarehouseError(
                f"{self.database!r} is no name of a database; "
                "use lower-case letters, digits and _, a letter first"
            )
        if not self.data:
            raise WarehouseError("name at least one prefix of S3 to load from, as s3://bucket/data")
        for prefix in (*self.data, self.work):
            if not _PREFIX.fullmatch(prefix if prefix.count("/") > 2 else f"{prefix}/"):
                raise WarehouseError(f"{prefix!r} is no prefix of S3; write it as s3://bucket/data")
        for tag in filter(None, (self.owner, self.project)):
            if not _TAG.fullmatch(tag):
                raise WarehouseError(f"{tag!r} can't be a tag; use letters, digits and + - = . : /")
        if any(inside(self.work, prefix) for prefix in self.data):
            raise WarehouseError(
                f"the work prefix {self.work} is inside the data; manifests would be loaded as data"
            )


@dataclass(frozen=True, kw_only=True)
class Workgroup(Warehouse):
    """A Serverless workgroup and its namespace; it costs only while statements run.

    Attributes:
        capacity: the base capacity in RPU, 4 (64 GB of memory) at least; where 4 isn't offered, 8
            is taken. https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-capacity.html
        daily_limit: RPU-hours a day after which statements are refused until the next day.

    >>> Workgroup(name="musicbee", data=("s3://music/data",), work="s3://music/work").capacity
    4
    """

    capacity: int = 4
    daily_limit: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.capacity != 4 and (self.capacity not in range(8, 1025) or self.capacity % 8):
            raise WarehouseError(f"there is no capacity of {self.capacity} RPU; it is {CAPACITIES}")
        if self.daily_limit < 1:
            raise WarehouseError(
                f"the daily limit of {self.daily_limit} RPU-hours is none; give 1 at least"
            )
        if 0 < len(self.network.subnets) < 3:
            raise WarehouseError(
                f"Serverless needs three subnets in three zones, not {len(self.network.subnets)}"
            )


@dataclass(frozen=True, kw_only=True)
class Cluster(Warehouse):
    """A provisioned cluster; it costs from its creation to its deletion, unless it is paused.

    Attributes:
        node_type: one of those that the region offers, see :func:`offered_nodes`.
        nodes: how many.

    >>> Cluster(name="musicbee", data=("s3://music/data",), work="s3://music/work").nodes
    1
    """

    node_type: str = "rg.large"
    nodes: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.node_type.partition(".")[0] in RETIRED_NODES:
            raise WarehouseError(
                f"AWS makes no clusters of {self.node_type} any more; use rg.large or ra3.large"
            )
        if not _NODE.fullmatch(self.node_type):
            raise WarehouseError(f"{self.node_type!r} is no node type; one is rg.large")
        if self.nodes not in range(1, 101):
            raise WarehouseError(f"a cluster has 1 to 100 nodes, not {self.nodes}")


def checked_name(name: str) -> str:
    """Return a name that a cluster, a workgroup and a role can have.

    Raises:
        WarehouseError: for any other.

    >>> checked_name("musicbee-test")
    'musicbee-test'
    """
    if not _NAME.fullmatch(name):
        raise WarehouseError(
            f"{name!r} can't be the name of a warehouse; use 3 to 40 lower-case letters, "
            "digits and single hyphens, a letter first"
        )
    return name


def duration(text: str) -> timedelta:
    """Return a time as people write it.

    Raises:
        WarehouseError: if it is none.

    >>> duration("4h")
    datetime.timedelta(seconds=14400)
    """
    match = _TTL.fullmatch(text.strip().lower())
    if not match or not int(match[1]):
        raise WarehouseError(f"{text!r} is no duration; write it as 90m, 4h, 7d or 2w")
    return timedelta(**{_TTL_UNITS[match[2]]: int(match[1])})


def inside(prefix: str, outer: str) -> bool:
    """Tell whether one prefix of S3 is within another.

    >>> inside("s3://music/data/work", "s3://music/data"), inside("s3://music/b", "s3://music/a")
    (True, False)
    """
    return f"{prefix.rstrip('/')}/".startswith(f"{outer.rstrip('/')}/")


def described(settings: Mapping[str, Any]) -> Warehouse:
    """Return what settings describe: a cluster if they name a node type, or else a workgroup.

    Args:
        settings: ``name``, ``events``, ``songs`` and ``work``; if wanted ``ttl`` (as ``4h``),
            ``subnets``, ``public_from``, and further fields of :class:`Cluster` or
            :class:`Workgroup`. What is empty counts as not given.

    Raises:
        WarehouseError: for a setting that is missing or doesn't fit.

    >>> settings = {"name": "bee", "events": "s3://music/logs", "songs": "s3://music/songs"}
    >>> described(settings | {"work": "s3://music/work"}).data
    ('s3://music/logs', 's3://music/songs')
    """
    given = {name: value for name, value in settings.items() if value not in (None, "", [], ())}
    missing = [name for name in ("name", "events", "songs", "work") if name not in given]
    if missing:
        raise WarehouseError(f"the warehouse's {' and '.join(missing)} aren't said")
    ttl = given.pop("ttl", None)
    network = Network(tuple(given.pop("subnets", ())), given.pop("public_from", None))
    data = tuple(dict.fromkeys((given.pop("events"), given.pop("songs"))))
    kind = Cluster if "node_type" in given else Workgroup
    strange = given.keys() - {field.name for field in fields(kind)}
    if strange:
        raise WarehouseError(f"a {kind.__name__.lower()} has no {', '.join(sorted(strange))}")
    return kind(**given, data=data, ttl=duration(ttl) if ttl else None, network=network)
