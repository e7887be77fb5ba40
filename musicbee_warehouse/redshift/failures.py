"""What goes wrong with a connection: which failures may pass, and what to do about the others."""

from __future__ import annotations

import re
import socket
import ssl
from typing import Any

from sqlalchemy.exc import DBAPIError

from musicbee_warehouse.errors import UnreachableError, WarehouseError

_LOST = re.compile(
    r"BrokenPipe|connection is closed|connection time out|communication error"
    r"|terminating connection|server closed the connection|connection reset",
    re.IGNORECASE,
)
_COLLIDED = re.compile(
    # https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html
    r"\b1023\b|serializable isolation violation"
    # https://github.com/dbt-labs/dbt-adapters/issues/617
    r"|could not open relation with OID"
    # https://github.com/aws/amazon-redshift-jdbc-driver/issues/147
    r"|conflict with concurrent transaction"
    r"|deadlock detected|could not serialize access"
    # of another that makes the tables at the same time
    r"|relation \S+ already exists|pg_type_typname_nsp_index",
    re.IGNORECASE,
)


def is_lost(error: BaseException | None) -> bool:
    """Tell whether a connection is gone, and nobody knows what became of the last statement."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or is_lost(error.orig)
    if isinstance(error, OSError | UnreachableError):
        return True
    return _is_of_driver(error) and _LOST.search(_message(error)) is not None


def may_pass(error: BaseException) -> bool:
    """Tell whether a transaction that failed may succeed when it is run again.

    Its connection was lost, or another transaction was in its way.
    """
    if is_lost(error):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    return _is_of_driver(cause) and _COLLIDED.search(_message(cause)) is not None


def explain_connecting(error: Exception, host: str, port: int, user: str) -> WarehouseError | None:
    """Return why no connection came about, or None for what isn't known."""
    cause = _cause(error)
    if isinstance(cause, socket.gaierror):
        return UnreachableError(
            f"there is no host {host}; check its name, or whether it was deleted"
        )
    if isinstance(cause, ssl.SSLCertVerificationError):
        return WarehouseError(
            f"the certificate of {host} isn't trusted ({cause.verify_message}); check the host, "
            "or set SSL_CERT_FILE to the authority that signed it"
        )
    if isinstance(cause, TimeoutError | ConnectionError | OSError):
        return UnreachableError(
            f"{host}:{port} doesn't answer ({cause.strerror or cause}); check port, VPN and "
            "security group, and whether the cluster is paused"
        )
    return _refusal(_message(error), host, user)


def _refusal(message: str, host: str, user: str) -> WarehouseError | None:
    if "authentication failed" in message:
        return WarehouseError(
            f"{host} refuses the password of {user}; check user and password, or connect by the "
            "cluster's name, which asks IAM for them"
        )
    if "refuses SSL" in message:
        return WarehouseError(f"{host} speaks no TLS; check the host, for Redshift always does")
    if found := re.search(r'database "([^"]*)" does not exist', message):
        return WarehouseError(f"there is no database {found[1]} on {host}; check the URL's end")
    return UnreachableError(f"{host} closed the connection") if _LOST.search(message) else None


def _cause(error: BaseException) -> BaseException:
    """Return what the driver wrapped: it puts the error of the socket among its arguments."""
    wrapped = [part for part in error.args if isinstance(part, BaseException)]
    return wrapped[0] if wrapped else error


def _is_of_driver(error: Any) -> bool:
    return type(error).__module__.startswith("redshift_connector")


def _message(error: Any) -> str:
    """Return what the server said, which the driver passes as the fields of the protocol."""
    (first, *_) = error.args or ("",)
    return str(first.get("M", first)) if isinstance(first, dict) else str(error)


def message_of(error: DBAPIError) -> str:
    """Return what the server said."""
    return _message(error.orig)
