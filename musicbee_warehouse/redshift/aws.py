"""AWS as the connection needs it: clients, and what goes wrong with them in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from musicbee_warehouse.errors import WarehouseError

_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"}
_WRONG = {"InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}


@dataclass(frozen=True)
class Aws:
    """An AWS account, as boto3's settings name it.

    https://docs.aws.amazon.com/boto3/latest/guide/configuration.html

    Attributes:
        region: by default as the environment or the profile says.
    """

    region: str | None = None
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def client(self, service: str) -> Any:
        """Return the client of a service, made at first use: that takes a while.

        Raises:
            WarehouseError: if there is no such profile, or no region.
        """
        if service not in self._clients:
            self._clients[service] = self._new_client(service)
        return self._clients[service]

    def _new_client(self, service: str) -> Any:
        import boto3  # noqa: PLC0415 - only who connects by name needs it
        from botocore.config import Config  # noqa: PLC0415 - as above
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - as above

        config = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=30)
        try:
            session: Any = boto3.session.Session(region_name=self.region)
            return session.client(service, config=config)
        except (BotoCoreError, ValueError) as error:
            raise WarehouseError(f"the AWS settings make no client of {service}: {error}") from None


class NotThereError(WarehouseError):
    """AWS knows nothing of this name."""


class DeniedError(WarehouseError):
    """AWS doesn't let it be seen."""


@contextmanager
def explained(action: str, what: str) -> Iterator[None]:
    """Turn botocore's errors into sentences that say what to do.

    Args:
        action: as policies of IAM name it, such as ``redshift:DescribeClusters``.
        what: what it was asked of, such as ``the cluster musicbee``.

    Raises:
        NotThereError: if AWS doesn't know it.
        DeniedError: if the credentials don't suffice.
        WarehouseError: for all else that goes wrong.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - lazy
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - lazy

    try:
        yield
    except ClientError as error:
        raise _refusal(error.response["Error"], action, what) from None
    except BotoCoreError as error:
        raise WarehouseError(_failure(error, action, what)) from None
    except ResponseParserError:
        raise WarehouseError(
            f"what answered {action} isn't AWS; check AWS_ENDPOINT_URL and the proxy"
        ) from None


def _refusal(error: Any, action: str, what: str) -> WarehouseError:
    code, message = error.get("Code", ""), error.get("Message", "")
    if "NotFound" in code:
        return NotThereError(f"there is no {what.removeprefix('the ')}; check name and AWS_REGION")
    if code in _DENIED:
        return DeniedError(f"access to {what} is denied; the credentials need {action}")
    if code in _WRONG:
        return WarehouseError(f"the AWS credentials are wrong ({code}); check AWS_PROFILE")
    if code in _EXPIRED:
        return WarehouseError(f"the AWS credentials expired ({code}); log in again")
    said = message.strip().split("\n")[0] or code
    return WarehouseError(f"{action} of {what} failed: {said}")


def _failure(error: Exception, action: str, what: str) -> str:
    from botocore import exceptions  # noqa: PLC0415 - lazy

    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return (
            f"there are no AWS credentials to find {what}; set AWS_PROFILE, "
            "or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError):
        return f"AWS can't be reached to find {what}; check AWS_REGION and the network"
    return f"{action} of {what} failed: {error}"
