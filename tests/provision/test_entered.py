"""A warehouse from its description to its rows: made, entered by its name, loaded by its role."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest
from sqlalchemy import func, select, text

from musicbee_warehouse import SongDim, SongplayFact, connect, create_tables, load, provision
from tests.loading.s3_server import seed
from tests.provision import aws
from tests.provision.cases import impatient

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"
REGION = "us-west-2"


@pytest.fixture
def made(cloud, warehouse):  # noqa: ARG001 - the servers
    """Return the warehouse, made on the cloud, with files in its buckets."""
    files = list(EXAMPLES.rglob("*.json"))
    names = {"log_data": "logs", "song_data": "songs"}
    seed("music-work", {})
    seed(
        "music-data",
        {
            f"{names[path.relative_to(EXAMPLES).parts[0]]}/{path.name}": path.read_bytes()
            for path in files
        },
    )
    with aws.extended(), aws.enforced():
        aws.reset()
        session = boto3.session.Session(region_name=REGION)
        provision.create(warehouse, impatient(session))
        yield warehouse
        aws.reset()


def test_it_is_entered_by_a_temporary_password_and_loaded_by_its_own_role(cloud, made, request):
    engine = connect(made.name, region=REGION)
    request.addfinalizer(engine.dispose)
    create_tables(engine)
    with cloud.statements.recorded() as asked:
        load(engine, events="s3://music-data/logs", songs="s3://music-data/songs")
    with engine.connect() as connection:
        user, database = connection.execute(text("SELECT current_user, current_database()")).one()
        plays = connection.scalar(select(func.count()).select_from(SongplayFact))
        songs = connection.scalar(select(func.count()).select_from(SongDim))
        names = connection.connection.dbapi_connection._usock.getpeercert()["subjectAltName"]
    assert (user, database) == ("IAM:tester", "musicbee")
    assert plays > 100
    assert songs > 40
    assert names[0][1].startswith("bee.")
    role = "arn:aws:iam::123456789012:role/musicbee/bee-us-west-2"
    assert all(role in copy.sql for copy in asked.of("COPY"))
