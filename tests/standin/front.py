"""The front: where clients connect to."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from standin.asked import Faults, Statements
from standin.certificates import Authority
from standin.loadlog import LoadLog
from standin.postgres import Postgres
from standin.session import Session
from standin.storage import Storage


class Cluster(Protocol):
    """What is reached under a host name: a cluster, or a workgroup of Serverless."""

    def passwords(self, user: str) -> Mapping[str, str]:
        """Return the passwords that let a user in now, lasting or temporary, and as whom."""

    def prepare(self, user: str, database: str) -> str:
        """Make what is needed for a user and a database; return PostgreSQL's name of the latter."""

    def storage(self, role: str, user: str) -> Storage:
        """Return S3 as a role, given as an ARN or ``default``, may use it for a user.

        Raises:
            Refused: if the role isn't attached, or doesn't trust Redshift.
        """


class Front:
    """A server on 127.0.0.1 that a client takes for Redshift.

    Args:
        postgres: what is behind.
        authority: what certifies the host names.
        cluster_at: finds what is reached under a host name, None if nothing is.
    """

    def __init__(
        self,
        postgres: Postgres,
        authority: Authority,
        cluster_at: Callable[[str], Cluster | None],
    ) -> None:
        self.postgres, self.authority, self.cluster_at = postgres, authority, cluster_at
        self.statements, self.faults = Statements(), Faults()
        self.loads = LoadLog(postgres.home)
        self._sessions: set[Session] = set()
        self._connections, self._queries = itertools.count(1), itertools.count(1)
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address: tuple[str, int] = self._socket.getsockname()
        self._thread = threading.Thread(target=self._accept, daemon=True, name="stand-in")
        self._thread.start()

    def next_query(self) -> int:
        """Return the number of the next query."""
        return next(self._queries)

    def forget(self, session: Session) -> None:
        """Let go of a session that has ended."""
        with self._lock:
            self._sessions.discard(session)

    def stop(self) -> None:
        """Close the server and all its connections."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.close()
        for session in sessions:
            session.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(self, connection, next(self._connections))
            with self._lock:
                self._sessions.add(session)
            session.start()
