"""What a test is given: a cloud, a bucket, an empty database, and one with tables."""

from __future__ import annotations

import json
import os
import time

import boto3
from sqlalchemy import MetaData, inspect, select, text

from musicbee_warehouse import Base, Copy, SongDim, StagingSong, connect, star


def test_the_environment_leads_a_client_of_boto3_to_the_cloud(cloud, bucket):
    client = boto3.session.Session().client("s3")
    client.put_object(Bucket=bucket, Key="a", Body=b"1")
    assert cloud.client("s3").get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"
    client.close()


def test_buckets_and_databases_are_fresh(cloud, bucket, redshift_url):
    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=bucket)
    engine = connect(redshift_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_fresh_database_takes_less_than_a_tenth_of_a_second(cloud):
    took = []
    for _ in range(5):
        start = time.perf_counter()
        database = cloud.new_database()
        took.append(time.perf_counter() - start)
        cloud.databases.drop(database)
    assert min(took) < 0.1


def test_redshift_has_the_tables_with_keys_and_layout(redshift):
    metadata = MetaData()
    metadata.reflect(redshift)
    assert set(metadata.tables) >= {table.name for table in Base.metadata.sorted_tables}
    fact = metadata.tables["songplay_fact"]
    assert fact.dialect_options["redshift"]["distkey"] == "user_id"
    assert fact.dialect_options["redshift"]["sortkey"] == ("start_time",)
    assert [column.name for column in fact.primary_key] == ["songplay_id"]
    columns = {column["name"]: column for column in inspect(redshift).get_columns("songplay_fact")}
    assert columns["level"]["info"] == {"encode": "zstd"}


def test_a_song_travels_from_the_bucket_to_its_dimension(cloud, bucket, redshift):
    song = {"song_id": "S1", "artist_id": "A1", "title": "Sí", "artist_name": "x", "year": 1999}
    body = json.dumps(song)
    cloud.client("s3").put_object(Bucket=bucket, Key="songs/a.json", Body=body)
    with cloud.statements.recorded() as asked, redshift.begin() as connection:
        connection.execute(Copy(StagingSong, f"s3://{bucket}/songs", iam_role=cloud.role))
        assert connection.scalar(text("SELECT pg_last_copy_count()")) == 1
        star.songs.run(connection)
        songs = connection.execute(select(SongDim.song_id, SongDim.title, SongDim.year)).all()
    assert songs == [("S1", "Sí", 1999)]
    assert asked.work().of("COPY", "INSERT", "SELECT").connections == asked.connections
    assert [statement.verb for statement in asked.work()] == [
        "COPY",
        "SELECT",
        "DELETE",
        "INSERT",
        "SELECT",
    ]


def test_the_role_comes_back_if_moto_was_made_to_forget_it(cloud):
    iam = cloud.client("iam")
    iam.delete_role_policy(RoleName="musicbee-copy", PolicyName="inline")
    iam.delete_role(RoleName="musicbee-copy")
    before = cloud.role
    cloud.renew()
    assert cloud.role == before
    assert iam.get_role(RoleName="musicbee-copy")["Role"]["Arn"] == before


def test_nothing_listens_but_on_this_machine(cloud):
    assert cloud.services.address.startswith("http://127.0.0.1:")
    assert cloud.front.address[0] == "127.0.0.1"
    assert os.environ["AWS_ENDPOINT_URL"] == cloud.services.address
    admin = cloud.postgres.admin()
    assert admin.query("SHOW listen_addresses") == [["127.0.0.1"]]
    assert admin.query("SHOW unix_socket_directories") == [[""]]
    admin.close()
