"""A server of AWS for the time of a test, with nothing in it, and accounts to use it with."""

from __future__ import annotations

import pytest
from standin.services import Services

from tests.provision import aws
from tests.provision.cases import CLUSTER, WORKGROUP, impatient


@pytest.fixture(scope="session")
def address():
    """Return the address of the server."""
    services = Services()
    yield services.address
    services.stop()


@pytest.fixture
def rig(address, monkeypatch):
    """Return what can be turned at AWS while a test runs; IAM is enforced."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    with aws.extended(looks=1) as rig, aws.enforced():
        aws.reset()
        yield rig
        aws.reset()


@pytest.fixture
def session(rig):  # noqa: ARG001 - the server
    """Return the session of a user who may do anything."""
    return aws.session_of("ann", aws.allow("*"))


@pytest.fixture
def account(session):
    """Return the account of that user, waiting without pause and without trying again."""
    return impatient(session)


@pytest.fixture(params=[WORKGROUP, CLUSTER], ids=["workgroup", "cluster"])
def warehouse(request):
    """Return the description of a warehouse, of each kind."""
    return request.param
