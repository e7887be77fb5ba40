"""UNLOAD: from a query to objects of S3.

https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html
"""

from __future__ import annotations

from standin.plan import Plan
from standin.tokens import Reader, Refused


def plan_unload(_: Reader) -> Plan:
    """Plan an UNLOAD."""
    raise Refused("the stand-in does not unload yet", "0A000")
