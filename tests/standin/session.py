"""One connection of a client, from its start-up to its end."""

from __future__ import annotations

import contextlib
import os
import re
import struct
import threading
import traceback
from dataclasses import dataclass
from hashlib import md5
from socket import socket
from typing import TYPE_CHECKING, Any

from standin.asked import Dropped, Fault, Statement, isolation_violation
from standin.plan import Plan
from standin.statements import plan
from standin.storage import Storage, service_error
from standin.tables import WIDTH
from standin.tokens import Refused, statements_of
from standin.wire import Backend, ServerError, Wire, fields, literal, text

if TYPE_CHECKING:
    from standin.front import Cluster, Front

SSL_REQUEST, CANCEL_REQUEST = 80877103, 80877102
_MD5_PASSWORD = 5
_OWN_PARAMETERS = {
    "client_protocol_version",
    "driver_version",
    "os_version",
    "driver_discovery_version",
    "plugin_name",
}
"""What the driver sends at start-up and PostgreSQL doesn't know."""


@dataclass
class Prepared:
    """A statement that was parsed."""

    sql: str
    plan: Plan


class Session(threading.Thread):
    """Speaks Redshift's side of the protocol to a client, and a client's side to PostgreSQL.

    Each message waits for its answer before the next is passed on. Two facts shape the rest. The
    driver speaks the extended protocol alone: Parse, Bind, Describe, Execute, Sync. And what the
    front does itself, it does by simple queries in the client's own backend session, so that it is
    part of the client's transaction.
    """

    wire: Wire
    backend: Backend
    cluster: Cluster
    process: int
    """What ``pg_backend_pid()`` says, and the views call the session."""

    def __init__(self, front: Front, connection: socket, number: int) -> None:
        super().__init__(daemon=True, name=f"stand-in connection {number}")
        self.front, self.number = front, number
        self.parameters: dict[str, str] = {}
        self._socket = connection
        self._prepared: dict[bytes, Prepared] = {}
        self._portals: dict[bytes, tuple[Prepared, tuple[str, ...]]] = {}
        self._skipping = False
        self._answers = {
            b"P": self._parse,
            b"B": self._bind,
            b"D": self._describe,
            b"C": self._close,
            b"E": self._execute,
        }

    def run(self) -> None:
        """Serve the client until it leaves."""
        try:
            if self._greet():
                self._serve()
        except (EOFError, OSError, Dropped):
            pass
        except Exception:
            traceback.print_exc()
        finally:
            self.close()
            self.front.forget(self)

    def close(self) -> None:
        """Close both ends; PostgreSQL undoes what wasn't committed."""
        for end in ("wire", "backend"):
            if hasattr(self, end):
                getattr(self, end).close()
        with contextlib.suppress(OSError):
            self._socket.close()

    # What the plans of statements use.

    def storage(self, role: str) -> Storage:
        """Return S3 as a role may use it that is attached to the cluster."""
        return self.cluster.storage(role, self.user)

    def lock_for_writing(self, table: str) -> None:
        """Let other writers to a table wait for the end of the transaction.

        https://docs.aws.amazon.com/redshift/latest/dg/c_write_readwrite.html

        Its snapshot is taken before, so that who waited doesn't see what it waited for. AWS doesn't
        say so; of the two possible orders it is the one that is harder on a program.
        """
        if self.backend.status == b"T":
            self.backend.query(f"SELECT 1; LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

    # Start-up.

    def _greet(self) -> bool:
        host = "localhost"
        while True:
            size, code = struct.unpack("!ii", self._receive(8))
            body = self._receive(size - 8)
            if code == CANCEL_REQUEST:
                return False
            if code != SSL_REQUEST:
                break
            self._socket.sendall(b"S")
            self._socket = tls = self.front.authority.secure(self._socket)
            host = self.front.authority.shake_hands(tls)
        parts = body.decode().split("\0")
        self.parameters = dict(zip(parts[0::2], parts[1::2], strict=False))
        self.wire = Wire(self._socket)
        cluster = self.front.cluster_at(host)
        user = self._authenticated(cluster) if cluster else None
        if cluster is None or user is None:
            told = f'password authentication failed for user "{self.parameters.get("user")}"'
            self.wire.send(b"E", fields("FATAL", "28000", told))
            return False
        self.cluster, self.user = cluster, user
        return self._open_backend()

    def _authenticated(self, cluster: Cluster) -> str | None:
        """Return the user of the database that the client's user and password stand for."""
        salt = os.urandom(4)
        self.wire.send(b"R", struct.pack("!i", _MD5_PASSWORD) + salt)
        _, answer = self.wire.read()
        user = self.parameters.get("user", "")
        for password, database_user in cluster.passwords(user).items():
            if answer[:-1] == b"md5" + _md5(_md5(password.encode() + user.encode()) + salt):
                return database_user
        return None

    def _open_backend(self) -> bool:
        database = self.cluster.prepare(self.user, self.parameters.get("database", self.user))
        passed = {
            name: value
            for name, value in self.parameters.items()
            if name and name not in {*_OWN_PARAMETERS, "user", "database"}
        }
        self.backend = Backend.open(
            self.front.postgres.port, user=self.user, database=database, **passed
        )
        while True:
            code, body = self.backend.read()
            if code == b"K":
                (self.process,) = struct.unpack_from("!i", body)
            if code == b"S" and body.startswith(b"server_version\0"):
                body = text("server_version") + text("8.0.2")
            self.wire.put(code, body)
            if code in (b"Z", b"E"):
                self.wire.flush()
                return code == b"Z"

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            if not (more := self._socket.recv(size - len(data))):
                raise EOFError
            data += more
        return data

    # Messages.

    def _serve(self) -> None:
        while True:
            code, body = self.wire.read()
            if code == b"X":
                return
            if code == b"S":
                self._skipping = False
                self.backend.send(b"S")
                self._relay(b"Z")
                self.wire.flush()
            elif code == b"H":
                self.wire.flush()
            elif code == b"Q":
                self._simple(body[:-1].decode())
            elif not self._skipping:
                self._skipping = not self._answer(code, body)

    def _answer(self, code: bytes, body: bytes) -> bool:
        """Answer a message of the extended protocol, and tell whether all went well."""
        if code not in self._answers:
            self._fail(Refused("unsupported frontend message", "08P01"))
            return False
        try:
            return self._answers[code](body)
        except Refused as error:
            self._fail(error)
        except ServerError as error:
            self.wire.put(b"E", _reworded(error.body))
        except (EOFError, OSError, Dropped):
            raise
        except Exception as error:
            traceback.print_exc()
            self._fail(Refused(f"the stand-in failed: {type(error).__name__}: {error}", "XX000"))
        return False

    def _parse(self, body: bytes) -> bool:
        name, rest = body.split(b"\0", 1)
        sql, types = rest.split(b"\0", 1)
        statement = sql.decode()
        try:
            prepared = Prepared(statement, plan(statement))
        except Refused as error:
            self._note(statement, error=error)
            raise
        self._prepared[name] = prepared
        self._lock_first(prepared)
        parsed = name + b"\0" + prepared.plan.sql.encode() + b"\0" + types
        return self._pass(b"P", parsed, b"1", statement)

    def _bind(self, body: bytes) -> bool:
        portal, rest = body.split(b"\0", 1)
        name, values = rest.split(b"\0", 1)
        prepared = self._prepared[name]
        self._portals[portal] = prepared, _texts(values)
        self._lock_first(prepared)
        return self._pass(b"B", body, b"2", prepared.sql)

    def _lock_first(self, prepared: Prepared) -> None:
        """Lock what a statement writes to before PostgreSQL does: with less, once it parses it."""
        if prepared.plan.writes and not prepared.plan.instead:
            self.backend.settle()
            try:
                self.lock_for_writing(prepared.plan.writes)
            except ServerError as error:
                self._note(prepared.sql, error=error)
                raise

    def _describe(self, body: bytes) -> bool:
        return self._pass(b"D", body, b"Tn")

    def _close(self, body: bytes) -> bool:
        return self._pass(b"C", body, b"3")

    def _execute(self, body: bytes) -> bool:
        prepared, values = self._portals[body.split(b"\0", 1)[0]]
        with self._noted(prepared.sql, values) as fault:
            if prepared.plan.instead:
                self._act(prepared.plan)
                done = True
            else:
                self._check_alone(prepared.plan)
                done = self._pass(b"E", body, b"CIs", prepared.sql, prepared.plan.tag)
                if done and prepared.plan.after:
                    self.backend.settle()
                    prepared.plan.after(self)
            if fault:
                self.backend.settle()
                raise Dropped
        return done

    def _simple(self, script: str) -> None:
        """Answer a simple query, which may be several statements."""
        for statement in statements_of(script) or [script]:
            try:
                planned = plan(statement)
                with self._noted(statement, ()) as fault:
                    self._run_simply(planned)
                    if fault:
                        raise Dropped
            except Refused as error:
                self._fail(error)
                break
            except ServerError as error:
                self.wire.put(b"E", _reworded(error.body))
                break
        self.backend.send(b"S")
        self._relay(b"Z")
        self.wire.flush()

    def _run_simply(self, planned: Plan) -> None:
        if planned.instead:
            self._act(planned)
            return
        self._check_alone(planned)
        if planned.writes:
            self.lock_for_writing(planned.writes)
        self.backend.send(b"Q", text(planned.sql))
        error = None
        while True:
            code, body = self.backend.read()
            if code == b"Z":
                self.backend.status = body
                break
            if code == b"E":
                error = ServerError(body)
            else:
                self.wire.put(code, _tag(body, planned.tag) if code == b"C" else body)
        if error:
            raise error
        if planned.after:
            planned.after(self)

    def _act(self, planned: Plan) -> None:
        assert planned.instead
        self.backend.settle()
        self._check_alone(planned)
        if planned.writes:
            self.lock_for_writing(planned.writes)
        planned.instead(self)
        self.wire.put(b"C", text(planned.tag))

    def _check_alone(self, planned: Plan) -> None:
        if planned.alone and self.backend.status != b"I":
            raise Refused(f"{planned.alone} cannot run inside a transaction block", "25001")

    # Passing messages on.

    def _pass(
        self, code: bytes, body: bytes, until: bytes, statement: str = "", tag: str = ""
    ) -> bool:
        """Pass a message to PostgreSQL and its answer to the client; tell whether it went well."""
        self.backend.put(code, body)
        self.backend.put(b"H")
        self.backend.flush()
        error = self._relay(until, tag)
        if error and code == b"E":
            raise error
        if error:
            self.wire.put(b"E", _reworded(error.body))
            self._note(statement, error=error)
        return not error

    def _relay(self, until: bytes, tag: str = "") -> ServerError | None:
        """Pass PostgreSQL's messages on, up to one of these codes; return an error instead."""
        while True:
            code, body = self.backend.read()
            if code == b"Z":
                self.backend.status = body
            if code == b"E":
                return ServerError(body)
            if not (code == b"S" and body.startswith(b"server_version\0")):
                self.wire.put(code, _tag(body, tag) if code == b"C" else body)
            if code in until:
                return None

    def _fail(self, error: Refused) -> None:
        """Let PostgreSQL fail with an error, so that the transaction does, and tell the client."""
        self.backend.settle()
        arguments = ", ".join(map(literal, (error.message, error.state, error.detail)))
        with contextlib.suppress(ServerError):
            self.backend.query(f"SELECT standin.fail({arguments})")
        self.wire.put(b"E", fields("ERROR", error.state, error.message, error.detail))

    # The log.

    def _note(
        self, sql: str, values: tuple[str, ...] = (), error: Refused | ServerError | None = None
    ) -> None:
        told, state = (str(error), error.state) if error else ("", "")
        self.front.statements.add(Statement(sql, self.number, values, told, state))

    @contextlib.contextmanager
    def _noted(self, sql: str, values: tuple[str, ...]) -> Any:
        """Run a statement within, with its fault: before, in its place, or afterwards."""
        fault: Fault | None = self.front.faults.take(sql)
        failure: Refused | ServerError | None = None
        try:
            if fault and fault.error:
                if sql.strip().lower().startswith("commit"):
                    # A commit that fails ends its transaction.
                    self.backend.settle()
                    self.backend.query("ROLLBACK")
                raise fault.error
            if fault and not fault.after:
                failure = Refused("the connection was closed before it ran", "08006")
                raise Dropped
            yield fault
        except (Refused, ServerError) as error:
            failure = error
            raise
        finally:
            self._note(sql, values, failure)


def _md5(data: bytes) -> bytes:
    return md5(data, usedforsecurity=False).hexdigest().encode()


def _tag(body: bytes, tag: str) -> bytes:
    """Return the tag that ends a command: Redshift counts no rows of a SELECT."""
    if tag:
        return text(tag)
    return text("SELECT") if body.startswith(b"SELECT") else body


def _reworded(body: bytes) -> bytes:
    """Word an error as Redshift does, where its words matter."""
    error = ServerError(body)
    reworded = None
    if error.state == "40001":
        reworded = isolation_violation()
    elif error.told.startswith("MERGE command cannot affect row"):
        # https://docs.aws.amazon.com/redshift/latest/dg/r_MERGE.html
        reworded = Refused("Found multiple matches to update the same tuple.", "XX000")
    elif error.state == "22001" or WIDTH in error.told:
        width = re.search(rf"(?:varying\(|character\(|{WIDTH})(\d+)", error.told)
        kind = f"character varying({width[1]})" if width else "character"
        detail = service_error(f"Value too long for type {kind}").detail
        reworded = Refused("Value too long for character type", "XX000", detail)
    if reworded:
        return fields("ERROR", reworded.state, reworded.message, reworded.detail)
    return body


def _texts(body: bytes) -> tuple[str, ...]:
    """Return the values of a Bind message that are readable text."""
    (formats,) = struct.unpack_from("!h", body)
    at = 2 + 2 * formats
    (count,) = struct.unpack_from("!h", body, at)
    at += 2
    values = []
    for _ in range(count):
        (size,) = struct.unpack_from("!i", body, at)
        at += 4
        with contextlib.suppress(UnicodeDecodeError):
            values.append(body[at : at + max(size, 0)].decode())
        at += max(size, 0)
    return tuple(values)
