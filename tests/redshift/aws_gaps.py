"""What moto lacks of Redshift's APIs: logins by IAM, and reading what Serverless has."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs
from xml.sax.saxutils import escape


class Gaps:
    """A WSGI application that answers some requests itself, and hands on the others.

    ``workgroups`` are by name, each a dictionary as GetWorkgroup answers it, with ``tags`` and
    ``namespace`` beside. ``issued`` are the passwords that were given out, which hold for
    ``lifetime`` seconds; the actions in ``denied`` are refused.
    """

    def __init__(self, app) -> None:
        self.app = app
        self.workgroups: dict[str, dict] = {}
        self.issued: list[str] = []
        self.denied: set[str] = set()
        self.lifetime = 900

    def __call__(self, environ, start_response):
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if target.startswith("RedshiftServerless."):
            return self._serverless(target.split(".")[1], json.loads(body), start_response)
        if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            asked = {key: values[0] for key, values in parse_qs(body.decode()).items()}
            action = asked.get("Action", "")
            if action in self.denied:
                return self._xml(start_response, _denial(action), "403 Forbidden")
            if action == "GetClusterCredentialsWithIAM":
                return self._with_iam(asked, start_response)
        environ["wsgi.input"] = _Replayed(body)
        return self.app(environ, start_response)

    def _password(self) -> tuple[str, datetime]:
        self.issued.append(f"Temporary-{len(self.issued)}-secret")
        return self.issued[-1], datetime.now(UTC) + timedelta(seconds=self.lifetime)

    def _with_iam(self, asked, start_response):
        password, expires = self._password()
        result = (
            f"<DbUser>IAMR:loader</DbUser><DbPassword>{escape(password)}</DbPassword>"
            f"<Expiration>{expires:%Y-%m-%dT%H:%M:%SZ}</Expiration>"
        )
        name = "GetClusterCredentialsWithIAM"
        text = (
            f'<{name}Response xmlns="http://redshift.amazonaws.com/doc/2012-12-01/">'
            f"<{name}Result>{result}</{name}Result></{name}Response>"
        )
        assert asked["ClusterIdentifier"]
        return self._xml(start_response, text)

    def _serverless(self, action, asked, start_response):
        if action in self.denied:
            return self._json(start_response, {"__type": "AccessDeniedException"}, "400 Bad")
        by_arn = {each["workgroupArn"]: each for each in self.workgroups.values()}
        by_space = {each["namespaceName"]: each for each in self.workgroups.values()}
        found = (
            self.workgroups.get(asked.get("workgroupName"))
            or by_arn.get(asked.get("resourceArn"))
            or by_space.get(asked.get("namespaceName"))
        )
        if found is None:
            fault = {"__type": "ResourceNotFoundException", "message": "not found"}
            return self._json(start_response, fault, "400 Bad Request")
        if action == "GetCredentials":
            password, expires = self._password()
            answer = {
                "dbUser": "IAM:loader",
                "dbPassword": password,
                "expiration": expires.timestamp(),
            }
            return self._json(start_response, answer)
        answers = {
            "GetWorkgroup": {"workgroup": {k: v for k, v in found.items() if k != "namespace"}},
            "GetNamespace": {"namespace": found["namespace"]},
            "ListTagsForResource": {"tags": found.get("tags", [])},
        }
        return self._json(start_response, answers[action])

    def _json(self, start_response, value, status="200 OK"):
        start_response(status, [("Content-Type", "application/x-amz-json-1.1")])
        return [json.dumps(value).encode()]

    def _xml(self, start_response, text, status="200 OK"):
        start_response(status, [("Content-Type", "text/xml")])
        return [text.encode()]


class _Replayed:
    """A body that was read and is to be read again."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        taken = self._body if size < 0 else self._body[:size]
        self._body = self._body[len(taken) :]
        return taken

    def readline(self) -> bytes:
        line, newline, self._body = self._body.partition(b"\n")
        return line + newline


def _denial(action: str) -> str:
    return (
        "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
        f"<Message>User: x is not authorized to perform: redshift:{action}</Message></Error>"
        "</ErrorResponse>"
    )
