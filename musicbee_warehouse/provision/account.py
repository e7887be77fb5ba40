"""An AWS account in one region, as far as a warehouse needs it: clients, caller and patience."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.provision.documents import Place
from musicbee_warehouse.provision.refusals import explained

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_pricing import PricingClient
    from mypy_boto3_redshift import RedshiftClient
    from mypy_boto3_redshift_serverless import RedshiftServerlessClient

PRICING_REGION = "us-east-1"
"""The prices of all regions are asked of a few:
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html"""
MY_ADDRESS = "https://checkip.amazonaws.com"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Pace:
    """How AWS is waited for: seconds between two looks, and how many looks at most.

    A cluster takes some five minutes to make, a workgroup one or two.
    """

    delay: float = 10
    attempts: int = 240


@dataclass(frozen=True, repr=False)
class Account:
    """An account of AWS in a region; :func:`account` makes it of a session.

    Attributes:
        place: its partition, region and number.
        caller: who we are in it, as an owner's tag has it.
    """

    place: Place
    caller: str
    iam: IAMClient
    ec2: EC2Client
    redshift: RedshiftClient
    serverless: RedshiftServerlessClient
    pricing: PricingClient
    pace: Pace = field(default_factory=Pace)
    now: Callable[[], datetime] = _now
    sleep: Callable[[float], None] = time.sleep

    def __repr__(self) -> str:
        return f"Account({self.place.account} in {self.place.region}, as {self.caller})"


def account(session: Session | None = None, *, pace: Pace | None = None) -> Account:
    """Return the account that the credentials of a session belong to.

    Args:
        session: of boto3, with its region and credentials; by default what the environment says.
        pace: how to wait.

    Raises:
        WarehouseError: if there are no credentials, no region or no such region.
    """
    import boto3  # noqa: PLC0415 - a local user never needs it
    from botocore.config import Config  # noqa: PLC0415 - nor this

    session = boto3.session.Session() if session is None else session
    region = _checked_region(session)
    config = Config(retries={"mode": "standard", "total_max_attempts": 5})

    def client(service: Any, region: str = region) -> Any:
        return session.client(service, region_name=region, config=config)

    with explained(region):
        identity = client("sts").get_caller_identity()
        partition, number = identity["Arn"].split(":")[1], identity["Account"]
        return Account(
            Place(partition, region, number),
            caller_name(identity["Arn"]),
            client("iam"),
            client("ec2"),
            client("redshift"),
            client("redshift-serverless"),
            client("pricing", PRICING_REGION),
            pace or Pace(),
        )


def caller_name(arn: str) -> str:
    """Return who an ARN means: a user's name, or a role's and its session's.

    >>> caller_name("arn:aws:iam::123456789012:user/ann")
    'ann'
    >>> caller_name("arn:aws:sts::123456789012:assumed-role/Engineer/ann@example.com")
    'Engineer/ann@example.com'
    """
    resource = arn.split(":", 5)[5]
    return resource.removeprefix("user/").removeprefix("assumed-role/")


def my_address(service: str = MY_ADDRESS) -> str:
    """Return the address that this computer has on the internet, as AWS sees it.

    Raises:
        WarehouseError: if it can't be asked.
    """
    from urllib.request import urlopen  # noqa: PLC0415 - asked for seldom, and it takes long

    try:
        with urlopen(service, timeout=10) as answer:  # noqa: S310 - https, or a test's own
            return str(answer.read(64).decode().strip())
    except OSError as error:
        raise WarehouseError(
            f"{service} doesn't say what your address is ({error}); give it as --public-from"
        ) from error


def _checked_region(session: Session) -> str:
    # botocore reads AWS_DEFAULT_REGION alone; the other tools of AWS read AWS_REGION too.
    region = session.region_name or os.environ.get("AWS_REGION")
    if not region:
        raise WarehouseError("no region is set; set AWS_REGION, or give --region")
    known = {
        name
        for partition in session.get_available_partitions()
        for name in session.get_available_regions("redshift", partition)
    }
    if region not in known:
        near = get_close_matches(region, known, n=1)
        hint = f"; do you mean {near[0]}?" if near else ""
        raise WarehouseError(f"Redshift has no region {region!r}{hint}")
    return region
