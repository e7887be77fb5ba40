"""An S3 server of our own: moto behind a real socket, seeded directly, and unreliable if asked.

    python -m tests.loading.s3_server [--latency 0.02] KEYS SIZE

serves, until its input is closed, a bucket of that many objects; it prints its address first.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
import struct
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from random import Random

import boto3
from botocore.config import Config
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.s3.models import FakeKey, s3_backends
from werkzeug.serving import make_server

REGION = "us-east-1"
FAULTS = ("500", "503", "reset", "truncated")
ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>injected</Message></Error>"


def backend():
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def seed(bucket: str, objects: dict[str, bytes]) -> None:
    """Put objects straight into moto, some two hundred times faster than by requests."""
    if bucket not in backend().buckets:
        backend().create_bucket(bucket, REGION)
    keys = backend().buckets[bucket].keys
    for name, value in objects.items():
        keys[name] = FakeKey(name, value, DEFAULT_ACCOUNT_ID, REGION)


class Unreliable:
    """A WSGI application that spoils a share of another's answers, counting how.

    ``reset`` cuts the connection instead of an answer, ``truncated`` in the midst of a body.
    """

    def __init__(self, app, rate: float, seed: int = 0, faults: tuple[str, ...] = FAULTS) -> None:
        self.app, self.rate, self.faults = app, rate, faults
        self.seen: Counter[str] = Counter()
        self._random, self._lock = Random(seed), threading.Lock()

    def __call__(self, environ, start_response):
        with self._lock:
            happens = self._random.random() < self.rate
            fault = self._random.choice(self.faults) if happens else "none"
            self.seen[fault] += 1
        match fault:
            case "500":
                start_response("500 Internal Server Error", [("Content-Type", "application/xml")])
                return [ERROR.format("InternalError").encode()]
            case "503":
                start_response("503 Slow Down", [("Content-Type", "application/xml")])
                return [ERROR.format("SlowDown").encode()]
            case "reset":
                reset(environ["werkzeug.socket"])
            case "truncated":
                return self._truncated(environ, start_response)
        return self.app(environ, start_response)

    def _truncated(self, environ, start_response):
        body = b"".join(self.app(environ, start_response))
        yield body[: self._random.randrange(len(body))] if body else b""
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError


def reset(connection: socket.socket) -> None:
    """Close a connection so that the peer sees it reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())
    raise ConnectionResetError


class Slow:
    """A WSGI application that answers after a while, as one behind a network does."""

    def __init__(self, app, seconds: float) -> None:
        self.app, self.seconds = app, seconds

    def __call__(self, environ, start_response):
        time.sleep(self.seconds)
        return self.app(environ, start_response)


class Handler(MotoRequestHandler):
    """A handler that leaves a connection it has cut."""

    def connection_dropped(self, error, environ=None):  # noqa: ARG002 - the base's
        self.close_connection = True


@contextmanager
def serve(wrap=lambda app: app):
    """Serve moto on a free port of this machine alone; yield the address and the application."""
    app = wrap(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", app
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client(address, *, service="s3", connections=16, attempts=8, key="test", secret="test"):
    """Return a client of the server, by default as patient as the one of our own."""
    return boto3.session.Session().client(
        service,
        endpoint_url=address,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": attempts},
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("keys", type=int)
    parser.add_argument("size", type=int)
    parser.add_argument("--latency", type=float, default=0.0)
    given = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    seed(
        "bucket",
        {f"data/{number:06}.json": b"7" * given.size for number in range(given.keys)},
    )
    with serve(lambda app: Slow(app, given.latency)) as (address, _):
        print(address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
