"""Planning, creating and deleting: check, make, wait, a resource after another.

Each step looks at what is there before it does anything, so running again after any failure
completes what was begun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import singledispatch
from html import escape
from typing import Any

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.provision import documents
from musicbee_warehouse.provision.access import Role, SecurityGroup
from musicbee_warehouse.provision.account import Account
from musicbee_warehouse.provision.description import Cluster, Warehouse, Workgroup, checked_name
from musicbee_warehouse.provision.inventory import COSTLY, expiries, inventory, snapshots
from musicbee_warehouse.provision.operation import Status, status
from musicbee_warehouse.provision.prices import Price, price
from musicbee_warehouse.provision.provisioned import (
    ParameterGroup,
    ProvisionedCluster,
    SubnetGroup,
    check_offered,
)
from musicbee_warehouse.provision.refusals import explained
from musicbee_warehouse.provision.resource import Found, Resource
from musicbee_warehouse.provision.serverless import (
    NEXT_CAPACITY,
    SMALLEST_CAPACITY,
    Namespace,
    ServerlessWorkgroup,
)

OnStep = Callable[[str, str], None]
"""Is told what a step works on, as ``cluster musicbee``, and what it does, as ``waiting``."""

_ROUNDS = 5
"""Found, made, waited for and completed, a resource needs three; more are for company."""
_DELETING = ("deleting", "final-snapshot")
_RESTING = ("available", "paused")


@dataclass(frozen=True, repr=False)
class Plan:
    """What ``create`` would do; it reads well in a terminal and in a notebook.

    Attributes:
        warehouse: what is to be.
        steps: each resource with what happens to it: ``make``, ``complete`` or ``is there``.
        price: what it costs.
    """

    warehouse: Warehouse
    steps: tuple[tuple[str, str, str], ...]
    price: Price

    @property
    def summary(self) -> str:
        """One line: how much there is to make."""
        open_steps = sum(what != "is there" for *_, what in self.steps)
        if not open_steps:
            return f"{self.warehouse.name} is there; nothing is to be made"
        return f"{open_steps} of {len(self.steps)} resources are to be made"

    def __repr__(self) -> str:
        lines = [f"  {what:<9} {kind:<16} {name}" for kind, name, what in self.steps]
        return "\n".join([self.summary, *lines, f"  costs     {self.price.summary}"])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{what}</td><td>{kind}</td><td>{escape(name)}</td></tr>"
            for kind, name, what in self.steps
        )
        return (
            f"<p>{escape(self.summary)}</p><table>{rows}</table>"
            f"<p>costs {escape(self.price.summary)}</p>"
        )


@dataclass(frozen=True, repr=False)
class Removal:
    """What ``delete`` removes and what it leaves.

    Attributes:
        name: the warehouse.
        removed: what is, or would be, removed.
        left: what has a name of the warehouse, but isn't its owner's: it is never touched.
        kept: snapshots that stay, and cost, until they are deleted.
    """

    name: str
    removed: tuple[Found, ...]
    left: tuple[Found, ...]
    kept: tuple[str, ...] = ()

    def __repr__(self) -> str:
        lines = [f"  delete    {found.kind:<16} {found.name}" for found in self.removed]
        lines += [f"  leave     {_whose(found)}" for found in self.left]
        lines += [f"  keep      snapshot {snapshot}, which costs storage" for snapshot in self.kept]
        return "\n".join([f"{len(self.removed)} resources of {self.name}", *lines])


def _silent(what: str, doing: str) -> None:
    pass


@singledispatch
def resources(warehouse: Warehouse, account: Account) -> list[Resource]:
    """Return what a warehouse is made of, in the order in which it is made."""
    raise NotImplementedError(f"{type(warehouse).__name__} of {account}")


@resources.register
def _(warehouse: Cluster, account: Account) -> list[Resource]:
    subnets = [SubnetGroup(account, warehouse.name)] if warehouse.network.subnets else []
    return [
        Role(account, warehouse.name),
        SecurityGroup(account, warehouse.name),
        ParameterGroup(account, warehouse.name),
        *subnets,
        ProvisionedCluster(account, warehouse.name),
    ]


@resources.register
def _(warehouse: Workgroup, account: Account) -> list[Resource]:
    return [
        Role(account, warehouse.name),
        SecurityGroup(account, warehouse.name),
        Namespace(account, warehouse.name),
        ServerlessWorkgroup(account, warehouse.name),
    ]


def _all(name: str, account: Account) -> list[Resource]:
    """Return all that a warehouse of either kind can have, in the order in which it is removed."""
    return [
        ServerlessWorkgroup(account, name),
        Namespace(account, name),
        ProvisionedCluster(account, name),
        SubnetGroup(account, name),
        ParameterGroup(account, name),
        SecurityGroup(account, name),
        Role(account, name),
    ]


def plan(warehouse: Warehouse, account: Account) -> Plan:
    """Tell what creating a warehouse would make and what it costs, and change nothing.

    Raises:
        WarehouseError: if it can't be made here, or its name is another's.
    """
    warehouse = _owned(warehouse, account)
    with explained(account.place.region):
        check_offered(warehouse, account)
        _check_name(warehouse, account)
        steps = tuple(
            (each.kind, each.name, _what(each, warehouse)) for each in resources(warehouse, account)
        )
        return Plan(warehouse, steps, price(warehouse, account))


def create(warehouse: Warehouse, account: Account, *, on_step: OnStep = _silent) -> Status:
    """Make a warehouse, or complete one that was begun, and wait until it takes connections.

    Args:
        warehouse: what is to be.
        account: where.
        on_step: is told of each step.

    Raises:
        WarehouseError: if AWS refuses; running again completes what was made.
    """
    warehouse = _owned(warehouse, account)
    with explained(account.place.region):
        check_offered(warehouse, account)
        _check_name(warehouse, account)
        tags = documents.tags(warehouse, account.place, account.now())
        for resource in resources(warehouse, account):
            _ensure(resource, warehouse, tags, on_step)
        _renew(warehouse, account, tags)
        return status(warehouse.name, account)


def removal(name: str, account: Account, *, owner: str = "") -> Removal:
    """Tell what deleting a warehouse would remove, and change nothing.

    Raises:
        WarehouseError: if there is none, or all that there is isn't the owner's.
    """
    owner = owner or account.caller
    with explained(account.place.region):
        found = [each for each in (one.find() for one in _all(checked_name(name), account)) if each]
    ours = tuple(each for each in found if each.belongs_to(name, owner))
    left = tuple(each for each in found if not each.belongs_to(name, owner))
    if not found:
        raise WarehouseError(f"there is no warehouse {name} in {account.place.region}")
    if not ours:
        raise WarehouseError(
            f"nothing of {name} is {owner}'s, so nothing is deleted: {'; '.join(map(_whose, left))}"
        )
    return Removal(name, ours, left)


def delete(
    name: str,
    account: Account,
    *,
    owner: str = "",
    final_snapshot: str | None = None,
    on_step: OnStep = _silent,
) -> Removal:
    """Delete all that the tags prove a warehouse's and its owner's, and see that nothing is left.

    Args:
        name: the warehouse.
        account: where.
        owner: whose it is; the caller's by default.
        final_snapshot: the name of a snapshot to leave; None for none.
        on_step: is told of each step.

    Raises:
        WarehouseError: if AWS refuses; running again deletes the rest.
    """
    planned = removal(name, account, owner=owner)
    owner = owner or account.caller
    with explained(account.place.region):
        if final_snapshot in snapshots(account):
            raise WarehouseError(
                f"there is a snapshot {final_snapshot} already; name the final one otherwise"
            )
        for resource in _all(name, account):
            _remove(resource, owner, final_snapshot, on_step)
        remains = [each for each in inventory(account) if each.belongs_to(name, owner)]
        if remains:
            listed = ", ".join(f"{each.kind} {each.name}" for each in remains)
            raise WarehouseError(f"of {name} there is still {listed}; run delete again")
        kept = (snapshot for snapshot, of in snapshots(account).items() if of == name)
        return replace(planned, kept=tuple(kept))


def expired(account: Account) -> Iterator[str]:
    """Yield the names of the caller's warehouses whose time is over.

    Raises:
        WarehouseError: if AWS refuses to list them.
    """
    now = documents.stamp(account.now())
    with explained(account.place.region):
        found = [each for each in inventory(account) if each.owner == account.caller]
    return (name for name, expires in sorted(expiries(found).items()) if expires <= now)


def _owned(warehouse: Warehouse, account: Account) -> Warehouse:
    return warehouse if warehouse.owner else replace(warehouse, owner=account.caller)


def _check_name(warehouse: Warehouse, account: Account) -> None:
    """Refuse a name that is another's, or ours for something else, before anything is made."""
    for resource in resources(warehouse, account):
        _as_described(_ours(resource.find(), warehouse), warehouse)
    for other in _others(warehouse, account):
        if other.find() is not None:
            raise WarehouseError(
                f"the name is taken: there is a {other.kind} {other.name} already; "
                "choose another name"
            )


def _others(warehouse: Warehouse, account: Account) -> list[Resource]:
    """Return what a warehouse of the other kind would have; a name finds one of them alone."""
    cluster = ProvisionedCluster(account, warehouse.name)
    workgroup = ServerlessWorkgroup(account, warehouse.name)
    return [workgroup] if isinstance(warehouse, Cluster) else [cluster]


def _as_described(found: Found | None, warehouse: Warehouse) -> None:
    """Refuse to leave as it is what was described otherwise: nothing is resized in passing."""
    if found is None or found.kind not in COSTLY:
        return
    differing = [
        f"{name} {there} instead of {wanted}"
        for name, (there, wanted) in _chosen(warehouse, found.about).items()
        if there != wanted
    ]
    if differing:
        raise WarehouseError(
            f"{found.kind} {found.name} is there with {', '.join(differing)}; it isn't changed: "
            "describe it as it is, or delete it first"
        )


@singledispatch
def _chosen(warehouse: Warehouse, about: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what there is and what is described, of all that can be chosen."""
    raise NotImplementedError(type(warehouse))


@_chosen.register
def _(warehouse: Cluster, about: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        "nodes of": (about["NodeType"], warehouse.node_type),
        "so many nodes:": (about["NumberOfNodes"], warehouse.nodes),
        "public access:": (about["PubliclyAccessible"], bool(warehouse.network.public_from)),
    }


@_chosen.register
def _(warehouse: Workgroup, about: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    there = about["baseCapacity"]
    smallest = (warehouse.capacity, there) == (SMALLEST_CAPACITY, NEXT_CAPACITY)
    return {
        "a capacity of": (there, there if smallest else warehouse.capacity),
        "public access:": (about["publiclyAccessible"], bool(warehouse.network.public_from)),
    }


def _what(resource: Resource, warehouse: Warehouse) -> str:
    found = _ours(resource.find(), warehouse)
    if found is None:
        return "make"
    return "complete" if resource.lacks(found, warehouse) else "is there"


def _ours(found: Found | None, warehouse: Warehouse) -> Found | None:
    """Return what is there, unless it is another's."""
    if found is not None and not found.belongs_to(warehouse.name, warehouse.owner):
        raise WarehouseError(f"the name is taken: {_whose(found)}; choose another name")
    return found


def _whose(found: Found) -> str:
    if not found.warehouse:
        return f"{found.kind} {found.name} has no tag of ours"
    whose = found.owner or "nobody"
    return f"{found.kind} {found.name} belongs to {whose}, for {found.warehouse}"


def _ensure(resource: Resource, warehouse: Warehouse, tags: Any, on_step: OnStep) -> None:
    label = f"{resource.kind} {resource.name}"
    on_step(label, "checking")
    for _ in range(_ROUNDS):
        found = _ours(resource.find(), warehouse)
        if found is not None and found.state in _DELETING:
            on_step(label, "waiting until the old one is gone")
            resource.wait_gone()
        elif found is not None and found.state not in _RESTING:
            on_step(label, "waiting")
            resource.wait()
        elif found is None or resource.lacks(found, warehouse):
            on_step(label, "making" if found is None else "completing")
            resource.make(warehouse, tags, found)
            resource.wait()
        else:
            on_step(label, "is there")
            return
    raise WarehouseError(f"{label} isn't as it was made; somebody else is changing it: run again")


def _remove(resource: Resource, owner: str, final_snapshot: str | None, on_step: OnStep) -> None:
    found = resource.find()
    if found is None or not found.belongs_to(resource.warehouse, owner):
        return
    label = f"{resource.kind} {resource.name}"
    if found.state not in _DELETING:
        on_step(label, "deleting")
        resource.remove(found, final_snapshot)
    on_step(label, "waiting until it is gone")
    resource.wait_gone()
    on_step(label, "is gone")


def _renew(warehouse: Warehouse, account: Account, tags: Any) -> None:
    """Count the time that a warehouse is wanted from now, also for one that was there."""
    expires = f"{documents.TAG}expires"
    if expires not in tags:
        return
    main = _main(warehouse, account)
    found = main.find()
    if found is not None and found.tags.get(expires) != tags[expires]:
        main.tag({expires: tags[expires]})


def _main(warehouse: Warehouse, account: Account) -> ProvisionedCluster | ServerlessWorkgroup:
    kind = ProvisionedCluster if isinstance(warehouse, Cluster) else ServerlessWorkgroup
    return kind(account, warehouse.name)
