"""S3 as a role of IAM may use it, straight from moto's memory, with the rights that IAM grants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.s3.models import FakeDeleteMarker, FakeKey, s3_backends

from standin.policies import Request, is_allowed
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
        self._policies = list(_policies_of(role))

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Return the keys below a prefix, without the marks of folders."""
        self._check("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": prefix})
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

    def _check(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
        if not is_allowed(self._policies, Request(action, resource, context=context or {})):
            raise _s3_error(403, "AccessDenied", "Access Denied")


def assume(role: str, user: str, source: str) -> Storage:
    """Take a role as the service does, which the role must trust.

    Args:
        role: the ARN of the role.
        user: who wants it.
        source: the ARN of the cluster or workgroup, which the role's trust may depend on.
    """
    context = {"aws:SourceArn": source, "aws:SourceAccount": DEFAULT_ACCOUNT_ID}
    try:
        trust = [iam_backends[DEFAULT_ACCOUNT_ID]["aws"].get_role_by_arn(role)]
    except NotFoundException:
        trust = []
    documents = [each.assume_role_policy_document for each in trust]
    if not any(
        is_allowed(documents, Request("sts:AssumeRole", service=service, context=context))
        for service in SERVICES
    ):
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


def _policies_of(arn: str) -> Iterator[str]:
    """Yield the documents of a role's policies."""
    iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    name = arn.rsplit("/", 1)[-1]
    for policy in iam.list_role_policies(name):
        yield iam.get_role_policy(name, policy)[1]
    attached, _ = iam.list_attached_role_policies(name)
    for policy in attached:
        yield next(each.document for each in policy.versions if each.is_default)
