"""Connecting to Redshift: what is found out before, set after, and said when it fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import Dialect, ExceptionContext
from sqlalchemy.exc import ArgumentError

from musicbee_warehouse._version import __version__
from musicbee_warehouse.redshift import places
from musicbee_warehouse.redshift.arguments import DRIVER
from musicbee_warehouse.redshift.aws import Aws
from musicbee_warehouse.redshift.failures import explain_connecting, is_lost
from musicbee_warehouse.redshift.places import Place, Wanted

IAM_ROLE, WORK = "musicbee_iam_role", "musicbee_work"
"""The engine's execution options that tell a load its role and its work prefix."""

_CONNECT_SECONDS = 30
_CONNECT_ARGS: Mapping[str, Any] = {
    "ssl": True,
    "sslmode": "verify-full",
    "application_name": f"musicbee-warehouse {__version__}",
    "timeout": _CONNECT_SECONDS,
    # Routers forget connections that are silent for some minutes, as during a long COPY:
    # https://github.com/aws/amazon-redshift-python-driver/issues/164
    "tcp_keepalive": True,
    "tcp_keepalive_idle": 60,
    "tcp_keepalive_interval": 10,
    "tcp_keepalive_count": 6,
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a connection to Redshift may be told, in the query of its URL or by keyword.

    Attributes:
        cluster: the name of a provisioned cluster, to find its host.
        workgroup: the name of a workgroup of Redshift Serverless, likewise.
        database: by default that which the cluster was made with.
        user: whom to log in as; by default the user that IAM pairs with the caller's identity.
        secret: the name or ARN of a secret of AWS Secrets Manager with user and password.
        region: of AWS; by default as the environment or the profile says (``AWS_PROFILE``).
        schema: where the tables are, the first of the search path; by default ``public``.
        statement_timeout: seconds after which a statement is stopped; by default the database's.
        iam_role: the ARN of the role by which Redshift reads and writes the bucket, or ``default``.
        work: an ``s3://bucket/prefix/`` for what a load writes for COPY to read.
    """

    cluster: str | None = None
    workgroup: str | None = None
    database: str | None = None
    user: str | None = None
    secret: str | None = None
    region: str | None = None
    schema: str | None = None
    statement_timeout: float | None = None
    iam_role: str | None = None
    work: str | None = None

    @classmethod
    def taken(cls, url: URL, options: dict[str, Any]) -> tuple[Settings, URL]:
        """Take the settings out of a URL's query and of keyword arguments, which go first."""
        names = [field.name for field in fields(cls)]
        found: dict[str, Any] = {name: url.query[name] for name in names if name in url.query}
        found |= {"user": url.username, "database": url.database}
        found |= {name: options.pop(name) for name in names if name in options}
        if seconds := found.get("statement_timeout"):
            found["statement_timeout"] = _seconds(seconds)
        given = {name: value for name, value in found.items() if value not in (None, "")}
        return cls(**given), url.difference_update_query(names)


def by_url(url: URL, options: dict[str, Any]) -> Engine:
    """Return an engine for a URL, which names a host or else a cluster or a workgroup.

    Raises:
        sqlalchemy.exc.ArgumentError: if it names none.
        WarehouseError: if AWS doesn't know the name.
    """
    settings, url = Settings.taken(url, options)
    return _engine(_place(url, settings), settings, {**url.query}, options)


def by_name(name: str, options: dict[str, Any]) -> Engine:
    """Return an engine for the cluster of a name or, if there is none, the workgroup.

    Raises:
        WarehouseError: if there is neither, or it can't be connected to now.
    """
    settings, _ = Settings.taken(URL.create(DRIVER), options)
    return _engine(places.by_name(name, _wanted(settings)), settings, {}, options)


def _engine(
    place: Place, settings: Settings, query: dict[str, Any], options: dict[str, Any]
) -> Engine:
    found = {
        IAM_ROLE: settings.iam_role or place.tags.get("iam-role"),
        WORK: settings.work or place.tags.get("work"),
    }
    told = {name: value for name, value in found.items() if value}
    engine = create_engine(
        # Without the password: what a URL holds is shown sooner or later.
        URL.create(
            DRIVER,
            username=settings.user,
            host=place.host,
            port=place.port,
            database=place.database,
        ),
        connect_args={**_CONNECT_ARGS, **query, **options.pop("connect_args", {})},
        execution_options={**told, **options.pop("execution_options", {})},
        **options,
    )
    _log_in(engine, place)
    _set_up(engine, settings)
    event.listen(engine, "handle_error", _note_a_lost_connection)
    return engine


def _log_in(engine: Engine, place: Place) -> None:
    """Ask for user and password as each connection is opened."""

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Dialect, _: Any, arguments: Any, parameters: dict[str, Any]) -> Any:
        login = place.login()
        try:
            return dialect.connect(
                *arguments, **{**parameters, "user": login.user, "password": login.password}
            )
        except Exception as error:
            sentence = explain_connecting(error, place.host, place.port, login.user)
            if sentence is None:
                raise
            raise sentence from None


def _set_up(engine: Engine, settings: Settings) -> None:
    """Set what a session is to keep; each costs a statement a connection, so none by default."""
    statements = []
    if settings.schema:
        schema = engine.dialect.identifier_preparer.quote_identifier(settings.schema)
        statements.append(f"SET search_path TO {schema}")
    if settings.statement_timeout:
        statements.append(f"SET statement_timeout TO {round(settings.statement_timeout * 1000)}")

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        # The driver's timeout is for connecting; a COPY may be silent for hours.
        connection._usock.settimeout(None)
        connection.autocommit = True  # a SET that is rolled back is undone
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.autocommit = False


def _note_a_lost_connection(context: ExceptionContext) -> None:
    """Let SQLAlchemy drop a connection that is gone, which the dialect can't tell."""
    if is_lost(context.original_exception):
        context.is_disconnect = True


def _seconds(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        raise ArgumentError(f"statement_timeout is {value!r}; give seconds, such as 600") from None


def _wanted(settings: Settings) -> Wanted:
    return Wanted(Aws(settings.region), settings.database, settings.user, settings.secret)


def _place(url: URL, settings: Settings) -> Place:
    wanted = _wanted(settings)
    if url.host:
        password = str(url.password) if url.password else None
        return places.at_host(url.host, url.port, password, wanted)
    if settings.cluster and settings.workgroup:
        raise ArgumentError("the URL names both a cluster and a workgroup; name one")
    if settings.cluster:
        return places.cluster(settings.cluster, wanted)
    if settings.workgroup:
        return places.workgroup(settings.workgroup, wanted)
    raise ArgumentError(
        "the URL names no host; write redshift://user@host:5439/database, or give the name of a "
        "cluster or workgroup instead"
    )
