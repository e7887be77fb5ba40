"""A warehouse that is there: how it is, and pausing and resuming it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.provision.account import Account
from musicbee_warehouse.provision.description import checked_name
from musicbee_warehouse.provision.documents import TAG
from musicbee_warehouse.provision.inventory import COSTLY, expiries, inventory
from musicbee_warehouse.provision.provisioned import ProvisionedCluster
from musicbee_warehouse.provision.refusals import explained
from musicbee_warehouse.provision.resource import Found, patiently
from musicbee_warehouse.provision.serverless import ServerlessWorkgroup
from musicbee_warehouse.provision.waiters import wait


@dataclass(frozen=True, repr=False)
class Status:
    """A warehouse as it is; it reads well in a terminal and in a notebook.

    Attributes:
        name: the warehouse.
        kind: ``cluster`` or ``workgroup``; ``remains`` if only what served one is left.
        state: as AWS says it: ``available``, ``paused``, ``creating``.
        size: of the cluster or the workgroup.
        endpoint: ``host:port``; empty while it has none.
        database: the database made first.
        owner: who answers for it.
        iam_role: the ARN of its role.
        work: the prefix of S3 that it writes to.
        created: when, in UTC.
        expires: until when it is wanted, in UTC; empty for ever.
        is_expired: whether that time is over.
        parts: how many resources it has.
    """

    name: str
    kind: str
    state: str
    size: str
    endpoint: str
    database: str
    owner: str
    iam_role: str
    work: str
    created: str
    expires: str
    is_expired: bool
    parts: int

    @property
    def summary(self) -> str:
        """One line: what it is and how it is."""
        over = "; its time is over, delete it" if self.is_expired else ""
        return f"{self.name}: {self.kind} of {self.size}, {self.state}{over}"

    def _lines(self) -> dict[str, str]:
        """Return what is worth a line."""
        lines = {
            "endpoint": self.endpoint,
            "database": self.database,
            "owner": self.owner,
            "role": self.iam_role,
            "work": self.work,
            "created": self.created,
            "expires": self.expires or "never",
        }
        return {name: text for name, text in lines.items() if text}

    def __repr__(self) -> str:
        lines = [f"  {name:<9} {text}" for name, text in self._lines().items()]
        return "\n".join([self.summary, *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{name}</td><td style='text-align:left'>{escape(text)}</td></tr>"
            for name, text in self._lines().items()
        )
        return f"<p>{escape(self.summary)}</p><table>{rows}</table>"


def status(name: str, account: Account) -> Status:
    """Return how a warehouse is.

    Raises:
        WarehouseError: if there is none of that name and of our making.
    """
    for each in warehouses(account):
        if each.name == checked_name(name):
            return each
    raise WarehouseError(
        f"there is no warehouse {name} with our tags in {account.place.region}; "
        "cluster list shows those that there are"
    )


def warehouses(account: Account) -> list[Status]:
    """Return all warehouses with our tags, also those begun or deleted half, by name.

    Raises:
        WarehouseError: if AWS refuses to list them.
    """
    with explained(account.place.region):
        found = inventory(account)
    parts: dict[str, list[Found]] = {}
    for each in found:
        parts.setdefault(each.warehouse, []).append(each)
    return [_status(of, account.now()) for _, of in sorted(parts.items())]


def pause(name: str, account: Account) -> Status:
    """Pause a cluster and wait until it is paused; then only its storage costs.

    A workgroup costs nothing while no statement runs, so it is left as it is.

    Raises:
        WarehouseError: if it isn't ours, or AWS refuses.
    """
    return _turn(name, account, "paused", account.redshift.pause_cluster, "ClusterPaused")


def resume(name: str, account: Account) -> Status:
    """Resume a paused cluster and wait until it takes connections.

    Raises:
        WarehouseError: if it isn't ours, or AWS refuses.
    """
    return _turn(name, account, "available", account.redshift.resume_cluster, "ClusterAvailable")


def _turn(name: str, account: Account, wanted: str, call: Any, waiter: str) -> Status:
    """Bring a cluster into a state, unless it is in it or on its way."""
    with explained(account.place.region):
        found = ProvisionedCluster(account, checked_name(name)).find()
        if found is None:
            return _unpausable(name, account)
        if not found.belongs_to(name, account.caller):
            raise WarehouseError(
                f"{name} is {found.owner or 'nobody'}'s, not {account.caller}'s; it is left alone"
            )
        if found.state not in (wanted, "pausing" if wanted == "paused" else "resuming"):
            patiently(account, ("InvalidClusterState",), call, ClusterIdentifier=name)
        wait(account, account.redshift, waiter, ClusterIdentifier=name)
    return status(name, account)


def _unpausable(name: str, account: Account) -> Status:
    if ServerlessWorkgroup(account, name).find() is None:
        raise WarehouseError(f"there is no warehouse {name} in {account.place.region}")
    return status(name, account)


def _status(parts: list[Found], now: datetime) -> Status:
    main = parts[0]
    known: Mapping[str, Any] = main.about
    databases = (each.about.get("DBName") or each.about.get("dbName") for each in parts)
    tag = {key.removeprefix(TAG): value for key, value in main.tags.items()}
    expires = expiries(parts).get(main.warehouse, "")
    return Status(
        name=main.warehouse,
        kind=main.kind if main.kind in COSTLY else "remains",
        state=main.state if main.kind in COSTLY else "incomplete",
        size=_size(main),
        endpoint=_endpoint(known),
        database=next(filter(None, databases), ""),
        owner=main.owner,
        iam_role=tag.get("iam-role", ""),
        work=tag.get("work", ""),
        created=tag.get("created", ""),
        expires=expires,
        is_expired=bool(expires) and expires <= f"{now:%Y-%m-%dT%H:%M:%SZ}",
        parts=len(parts),
    )


def _size(main: Found) -> str:
    if main.kind == ProvisionedCluster.kind:
        return f"{main.about.get('NumberOfNodes', 1)} x {main.about['NodeType']}"
    if main.kind == ServerlessWorkgroup.kind:
        return f"{main.about.get('baseCapacity')} RPU"
    return "what is left"


def _endpoint(known: Mapping[str, Any]) -> str:
    endpoint = known.get("Endpoint") or known.get("endpoint") or {}
    address = endpoint.get("Address") or endpoint.get("address")
    return f"{address}:{endpoint.get('Port') or endpoint.get('port')}" if address else ""
