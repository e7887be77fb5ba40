"""S3 as a role of IAM may use it, straight from moto's memory, with the rights that IAM grants."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.models import iam_backends
from moto.s3.models import FakeDeleteMarker, FakeKey, s3_backends

from standin.tokens import Refused

SERVICES = ("redshift.amazonaws.com", "redshift-serverless.amazonaws.com")


def service_error(message: str, code: int = 8001, location: str = "s3_utility.cpp:686") -> Refused:
    """Return an error of Redshift's own, in the form of those about S3 and IAM."""
    rule = "-" * 47
    detail = (
        f"\n  {rule}\n  error:  {message}\n  code:      {code}\n  context:   \n"
        f"  location:  {location}\n  process:   padbmaster\n  {rule}\n"
    )
    return Refused(message, "XX000", detail)


class Storage:
    """What one role may see and change of S3.

    Raises:
        Refused: as Redshift words it, for what isn't there and what the role may not do.
    """

    def __init__(self, role: str) -> None:
        self._policies = [IAMPolicy(policy) for policy in _policies_of(role)]

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Return the keys below a prefix, without the marks of folders."""
        self._check("s3:ListBucket", f"arn:aws:s3:::{bucket}")
        held = _bucket(bucket).keys
        found = sorted(key for key in held if key.startswith(prefix))
        there = [key for key in found if isinstance(held[key], FakeKey)]
        return [key for key in there if not (key.endswith("/") and held[key].size == 0)]

    def get(self, bucket: str, key: str) -> bytes:
        """Return the bytes of an object."""
        self._check("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
        held = _bucket(bucket).keys.get(key)
        if held is None or isinstance(held, FakeDeleteMarker):
            raise _s3_error(404, "NoSuchKey", "The specified key does not exist.")
        return bytes(held.value)

    def put(self, bucket: str, key: str, value: bytes) -> None:
        """Write an object."""
        self._check("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}")
        _bucket(bucket)
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, key, value)

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object."""
        self._check("s3:DeleteObject", f"arn:aws:s3:::{bucket}/{key}")
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].delete_object(bucket, key)

    def _check(self, action: str, resource: str) -> None:
        results = {policy.is_action_permitted(action, resource) for policy in self._policies}
        if PermissionResult.DENIED in results or PermissionResult.PERMITTED not in results:
            raise _s3_error(403, "AccessDenied", "Access Denied")


def assume(role: str, user: str) -> Storage:
    """Take a role as the service does, which the role must trust."""
    try:
        trust = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].get_role_by_arn(role)
        statements = list(_statements(trust.assume_role_policy_document))
    except Exception:
        statements = []
    if not any(_trusts_redshift(statement) for statement in statements):
        raise service_error(
            f"User {user} is not authorized to assume IAM Role {role}", location="iam.cpp:213"
        )
    return Storage(role)


def split_uri(uri: str) -> tuple[str, str]:
    """Cut ``s3://bucket/key`` into its bucket and its key."""
    scheme, _, path = uri.partition("://")
    bucket, _, key = path.partition("/")
    if scheme != "s3" or not bucket:
        raise service_error(f"The S3 address is not valid: {uri}")
    return bucket, key


def _bucket(name: str) -> Any:
    held = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(name)
    if held is None:
        raise _s3_error(404, "NoSuchBucket", "The specified bucket does not exist")
    return held


def _s3_error(status: int, code: str, message: str) -> Refused:
    return service_error(
        f"S3ServiceException:{message},Status {status},Error {code},Rid 0,ExtRid 0,CanRetry 1"
    )


def _policies_of(arn: str) -> Iterator[Any]:
    iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    name = arn.rsplit("/", 1)[-1]
    for policy in iam.list_role_policies(name):
        yield iam.get_role_policy(name, policy)[1]
    attached, _ = iam.list_attached_role_policies(name)
    yield from attached


def _statements(document: str) -> Iterator[dict[str, Any]]:
    found = json.loads(document)["Statement"]
    yield from found if isinstance(found, list) else [found]


def _trusts_redshift(statement: dict[str, Any]) -> bool:
    services = statement.get("Principal", {}).get("Service", [])
    services = [services] if isinstance(services, str) else services
    return (
        statement.get("Effect") == "Allow"
        and "sts:AssumeRole" in str(statement.get("Action"))
        and any(service in SERVICES for service in services)
    )
