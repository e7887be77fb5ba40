"""A warehouse in the cloud: planned, created, watched, priced and deleted.

A description says what is to be, an account where; each verb takes both or a name::

    from musicbee_warehouse import provision

    bee = provision.Workgroup(name="bee", data=("s3://music/data",), work="s3://music/work")
    account = provision.account()
    provision.plan(bee, account)
    provision.create(bee, account)
    provision.delete("bee", account)
"""

from __future__ import annotations

from musicbee_warehouse.provision.account import Account, Pace, account, my_address
from musicbee_warehouse.provision.description import (
    Cluster,
    Network,
    Warehouse,
    Workgroup,
    described,
    duration,
)
from musicbee_warehouse.provision.inventory import inventory
from musicbee_warehouse.provision.operation import Status, pause, resume, status, warehouses
from musicbee_warehouse.provision.prices import Price, price
from musicbee_warehouse.provision.provisioned import offered_nodes
from musicbee_warehouse.provision.steps import (
    Plan,
    Removal,
    create,
    delete,
    expired,
    plan,
    removal,
)
from musicbee_warehouse.provision.template import template

__all__ = [
    "Account",
    "Cluster",
    "Network",
    "Pace",
    "Plan",
    "Price",
    "Removal",
    "Status",
    "Warehouse",
    "Workgroup",
    "account",
    "create",
    "delete",
    "described",
    "duration",
    "expired",
    "inventory",
    "my_address",
    "offered_nodes",
    "pause",
    "plan",
    "price",
    "removal",
    "resume",
    "status",
    "template",
    "warehouses",
]
