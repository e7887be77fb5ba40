"""Messages of PostgreSQL's protocol, version 3, and a connection to PostgreSQL that speaks it.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Sequence

VERSION_3 = 196608


def message(code: bytes, body: bytes = b"") -> bytes:
    """Frame a message."""
    return code + struct.pack("!i", len(body) + 4) + body


def text(value: str) -> bytes:
    """Encode a string as the protocol has it."""
    return value.encode() + b"\0"


def fields(severity: str, state: str, told: str, detail: str = "") -> bytes:
    """Return the body of an error or a notice."""
    body = b"S" + text(severity) + b"C" + text(state) + b"M" + text(told)
    return body + (b"D" + text(detail) if detail else b"") + b"\0"


def literal(value: object) -> str:
    """Spell a value in SQL where a backslash escapes."""
    if value is None:
        return "NULL"
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Spell a name in SQL."""
    return '"' + name.replace('"', '""') + '"'


class ServerError(Exception):
    """An error of PostgreSQL, with the body of its message."""

    def __init__(self, body: bytes) -> None:
        parts = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
        self.body, self.state, self.told = body, parts[b"C"], parts[b"M"]
        super().__init__(self.told)


class Wire:
    """A socket that gives and takes messages."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._input = connection.makefile("rb", 1 << 16)
        self._output = bytearray()

    def read(self) -> tuple[bytes, bytes]:
        """Wait for a message; return its code and its body."""
        head = self._exactly(5)
        return head[:1], self._exactly(struct.unpack("!i", head[1:])[0] - 4)

    def put(self, code: bytes, body: bytes = b"") -> None:
        """Add a message to those that the next flush sends."""
        self._output += message(code, body)
        if len(self._output) > 1 << 16:
            self.flush()

    def flush(self) -> None:
        """Send what was put."""
        output, self._output = self._output, bytearray()
        self.socket.sendall(output)

    def send(self, code: bytes, body: bytes = b"") -> None:
        """Send a message at once."""
        self.put(code, body)
        self.flush()

    def close(self) -> None:
        """Close the socket, whatever its state."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._input.close()
        self.socket.close()

    def _exactly(self, size: int) -> bytes:
        data = self._input.read(size)
        if len(data) < size:
            raise EOFError
        return data


class Backend(Wire):
    """A connection to PostgreSQL."""

    status = b"I"
    """The state of the transaction: I none, T in one, E in a failed one."""
    columns: Sequence[tuple[str, int]] = ()
    """The names and the types' OIDs of the columns of the last query."""

    @classmethod
    def open(cls, port: int, **parameters: str) -> Backend:
        """Open a connection whose answers to the start-up are still to be read."""
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = struct.pack("!i", VERSION_3)
        for name, value in parameters.items():
            body += text(name) + text(value)
        connection.sendall(message(b"", body + b"\0"))
        return cls(connection)

    @classmethod
    def connect(cls, port: int, user: str, database: str) -> Backend:
        """Open a connection that can be used."""
        backend = cls.open(port, user=user, database=database)
        try:
            while True:
                code, body = backend.read()
                if code == b"Z":
                    return backend
                if code == b"E":
                    raise ConnectionError(str(ServerError(body)))
        except (EOFError, OSError) as error:
            backend.close()
            raise ConnectionError(str(error)) from error

    def settle(self) -> None:
        """End an unfinished pipeline of messages.

        A simple query inside one would leave PostgreSQL's own idea of the transaction wrong.
        """
        self.send(b"S")
        while True:
            code, body = self.read()
            if code == b"Z":
                self.status = body
                return

    def table(self, sql: str) -> tuple[list[str], list[int], list[list[str | None]]]:
        """Run a query; return the names and the types' OIDs of its columns, and its rows."""
        self.columns = []
        rows = self.query(sql)
        return [name for name, _ in self.columns], [kind for _, kind in self.columns], rows

    def query(
        self, sql: str, feed: Callable[[Callable[[bytes], None]], None] | None = None
    ) -> list[list[str | None]]:
        """Run SQL and return its rows as text.

        Args:
            sql: statements; one may be ``COPY ... FROM STDIN``.
            feed: called with a function that takes the data of that COPY, piece by piece.

        Raises:
            ServerError: as PostgreSQL raises it; what ``feed`` raises goes before.
        """
        self.send(b"Q", text(sql))
        rows: list[list[str | None]] = []
        error: BaseException | None = None
        while True:
            code, body = self.read()
            if code == b"D":
                rows.append(_row(body))
            elif code == b"T":
                self.columns = _columns(body)
            elif code == b"G":
                error = self._feed(feed)
            elif code == b"E":
                error = error or ServerError(body)
            elif code == b"Z":
                self.status = body
                if error:
                    raise error
                return rows

    def _feed(self, feed: Callable[[Callable[[bytes], None]], None] | None) -> BaseException | None:
        assert feed is not None
        try:
            feed(lambda data: self.put(b"d", data))
        except BaseException as error:
            self.send(b"f", text("the load has stopped"))
            return error
        self.send(b"c")
        return None


def _columns(body: bytes) -> list[tuple[str, int]]:
    (count,) = struct.unpack_from("!h", body)
    at, columns = 2, []
    for _ in range(count):
        end = body.index(b"\0", at)
        _, _, kind = struct.unpack_from("!ihi", body, end + 1)
        columns.append((body[at:end].decode(), kind))
        at = end + 19
    return columns


def _row(body: bytes) -> list[str | None]:
    (count,) = struct.unpack_from("!h", body)
    at, row = 2, []
    for _ in range(count):
        (size,) = struct.unpack_from("!i", body, at)
        at += 4
        row.append(None if size < 0 else body[at : at + size].decode())
        at += max(size, 0)
    return row
