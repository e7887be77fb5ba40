"""What AWS refuses is said in one sentence that tells what to do."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from musicbee_warehouse import WarehouseError, provision
from tests.provision import aws
from tests.provision.cases import CLUSTER, WORKGROUP, impatient, watched


def sentence(verb):
    with pytest.raises(WarehouseError) as refusal:
        verb()
    text = str(refusal.value)
    assert "\n" not in text
    assert "Traceback" not in text
    assert len(text) < 400
    return text


def actions(account, verb):
    """Return the actions of IAM that a verb takes."""
    with watched(account) as calls:
        verb()
    services = {
        operation: client.meta.service_model.signing_name
        for client in (account.iam, account.ec2, account.redshift, account.serverless)
        for operation in client.meta.service_model.operation_names
        if operation in calls
    }
    return {f"{services[call]}:{call}" for call in calls}


def test_each_permission_that_is_missing_is_named_with_the_statement_to_add(account, warehouse):
    nothing = aws.saved()
    creating = actions(account, lambda: provision.create(warehouse, account)) | {"iam:PassRole"}
    complete = aws.saved()
    deleting = actions(account, lambda: provision.delete("bee", account))
    needed = creating | deleting
    assert len(needed) > 15
    cat = impatient(aws.session_of("cat", aws.allow(*needed)))
    mine = replace(warehouse, owner="ann")
    verbs = {
        **dict.fromkeys(deleting, (complete, lambda: provision.delete("bee", cat, owner="ann"))),
        **dict.fromkeys(creating, (nothing, lambda: provision.create(mine, cat))),
    }
    for missing, (state, verb) in verbs.items():
        aws.restore(state)
        aws.session_of("cat", aws.allow(*(needed - {missing})))
        text = sentence(verb)
        assert text.startswith(f"you may not {missing}; add to your policy: "), text
        statement = json.loads(text.partition("policy: ")[2])
        assert (statement["Effect"], statement["Action"]) == ("Allow", missing)
    aws.session_of("cat", aws.allow(*needed))
    aws.restore(nothing)
    provision.create(mine, cat)
    provision.delete("bee", cat, owner="ann")
    assert provision.inventory(account) == []


def test_prices_come_from_the_table_if_they_may_not_be_asked_for(account):
    dan = impatient(aws.session_of("dan", aws.allow("iam:*", "ec2:*", "redshift:*")))
    price = provision.price(CLUSTER, dan)
    assert price.hour == 0.543
    assert "as of 2026-10-05" in price.summary
    assert "for us-east-1; us-west-2 may differ" in price.summary
    assert "as of 2026-11-20, AWS Price List" in provision.price(CLUSTER, account).summary


def test_a_reserved_price_is_not_taken_for_that_on_demand(account):
    assert provision.price(WORKGROUP, account).hour == pytest.approx(4 * 0.36)


def test_a_price_that_nobody_knows_is_not_made_up(account):
    price = provision.price(replace(CLUSTER, node_type="rx.large"), account)
    assert price.hour is None
    assert "isn't known" in price.summary


def test_a_region_that_is_not_there_is_named_with_one_that_is(session):
    wrong = boto3.session.Session(region_name="us-wset-2")
    assert sentence(lambda: provision.account(wrong)) == (
        "Redshift has no region 'us-wset-2'; do you mean us-west-2?"
    )
    assert session


def test_no_region_is_said(monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "nowhere")
    assert "no region is set" in sentence(provision.account)


@pytest.mark.usefixtures("rig")
def test_wrong_credentials_are_said():
    stranger = boto3.session.Session(
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="wrong",
        region_name="us-west-2",
    )
    text = sentence(lambda: provision.account(stranger))
    assert "the AWS credentials aren't accepted" in text
    assert "wrong" not in text


def test_a_node_type_that_the_region_lacks_is_said_before_anything_is_made(
    account, rig, monkeypatch
):
    monkeypatch.setattr(rig, "node_types", ["ra3.large", "ra3.xlplus"])
    wanted = replace(CLUSTER, node_type="rg.large")
    for verb in (provision.plan, provision.create):
        assert sentence(lambda verb=verb: verb(wanted, account)) == (
            "us-west-2 offers no nodes of rg.large; it offers ra3.large, ra3.xlplus"
        )
    assert provision.inventory(account) == []


def test_a_quota_that_is_used_up_is_said(account, rig, monkeypatch):
    monkeypatch.setattr(rig, "clusters_quota", 0)
    text = sentence(lambda: provision.create(CLUSTER, account))
    assert re.match("a quota of the account in us-west-2 is used up .*ClusterQuotaExceeded", text)
    monkeypatch.setattr(rig, "clusters_quota", 1)
    assert provision.create(CLUSTER, account).state == "available"


def test_a_subnet_that_is_not_there_is_said(account, warehouse):
    lost = ("subnet-0a1b2c3d", "subnet-1a1b2c3d", "subnet-2a1b2c3d")
    wanted = replace(warehouse, network=provision.Network(lost))
    text = sentence(lambda: provision.create(wanted, account))
    assert "subnet" in text
    assert "check --subnet and the region" in text


def test_subnets_of_several_networks_are_said(account):
    vpc = account.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    other = account.ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    first = next(
        subnet["SubnetId"]
        for subnet in account.ec2.describe_subnets()["Subnets"]
        if subnet["VpcId"] != vpc
    )
    wanted = replace(CLUSTER, network=provision.Network((first, other)))
    text = sentence(lambda: provision.create(wanted, account))
    assert text.startswith("the subnets are of 2 VPCs")
    account.ec2.delete_subnet(SubnetId=other)
    account.ec2.delete_vpc(VpcId=vpc)


def test_a_server_that_cannot_be_reached_is_said(account):
    def unreachable(**_):
        raise EndpointConnectionError(endpoint_url="https://redshift.us-west-2.amazonaws.com")

    account.iam.meta.events.register("before-send", unreachable)
    try:
        text = sentence(lambda: provision.plan(CLUSTER, account))
    finally:
        account.iam.meta.events.unregister("before-send", unreachable)
    assert "AWS can't be reached in us-west-2" in text
    assert "nothing is lost, run again" in text


def test_a_cluster_that_takes_too_long_is_said_and_completed_later(account, rig, monkeypatch):
    monkeypatch.setattr(rig, "looks", 12)
    text = sentence(lambda: provision.create(CLUSTER, account))
    assert text.startswith("bee takes longer than expected: it is creating")
    assert provision.create(CLUSTER, account).state == "available"


def test_a_security_group_that_is_in_use_a_while_is_waited_for(account):
    provision.create(CLUSTER, account)
    (group,) = [each for each in provision.inventory(account) if each.kind == "security group"]
    patient = replace(account, sleep=lambda _: account.redshift.describe_clusters())
    stranger = {
        "ClusterIdentifier": "stranger",
        "NodeType": "ra3.large",
        "ClusterType": "single-node",
        "MasterUsername": "admin",
        "ManageMasterPassword": True,
        "VpcSecurityGroupIds": [group.id],
    }
    account.redshift.create_cluster(**stranger)
    text = sentence(lambda: provision.delete("bee", patient))
    assert "has a dependent object" in text
    account.redshift.delete_cluster(ClusterIdentifier="stranger", SkipFinalClusterSnapshot=True)
    provision.delete("bee", patient)
    assert provision.inventory(account) == []
