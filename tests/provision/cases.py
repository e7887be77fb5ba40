"""Warehouses to make, and accounts to make them in."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import cache

from musicbee_warehouse import provision
from tests.provision import aws

PREFIXES = {"data": ("s3://music-data/logs", "s3://music-data/songs"), "work": "s3://music-work/w"}
WORKGROUP = provision.Workgroup(name="bee", **PREFIXES)
CLUSTER = provision.Cluster(name="bee", node_type="ra3.large", **PREFIXES)


@cache
def impatient(session):
    """Return the account of a session: it waits without pause, and makes each call once."""
    account = provision.account(session, pace=provision.Pace(0, 8))
    names = {"serverless": "redshift-serverless"}
    services = ("iam", "ec2", "redshift", "serverless")
    clients = {
        name: session.client(names.get(name, name), config=aws.IMPATIENT) for name in services
    }
    return replace(account, **clients)


def clients(account):
    return (account.iam, account.ec2, account.redshift, account.serverless)


@contextmanager
def watched(account):
    """Yield the names of the calls of AWS that are made meanwhile."""
    calls = []

    def note(model, **_):
        calls.append(model.name)

    for client in clients(account):
        client.meta.events.register("before-call", note)
    try:
        yield calls
    finally:
        for client in clients(account):
            client.meta.events.unregister("before-call", note)
