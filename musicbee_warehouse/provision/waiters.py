"""Waiting until AWS has done what it was asked to, with botocore's waiters.

botocore has no waiter for a paused cluster and none at all for Serverless, so all are described
here alike: https://botocore.amazonaws.com/v1/documentation/api/latest/reference/waiter.html
"""

from __future__ import annotations

from typing import Any

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.provision.account import Account

_CLUSTER = ("DescribeClusters", "Clusters[].ClusterStatus", "ClusterNotFound")
_WORKGROUP = ("GetWorkgroup", "workgroup.status", "ResourceNotFoundException")
_NAMESPACE = ("GetNamespace", "namespace.status", "ResourceNotFoundException")
_FAILED = ("incompatible-hsm", "incompatible-network", "incompatible-parameters")
_FAILED_CLUSTER = (*_FAILED, "incompatible-restore", "hardware-failure", "storage-full")


def _until(look: tuple[str, str, str], state: str, *failures: str) -> dict[str, Any]:
    operation, path, missing = look
    matcher = "pathAll" if "[]" in path else "path"
    any_matcher = "pathAny" if "[]" in path else "path"
    acceptors = [{"state": "success", "matcher": matcher, "argument": path, "expected": state}]
    # What was just made isn't seen everywhere at once.
    acceptors += [{"state": "retry", "matcher": "error", "expected": missing}]
    acceptors += [
        {"state": "failure", "matcher": any_matcher, "argument": path, "expected": failure}
        for failure in failures
    ]
    return {"operation": operation, "delay": 10, "maxAttempts": 240, "acceptors": acceptors}


def _gone(look: tuple[str, str, str]) -> dict[str, Any]:
    operation, _, missing = look
    acceptors = [{"state": "success", "matcher": "error", "expected": missing}]
    return {"operation": operation, "delay": 10, "maxAttempts": 240, "acceptors": acceptors}


_WAITERS = {
    "RoleThere": {
        "operation": "GetRole",
        "delay": 10,
        "maxAttempts": 240,
        "acceptors": [
            {"state": "success", "matcher": "status", "expected": 200},
            {"state": "retry", "matcher": "error", "expected": "NoSuchEntity"},
        ],
    },
    "ClusterAvailable": _until(_CLUSTER, "available", "deleting", *_FAILED_CLUSTER),
    "ClusterPaused": _until(_CLUSTER, "paused", "deleting"),
    "ClusterGone": _gone(_CLUSTER),
    "WorkgroupAvailable": _until(_WORKGROUP, "AVAILABLE", "DELETING"),
    "WorkgroupGone": _gone(_WORKGROUP),
    "NamespaceAvailable": _until(_NAMESPACE, "AVAILABLE", "DELETING"),
    "NamespaceGone": _gone(_NAMESPACE),
}


def wait(account: Account, client: Any, name: str, **what: str) -> None:
    """Wait for what a waiter's name says.

    Raises:
        WarehouseError: if it takes too long or can't happen any more.
    """
    from botocore.exceptions import WaiterError  # noqa: PLC0415 - a local user never needs it
    from botocore.waiter import WaiterModel, create_waiter_with_client  # noqa: PLC0415 - nor this

    model = WaiterModel({"version": 2, "waiters": _WAITERS})
    waiter = create_waiter_with_client(name, model, client)
    pace = {"Delay": account.pace.delay, "MaxAttempts": account.pace.attempts}
    try:
        waiter.wait(**what, WaiterConfig=pace)
    except WaiterError as error:
        if _is_answer(error.last_response):
            raise _refused(error, _WAITERS[name]["operation"]) from error
        reason = "takes longer than expected" if "Max attempts" in str(error) else "failed"
        subject = " ".join(what.values())
        raise WarehouseError(
            f"{subject} {reason}: it is {_state(error.last_response)} instead of {name}; "
            "look at it in the console, then run again"
        ) from error


def _is_answer(response: Any) -> bool:
    return "Error" in response


def _refused(error: Any, operation: str) -> Exception:
    """Return the refusal that ended a waiter, to be explained as any other."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - lazy

    return ClientError(error.last_response, operation)


def _state(response: Any) -> str:
    for kind, key in (("workgroup", "status"), ("namespace", "status")):
        if kind in response:
            return str(response[kind][key]).lower()
    clusters = response.get("Clusters") or [{"ClusterStatus": "unknown"}]
    return str(clusters[0]["ClusterStatus"])
