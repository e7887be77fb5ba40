"""Passwords that AWS's APIs gave out, or were given: the front lets in who has one.

They are noticed as requests and answers pass, so whoever answers for a service may do so: moto, or
what a test puts in its place.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

_SECRET = re.compile(r"password$", re.IGNORECASE)


@dataclass(frozen=True)
class Login:
    """A user and a password for a place, and which user of the database that is."""

    place: str
    user: str
    password: str
    database_user: str
    until: datetime


class Logins:
    """The temporary passwords, and all that must be kept secret."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self._logins: list[Login] = []
        self._lock = threading.Lock()

    def add(self, login: Login) -> None:
        """Keep a login."""
        with self._lock:
            self._logins.append(login)
            self.secrets.add(login.password)

    def of(self, place: str, user: str) -> dict[str, str]:
        """Return the passwords by which a user gets in now, and as whom."""
        now = datetime.now(UTC)
        with self._lock:
            return {
                login.password: login.database_user
                for login in self._logins
                if (login.place, login.user) == (place, user) and login.until > now
            }


class Door:
    """A WSGI application that hands requests on to another, and keeps the logins it sees."""

    def __init__(self, application: Any, logins: Logins) -> None:
        self._application, self._logins = application, logins

    def __call__(self, environ: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
        kind = environ.get("CONTENT_TYPE", "")
        if not kind.startswith(("application/x-www-form-urlencoded", "application/x-amz-json")):
            return self._application(environ, start_response)  # type: ignore[no-any-return]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        asked = _asked(environ, body)
        self._logins.secrets |= {
            value
            for name, value in asked.items()
            if _SECRET.search(name) and isinstance(value, str) and len(value) >= 8
        }
        answer = self._application(environ, start_response)
        if asked["operation"] not in _GIVERS:
            return answer  # type: ignore[no-any-return]
        content = b"".join(answer)
        self._keep(asked, content.decode())
        return [content]

    def _keep(self, asked: dict[str, Any], answer: str) -> None:
        given = _answered(answer)
        if "dbpassword" in given:
            place, of_user = _GIVERS[asked["operation"]](asked)
            user, password = given["dbuser"], given["dbpassword"]
            database_user = user.partition(":")[2] if of_user else user
            until = _moment(given["expiration"])
            self._logins.add(Login(place, user, password, database_user, until))


def _answered(text: str) -> dict[str, str]:
    """Return the members of an answer, of whatever protocol, by their names in small letters."""
    if text.startswith("{"):
        return {name.lower(): str(value) for name, value in json.loads(text).items()}
    return {
        element.tag.rpartition("}")[2].lower(): element.text or ""
        for element in ElementTree.fromstring(text).iter()
    }


def _asked(environ: Any, body: bytes) -> dict[str, Any]:
    """Return the parameters of a request, and its operation."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        try:
            given = json.loads(body or b"{}")
        except ValueError:
            given = {}
        return {**given, "operation": target.rpartition(".")[2]}
    given = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    return {**given, "operation": given.get("Action", "")}


def _moment(text: str) -> datetime:
    if re.fullmatch(r"[\d.]+", text):
        return datetime.fromtimestamp(float(text), UTC)
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def cluster_place(name: str) -> str:
    """Return the place that a cluster is."""
    return f"cluster {name}"


def workgroup_place(name: str) -> str:
    """Return the place that a workgroup is."""
    return f"workgroup {name}"


_GIVERS: dict[str, Callable[[dict[str, Any]], tuple[str, bool]]] = {
    "GetClusterCredentials": lambda asked: (cluster_place(asked["ClusterIdentifier"]), True),
    "GetClusterCredentialsWithIAM": lambda asked: (
        cluster_place(asked["ClusterIdentifier"]),
        False,
    ),
    "GetCredentials": lambda asked: (workgroup_place(asked.get("workgroupName", "")), False),
}
"""The operations that give out passwords: for which place, and whether for a user of the database
that is named, or for one that is paired with the caller's identity."""
