"""What goes wrong with S3, said in sentences that tell what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from musicbee_warehouse.errors import WarehouseError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def split(uri: str) -> tuple[str, str]:
    """Return the bucket and the key of an address.

    >>> split("s3://bucket/log_data/a.json")
    ('bucket', 'log_data/a.json')
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise WarehouseError(f"{uri!r} names no bucket; write it as s3://bucket/folder")
    return bucket, key


@contextmanager
def explained(action: str, uri: str, client: S3Client) -> Iterator[None]:
    """Turn botocore's errors into sentences that say what to do."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - lazy

    try:
        yield
    except ClientError as error:
        raise _refusal(error.response, action, uri) or WarehouseError(
            f"{uri} can't be read: {error}"
        ) from error
    except BotoCoreError as error:
        raise WarehouseError(_failure(error, uri, client)) from error


def changed(uri: str) -> WarehouseError:
    """Return the error for an object that isn't what was listed any more."""
    return WarehouseError(f"{uri} changed since it was listed; nothing is wrong, run again")


def _refusal(response: Any, action: str, uri: str) -> WarehouseError | None:
    """Return the error for an answer of S3's.

    Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """
    code, bucket = response["Error"].get("Code", ""), split(uri)[0]
    resource = f"{bucket}/{split(uri)[1]}" if action.endswith("Object") else bucket
    match code:
        case "NoSuchBucket" | "404" if code == "NoSuchBucket" or action == "s3:ListBucket":
            reason = f"there is no bucket {bucket}; check its name and the endpoint"
        case "PreconditionFailed" | "412":
            return changed(uri)
        case "NoSuchKey" | "404":
            reason = f"{uri} was removed since it was listed; run again"
        case "AccessDenied" | "AllAccessDisabled" | "403":
            reason = (
                f"access to {uri} is denied; the credentials need "
                f"{action} on arn:aws:s3:::{resource}"
            )
        case "InvalidAccessKeyId" | "SignatureDoesNotMatch":
            reason = f"{uri} can't be read: the AWS credentials are wrong ({code}); check them"
        case "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired":
            reason = f"{uri} can't be read: the AWS credentials expired ({code}); log in again"
        case (
            "PermanentRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException"
        ):
            headers = response["ResponseMetadata"].get("HTTPHeaders", {})
            region = headers.get("x-amz-bucket-region") or response["Error"].get("Region")
            reason = (
                f"the bucket {bucket} is in another region{f', {region}' if region else ''}; "
                "set AWS_REGION to it"
            )
        case "InvalidObjectState":
            reason = f"{uri} is archived; restore it, then run again"
        case _:
            return None
    return WarehouseError(reason)


def _failure(error: Exception, uri: str, client: S3Client) -> str:
    """Return the sentence for what kept the request from S3."""
    from botocore import exceptions  # noqa: PLC0415 - lazy

    if isinstance(error, exceptions.ConnectionError):
        return (
            f"{client.meta.endpoint_url} can't be reached for {uri}; "
            "check AWS_ENDPOINT_URL_S3, AWS_REGION and the network"
        )
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return (
            f"there are no AWS credentials for {uri}; set AWS_PROFILE, "
            "or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    return f"{uri} can't be read: {error}"
