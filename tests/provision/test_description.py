"""What can be described, and the documents and templates that derive from it."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cfnlint.api import lint

from musicbee_warehouse import WarehouseError, provision
from musicbee_warehouse.provision import documents
from musicbee_warehouse.provision.prices import TABLE
from tests.provision.cases import CLUSTER, WORKGROUP

PLACE = documents.Place("aws", "us-west-2", "123456789012")
IN_SUBNETS = provision.Network(("subnet-0a1b2c3d", "subnet-1a1b2c3d", "subnet-2a1b2c3d"))


@pytest.mark.parametrize(
    ("kind", "given", "sentence"),
    [
        (WORKGROUP, {"name": "Bee"}, "'Bee' can't be the name of a warehouse"),
        (WORKGROUP, {"name": "b"}, "'b' can't be the name"),
        (WORKGROUP, {"name": "bee--one"}, "'bee--one' can't be the name"),
        (WORKGROUP, {"name": "bee-"}, "'bee-' can't be the name"),
        (WORKGROUP, {"name": "b" * 41}, "can't be the name"),
        (WORKGROUP, {"data": ()}, "name at least one prefix"),
        (WORKGROUP, {"data": ("music/logs",)}, "'music/logs' is no prefix of S3"),
        (WORKGROUP, {"data": ("s3://music-data/logs/*",)}, "is no prefix of S3"),
        (WORKGROUP, {"work": "s3://Music/w"}, "'s3://Music/w' is no prefix of S3"),
        (WORKGROUP, {"work": "s3://music-data/logs/work"}, "is inside the data"),
        (WORKGROUP, {"database": "my db"}, "'my db' is no name of a database"),
        (WORKGROUP, {"owner": "<ann>"}, "'<ann>' can't be a tag"),
        (WORKGROUP, {"capacity": 5}, "there is no capacity of 5 RPU"),
        (WORKGROUP, {"capacity": 0}, "there is no capacity of 0 RPU"),
        (WORKGROUP, {"capacity": 12}, "there is no capacity of 12 RPU"),
        (WORKGROUP, {"daily_limit": 0}, "the daily limit of 0 RPU-hours is none"),
        (
            WORKGROUP,
            {"network": provision.Network(("subnet-0a1b2c3d",))},
            "Serverless needs three subnets in three zones, not 1",
        ),
        (CLUSTER, {"node_type": "dc2.large"}, "AWS makes no clusters of dc2.large any more"),
        (CLUSTER, {"node_type": "ds2.xlarge"}, "AWS makes no clusters of ds2.xlarge any more"),
        (CLUSTER, {"node_type": "large"}, "'large' is no node type"),
        (CLUSTER, {"nodes": 0}, "a cluster has 1 to 100 nodes, not 0"),
    ],
)
def test_what_aws_would_refuse_is_refused_at_once_in_a_sentence(kind, given, sentence):
    with pytest.raises(WarehouseError) as refusal:
        replace(kind, **given)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "0.0.0.0/0", "203.0.113.0/24", "home", "::1", "", "203.0.113.7/31"]
)
def test_a_warehouse_is_never_opened_to_a_network(address):
    with pytest.raises(WarehouseError, match="is not the IPv4 address of one computer"):
        provision.Network(public_from=address)


def test_an_address_may_be_written_as_a_network_of_one():
    assert provision.Network(public_from="203.0.113.7/32").rule == "203.0.113.7/32"


class _Mirror(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"203.0.113.7\n")

    def log_message(self, *_):
        pass


def test_the_own_address_is_asked_for_and_else_to_be_given():
    server = HTTPServer(("127.0.0.1", 0), _Mirror)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    service = f"http://127.0.0.1:{server.server_port}"
    assert provision.my_address(service) == "203.0.113.7"
    thread.join()
    server.server_close()
    with pytest.raises(WarehouseError, match="give it as --public-from"):
        provision.my_address(service)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90m", timedelta(minutes=90)),
        ("4h", timedelta(hours=4)),
        ("7 d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_a_time_is_written_as_people_write_it(text, meant):
    assert provision.duration(text) == meant


@pytest.mark.parametrize("text", ["", "4", "h", "0h", "-4h", "4 hours", "1.5h"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(WarehouseError, match="is no duration; write it as"):
        provision.duration(text)


def test_settings_describe_a_workgroup_or_a_cluster():
    settings = {
        "name": "bee",
        "events": "s3://music-data/logs",
        "songs": "s3://music-data/songs",
        "work": "s3://music-work/w",
    }
    assert provision.described(settings) == WORKGROUP
    assert provision.described(settings | {"node_type": "ra3.large", "owner": ""}) == CLUSTER
    assert provision.described(settings | {"ttl": "4h"}).ttl == timedelta(hours=4)


def test_settings_that_are_missing_or_do_not_fit_are_named():
    with pytest.raises(WarehouseError, match="events and work aren't said"):
        provision.described({"name": "bee", "songs": "s3://music-data/songs"})
    given = {"name": "bee", "events": "s3://music/e", "songs": "s3://music/s", "work": "s3://m-w/"}
    with pytest.raises(WarehouseError, match="a workgroup has no nodes"):
        provision.described(given | {"nodes": 2})


def test_the_role_has_no_wildcard_but_the_ends_of_its_prefixes():
    document = documents.permissions(WORKGROUP, PLACE)
    assert {statement["Sid"]: statement["Action"] for statement in document["Statement"]} == {
        "ReadData": ["s3:GetObject"],
        "UseWork": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
        "LocateBucket1": ["s3:GetBucketLocation"],
        "ListBucket1": ["s3:ListBucket"],
        "LocateBucket2": ["s3:GetBucketLocation"],
        "ListBucket2": ["s3:ListBucket"],
    }
    assert document["Statement"][0]["Resource"] == [
        "arn:aws:s3:::music-data/logs/*",
        "arn:aws:s3:::music-data/songs/*",
    ]
    assert document["Statement"][3]["Condition"] == {
        "StringLike": {"s3:prefix": ["logs/", "logs/*", "songs/", "songs/*"]}
    }


def test_the_role_of_another_partition_has_its_arns():
    china = documents.Place("aws-cn", "cn-north-1", "123456789012")
    assert "arn:aws:" not in json.dumps(documents.permissions(CLUSTER, china))
    assert "arn:aws:" not in json.dumps(documents.trust(CLUSTER, china))


@pytest.mark.parametrize("network", [provision.Network(), IN_SUBNETS], ids=["default", "subnets"])
@pytest.mark.parametrize("public_from", [None, "203.0.113.7"])
@pytest.mark.parametrize("kind", [WORKGROUP, CLUSTER, replace(CLUSTER, nodes=2)])
def test_a_template_is_valid_and_the_same_each_time(kind, network, public_from):
    network = replace(network, public_from=public_from)
    described = replace(kind, owner="ann", network=network, ttl=timedelta(hours=4))
    text = provision.template(described)
    assert [str(match) for match in lint(text)] == []
    assert provision.template(described) == text
    assert "0.0.0.0" not in text
    assert ("203.0.113.7/32" in text) == bool(public_from)


def test_a_template_makes_what_creating_makes():
    made = json.loads(provision.template(replace(CLUSTER, owner="ann")))["Resources"]
    cluster = made["Cluster"]["Properties"]
    assert cluster["ManageMasterPassword"]
    assert cluster["Encrypted"]
    assert not cluster["PubliclyAccessible"]
    assert made["ParameterGroup"]["Properties"]["Parameters"] == [
        {"ParameterName": "require_ssl", "ParameterValue": "true"}
    ]
    role = made["Role"]["Properties"]
    assert role["Policies"][0]["PolicyDocument"]["Statement"][0]["Action"] == ["s3:GetObject"]
    tags = {tag["Key"]: tag["Value"] for tag in cluster["Tags"]}
    assert tags["musicbee:work"] == "s3://music-work/w/"
    assert tags["musicbee:owner"] == "ann"


def test_the_table_of_prices_has_a_node_of_each_size_and_its_day():
    assert TABLE["ra3.large"] < TABLE["ra3.xlplus"] < TABLE["ra3.4xlarge"]
    assert TABLE["rg.large"] < TABLE["rg.xlarge"]
