"""The documents of a warehouse: its names, its tags, and what its role may do and for whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from musicbee_warehouse.provision.description import Cluster, Warehouse

TAG = "musicbee:"
ROLE_PATH = "/musicbee/"
POLICY = "warehouse-files"


@dataclass(frozen=True)
class Place:
    """Where in AWS: what the ARNs of a warehouse begin with.

    >>> Place("aws", "us-west-2", "123456789012").role_arn("musicbee")
    'arn:aws:iam::123456789012:role/musicbee/musicbee-us-west-2'
    """

    partition: str
    region: str
    account: str

    def role_name(self, name: str) -> str:
        """Return the name of a warehouse's role; roles are of all regions, so it has the region."""
        return f"{name}-{self.region}"

    def role_arn(self, name: str) -> str:
        """Return the ARN of a warehouse's role."""
        return f"arn:{self.partition}:iam::{self.account}:role{ROLE_PATH}{self.role_name(name)}"

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of the region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


def group_name(name: str) -> str:
    """Return the name of a warehouse's security group, parameter group and subnet group."""
    return f"musicbee-{name}"


def tags(warehouse: Warehouse, place: Place, now: datetime | None) -> dict[str, str]:
    """Return the tags of all that belongs to a warehouse; they are what proves it ours.

    Without a time, as in a template, there are none that depend on when it is made.

    >>> place = Place("aws", "us-west-2", "123456789012")
    >>> bee = Cluster(name="bee", data=("s3://music/data",), work="s3://music/work", owner="ann")
    >>> tags(bee, place, datetime(2026, 11, 26, tzinfo=UTC))["musicbee:created"]
    '2026-11-26T00:00:00Z'
    """
    given = {
        "project": warehouse.project,
        "warehouse": warehouse.name,
        "owner": warehouse.owner,
        "created": stamp(now) if now else "",
        "expires": stamp(now + warehouse.ttl) if now and warehouse.ttl else "",
        "iam-role": place.role_arn(warehouse.name),
        "work": f"{warehouse.work.rstrip('/')}/",
    }
    return {f"{TAG}{key}": value for key, value in given.items() if value}


def stamp(moment: datetime) -> str:
    """Return a moment as a tag has it: UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tag_list(given: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[Any]:
    """Return tags as most of AWS takes them."""
    return [{key: name, value: text} for name, text in given.items()]


def tag_dict(given: Iterable[Any], key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Return tags as a dictionary of what most of AWS gives."""
    return {tag[key]: tag[value] for tag in given}


def trust(warehouse: Warehouse, place: Place) -> dict[str, Any]:
    """Return who may assume the role: Redshift, on behalf of this account's warehouse alone.

    The conditions are those of
    https://docs.aws.amazon.com/redshift/latest/mgmt/cross-service-confused-deputy-prevention.html .
    The ARN of a workgroup ends in an identifier that AWS chooses when it makes it, after the role;
    so any workgroup of this account and region is trusted, and being given the role is what counts.
    """
    if isinstance(warehouse, Cluster):
        services = ["redshift.amazonaws.com"]
        source = place.arn("redshift", f"cluster:{warehouse.name}")
    else:
        services = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"]
        source = place.arn("redshift-serverless", "workgroup/*")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": services},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": place.account},
            "ArnLike": {"aws:SourceArn": source},
        },
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def permissions(warehouse: Warehouse, place: Place) -> dict[str, Any]:
    """Return what the role may do: read the data prefixes, read and write the work prefix.

    COPY needs GetObject and ListBucket, UNLOAD PutObject:
    https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-access-permissions.html
    """
    data = [_objects(prefix, place) for prefix in warehouse.data]
    work = _objects(warehouse.work, place)
    statements = [
        _allow("ReadData", ["s3:GetObject"], sorted(set(data))),
        _allow("UseWork", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], [work]),
    ]
    buckets: dict[str, set[str]] = {}
    for prefix in (*warehouse.data, warehouse.work):
        bucket, folder = _parts(prefix)
        buckets.setdefault(bucket, set()).update({folder, f"{folder}*"} if folder else {"", "*"})
    for position, (bucket, folders) in enumerate(sorted(buckets.items()), start=1):
        arn = f"arn:{place.partition}:s3:::{bucket}"
        statements.append(_allow(f"LocateBucket{position}", ["s3:GetBucketLocation"], [arn]))
        listing = _allow(f"ListBucket{position}", ["s3:ListBucket"], [arn])
        listing["Condition"] = {"StringLike": {"s3:prefix": sorted(folders)}}
        statements.append(listing)
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _objects(prefix: str, place: Place) -> str:
    bucket, folder = _parts(prefix)
    return f"arn:{place.partition}:s3:::{bucket}/{folder}*"


def _parts(prefix: str) -> tuple[str, str]:
    """Return the bucket, and the folder with its slash, so that no longer name is let in."""
    bucket, _, folder = prefix.removeprefix("s3://").partition("/")
    folder = folder.strip("/")
    return bucket, f"{folder}/" if folder else ""
