"""AWS's APIs on 127.0.0.1, by moto."""

from __future__ import annotations

import logging
import threading
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server


class _Handler(MotoRequestHandler):
    """Answers without a line in the log for each request."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the base's
        logging.getLogger("standin").log(getattr(logging, type.upper()), message, *args)


class Services:
    """A running server; :attr:`address` is its URL."""

    def __init__(self) -> None:
        application = DomainDispatcherApplication(create_backend_app)
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
