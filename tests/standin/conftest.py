"""The tests of the stand-in itself."""

from __future__ import annotations

import contextlib

import pytest
import redshift_connector
from sqlalchemy import make_url


@pytest.fixture(autouse=True)
def _of_stand_in(request):
    """Mark what these tests send: it isn't the package's, and need not be to sqlfluff's taste."""
    if "cloud" not in request.fixturenames:
        yield
        return
    statements = request.getfixturevalue("cloud").statements
    statements.of_stand_in = True
    yield
    statements.of_stand_in = False


@pytest.fixture
def driver(redshift_url):
    """Return a function that opens connections of the driver, with any of its options."""
    url = make_url(redshift_url)
    opened = []

    def connect(**options):
        given = {
            "host": url.host,
            "port": url.port,
            "user": url.username,
            "password": url.password,
            "database": url.database,
        }
        opened.append(redshift_connector.connect(**given | options))
        return opened[-1]

    yield connect
    for connection in opened:
        with contextlib.suppress(Exception):
            connection.close()


@pytest.fixture
def connection(driver):
    """Return a connection of the driver."""
    return driver()


@pytest.fixture
def run(connection):
    """Return a function that runs SQL and returns the rows; a transaction is open from the first.

    ``run.alone`` runs SQL outside of a transaction.
    """
    cursor = connection.cursor()

    def run(sql, *parameters):
        cursor.execute(sql, parameters or None)
        return [tuple(row) for row in cursor.fetchall()] if cursor.ps["row_desc"] else []

    def alone(sql):
        connection.commit()
        connection.autocommit = True
        try:
            return run(sql)
        finally:
            connection.autocommit = False

    run.alone = alone
    return run


@pytest.fixture
def put(cloud, bucket):
    """Return a function that puts an object into the bucket and returns its address."""

    def put(key, body):
        body = body if isinstance(body, bytes) else body.encode()
        cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        return f"s3://{bucket}/{key}"

    return put
