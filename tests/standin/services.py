"""AWS's APIs on 127.0.0.1, by moto."""

from __future__ import annotations

import logging
import secrets
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import moto.backends
from moto.core.responses import ActionResult
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.redshift.exceptions import ClusterNotFoundError
from moto.redshift.responses import RedshiftResponse
from moto.sts.models import sts_backends
from werkzeug.serving import make_server

from standin.logins import Door, Logins


class Services:
    """A running server.

    Attributes:
        address: its URL.
        logins: the passwords for Redshift that it gave out.
    """

    def __init__(self) -> None:
        self.logins = Logins()
        self._stack = ExitStack()
        # moto lists its folders at each request, which is most of what a request takes.
        folders = list(moto.backends.list_of_moto_modules())
        self._stack.enter_context(
            mock.patch.object(moto.backends, "list_of_moto_modules", return_value=folders)
        )
        self._stack.enter_context(
            mock.patch.object(
                RedshiftResponse,
                "get_cluster_credentials_with_iam",
                _get_cluster_credentials_with_iam,
                create=True,
            )
        )
        application = Door(DomainDispatcherApplication(create_backend_app), self.logins)
        self._server = make_server(
            "127.0.0.1", 0, application, threaded=True, request_handler=_Handler
        )
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True, name="AWS"
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()
        self._stack.close()


class _Handler(MotoRequestHandler):
    """Answers without a line in the log for each request."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the base's
        logging.getLogger("standin").log(getattr(logging, type.upper()), message, *args)


def _get_cluster_credentials_with_iam(self: RedshiftResponse) -> ActionResult:
    """Answer the operation, which moto lacks.

    The user is ``IAM:`` and a user's name, or ``IAMR:`` and a role's, of the caller:
    https://docs.aws.amazon.com/redshift/latest/APIReference/API_GetClusterCredentialsWithIAM.html
    """
    cluster = self._get_param("ClusterIdentifier")
    if cluster not in self.redshift_backend.clusters:
        raise ClusterNotFoundError(cluster)
    sts = sts_backends[self.current_account][self.partition]
    _, arn, _ = sts.get_caller_identity(self.access_key, self.region)
    kind, name = arn.rpartition(":")[2].split("/")[:2]
    seconds = self._get_int_param("DurationSeconds", 900)
    return ActionResult(
        {
            "DbUser": f"{'IAMR' if kind == 'assumed-role' else 'IAM'}:{name}",
            "DbPassword": secrets.token_urlsafe(24),
            "Expiration": datetime.now(UTC) + timedelta(seconds=seconds),
        }
    )
