"""What AWS refuses, said in a sentence that tells what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from musicbee_warehouse.errors import WarehouseError

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"}
_CREDENTIALS = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_SENTENCES = {
    "Throttl|TooManyRequests|RequestLimitExceeded|SlowDown": (
        "AWS has too much to do just now ({code}); nothing is lost, run again"
    ),
    r"Insufficient\w*Capacity": (
        "{region} has no room for it now ({code}); run again later or in another region"
    ),
    "Quota|LimitExceeded": (
        "a quota of the account in {region} is used up ({code}: {message}); delete what isn't "
        "needed, or ask for more at https://console.aws.amazon.com/servicequotas"
    ),
    "Subnet|InvalidVPCNetworkState": (
        "the subnets can't be used: {message} ({code}); check --subnet and the region"
    ),
}
"""What to say of codes that a pattern matches, the first that does."""
_PERMISSION = re.compile(r"perform: (?P<action>[\w-]+:\w+)(?: on resource: (?P<resource>\S+))?")


@contextmanager
def tolerated(*codes: str) -> Iterator[None]:
    """Take as done what AWS says is so already: it is there, or it is gone."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - a local user never needs it

    try:
        yield
    except ClientError as error:
        if code_of(error) not in codes:
            raise


def code_of(error: Any) -> str:
    """Return the code of a refusal."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def explained(region: str) -> Iterator[None]:
    """Turn botocore's errors into a sentence that says what to do.

    Raises:
        WarehouseError: for each of them.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - lazy

    try:
        yield
    except ClientError as error:
        raise WarehouseError(_refusal(error, region)) from error
    except BotoCoreError as error:
        raise WarehouseError(_failure(error, region)) from error


def _refusal(error: Any, region: str) -> str:
    code, message = code_of(error), str(error.response["Error"].get("Message", "")).strip()
    if code in _DENIED:
        return _missing_permission(error.operation_name, message)
    if code in _CREDENTIALS:
        return f"the AWS credentials aren't accepted ({code}); log in again or check them"
    for pattern, sentence in _SENTENCES.items():
        if re.search(pattern, code):
            return sentence.format(code=code, message=message, region=region)
    return f"AWS refuses {error.operation_name}: {message} ({code})"


def _missing_permission(operation: str, message: str) -> str:
    """Return the sentence with the statement to add to the caller's policy."""
    named = _PERMISSION.search(message)
    action = named["action"] if named else operation
    resource = (named["resource"] if named else None) or "*"
    statement = json.dumps({"Effect": "Allow", "Action": action, "Resource": resource.rstrip(".")})
    return f"you may not {action}; add to your policy: {statement}"


def _failure(error: Exception, region: str) -> str:
    """Return the sentence for what kept a request from being answered."""
    from botocore import exceptions  # noqa: PLC0415 - lazy

    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return (
            "there are no AWS credentials; set AWS_PROFILE, "
            "or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if isinstance(error, exceptions.ProfileNotFound):
        return f"{error}; check AWS_PROFILE"
    if isinstance(error, exceptions.TokenRetrievalError | exceptions.SSOError):
        return f"the AWS login ended ({error}); log in again"
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        return f"AWS can't be reached in {region} ({error}); nothing is lost, run again"
    if isinstance(error, exceptions.ParamValidationError):
        return f"AWS doesn't take it: {error}"
    return f"AWS failed: {error}"
