"""What a warehouse costs: list prices, asked of AWS or else of a dated table.

Not in them: storage, some 0.024 USD a GB and month, data transfer, taxes and discounts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from musicbee_warehouse.provision.account import Account
from musicbee_warehouse.provision.description import Cluster, Warehouse, Workgroup

HOURS_A_MONTH = 730
DAYS_A_MONTH = 365 / 12

TABLE_DATE = "2026-10-05"
TABLE_REGION = "us-east-1"
TABLE_SOURCE = "https://aws.amazon.com/redshift/pricing/"
TABLE = {
    "rg.large": 0.3801,
    "rg.xlarge": 0.7602,
    "rg.4xlarge": 3.04267,
    "rg.12xlarge": 9.128,
    "ra3.large": 0.543,
    "ra3.xlplus": 1.086,
    "ra3.4xlarge": 3.26,
    "ra3.16xlarge": 13.04,
    "RPU": 0.375,
}
"""USD an hour of a node, or of an RPU, in us-east-1, on demand."""


@dataclass(frozen=True)
class Price:
    """What a warehouse costs, in USD.

    Attributes:
        hour: an hour of the cluster, or an hour in which statements run on the workgroup.
        month: a month of the cluster, or of the workgroup if its limit is used up every day.
        how: how both are meant.
        as_of: the day of the list of prices.
        source: where the list is from.
    """

    hour: float | None
    month: float | None
    how: str
    as_of: str
    source: str

    @property
    def summary(self) -> str:
        """One line, with its date and source.

        >>> Price(0.543, 396.39, "until deleted", "2026-10-05", "the list").summary
        '0.54 USD an hour, 396 USD a month, until deleted (as of 2026-10-05, the list)'
        """
        if self.hour is None or self.month is None:
            return f"the price isn't known; see {TABLE_SOURCE}"
        return (
            f"{self.hour:,.2f} USD an hour, {self.month:,.0f} USD a month, {self.how} "
            f"(as of {self.as_of}, {self.source})"
        )


def price(warehouse: Warehouse, account: Account) -> Price:
    """Return what a warehouse costs in a region: as AWS says, or as the table says of us-east-1."""
    asked = _asked(_unit(warehouse), account)
    if asked:
        rate, as_of = asked
        return _priced(warehouse, rate, as_of, "AWS Price List")
    region = account.place.region
    elsewhere = "" if region == TABLE_REGION else f", for {TABLE_REGION}; {region} may differ"
    return _priced(warehouse, TABLE.get(_unit(warehouse)), TABLE_DATE, f"{TABLE_SOURCE}{elsewhere}")


@singledispatch
def _unit(warehouse: Warehouse) -> str:
    raise NotImplementedError(type(warehouse))


@singledispatch
def _priced(warehouse: Warehouse, rate: float | None, as_of: str, source: str) -> Price:
    raise NotImplementedError(type(warehouse))


@_unit.register
def _(warehouse: Cluster) -> str:
    return warehouse.node_type


@_priced.register
def _(warehouse: Cluster, rate: float | None, as_of: str, source: str) -> Price:
    if rate is None:
        return Price(None, None, "", as_of, source)
    hour = rate * warehouse.nodes
    return Price(hour, hour * HOURS_A_MONTH, "until paused or deleted", as_of, source)


@_unit.register
def _(warehouse: Workgroup) -> str:  # noqa: ARG001 - all cost the same
    return "RPU"


@_priced.register
def _(warehouse: Workgroup, rate: float | None, as_of: str, source: str) -> Price:
    if rate is None:
        return Price(None, None, "", as_of, source)
    day = rate * warehouse.daily_limit
    how = (
        "at most, and only while statements run: they are refused after "
        f"{warehouse.daily_limit} RPU-hours or {day:,.2f} USD a day"
    )
    return Price(rate * warehouse.capacity, day * DAYS_A_MONTH, how, as_of, source)


def _asked(unit: str, account: Account) -> tuple[float, str] | None:
    """Return the rate and the day of AWS's own list; None if we may not or can't ask.

    https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - lazy

    wanted = {"regionCode": account.place.region}
    if unit != "RPU":
        wanted["instanceType"] = unit
    try:
        answer = account.pricing.get_products(
            ServiceCode="AmazonRedshift",
            Filters=[
                {"Type": "TERM_MATCH", "Field": field, "Value": value}
                for field, value in wanted.items()
            ],
        )
    except (BotoCoreError, ClientError):
        return None
    ending = "Redshift:ServerlessUsage" if unit == "RPU" else f"Node:{unit}"
    for product in map(json.loads, answer["PriceList"]):
        if product["product"]["attributes"].get("usagetype", "").endswith(ending):
            for rate in _on_demand(product):
                return rate, str(product.get("publicationDate", "today"))[:10]
    return None


def _on_demand(product: Any) -> Iterator[float]:
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            rate = float(dimension["pricePerUnit"].get("USD", 0))
            if rate:
                yield rate
