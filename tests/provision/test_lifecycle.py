"""Warehouses from their plan to their end, on a server of AWS that enforces IAM."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from musicbee_warehouse import WarehouseError, provision
from tests.provision import aws
from tests.provision.cases import CLUSTER, WORKGROUP, impatient, watched

REGION = "us-west-2"


def kinds(found):
    return [each.kind for each in found]


def test_a_plan_says_what_is_to_be_made_and_what_it_costs_and_changes_nothing(account, warehouse):
    plan = provision.plan(warehouse, account)
    assert {what for *_, what in plan.steps} == {"make"}
    assert plan.summary == "4 of 4 resources are to be made"
    assert "as of 2026-11-20, AWS Price List" in plan.price.summary
    assert provision.inventory(account) == []


def test_what_is_created_can_be_used_and_what_is_deleted_is_gone(account, warehouse):
    made = provision.create(warehouse, account)
    assert made.state == "available"
    assert made.endpoint.endswith(":5439")
    assert made.owner == "ann"
    assert made.iam_role == "arn:aws:iam::123456789012:role/musicbee/bee-us-west-2"
    assert made.work == "s3://music-work/w/"
    assert made.database == "musicbee"
    assert provision.status("bee", account) == made
    assert len(provision.inventory(account)) == made.parts == 4
    removal = provision.delete("bee", account)
    assert len(removal.removed) == 4
    assert not removal.left
    assert provision.inventory(account) == []
    secrets = boto3.client("secretsmanager", **_keys(account))
    assert secrets.list_secrets()["SecretList"] == []


def test_creating_again_makes_nothing_again(account, warehouse):
    made = provision.create(warehouse, account)
    with watched(account) as calls:
        assert provision.create(warehouse, account) == made
    assert provision.plan(warehouse, account).summary == "bee is there; nothing is to be made"
    changing = ("Create", "Put", "Modify", "Update", "Delete", "Authorize", "Tag")
    assert [call for call in calls if call.startswith(changing)] == []


def test_the_tags_that_connecting_reads_are_on_cluster_workgroup_and_namespace(account, warehouse):
    provision.create(replace(warehouse, ttl=timedelta(hours=4)), account)
    costly = [each for each in provision.inventory(account) if each.kind[0] in "cwn"]
    assert costly
    for found in costly:
        tags = dict(found.tags)
        created = datetime.fromisoformat(tags.pop("musicbee:created"))
        assert datetime.fromisoformat(tags.pop("musicbee:expires")) - created == timedelta(hours=4)
        assert tags == {
            "musicbee:project": "musicbee",
            "musicbee:warehouse": "bee",
            "musicbee:owner": "ann",
            "musicbee:iam-role": "arn:aws:iam::123456789012:role/musicbee/bee-us-west-2",
            "musicbee:work": "s3://music-work/w/",
        }


def test_a_cluster_is_encrypted_private_and_takes_only_tls(account):
    provision.create(CLUSTER, account)
    cluster = account.redshift.describe_clusters(ClusterIdentifier="bee")["Clusters"][0]
    assert cluster["Encrypted"]
    assert not cluster["PubliclyAccessible"]
    assert cluster["MasterPasswordSecretArn"].startswith("arn:aws:secretsmanager")
    assert cluster["DefaultIamRoleArn"] == cluster["IamRoles"][0]["IamRoleArn"]
    group = cluster["ClusterParameterGroups"][0]["ParameterGroupName"]
    parameters = account.redshift.describe_cluster_parameters(
        ParameterGroupName=group, Source="user"
    )["Parameters"]
    assert [(each["ParameterName"], each["ParameterValue"]) for each in parameters] == [
        ("require_ssl", "true")
    ]


def test_a_workgroup_is_private_takes_only_tls_and_refuses_when_its_day_is_used_up(account):
    provision.create(replace(WORKGROUP, daily_limit=5), account)
    workgroup = account.serverless.get_workgroup(workgroupName="bee")["workgroup"]
    namespace = account.serverless.get_namespace(namespaceName="bee")["namespace"]
    assert not workgroup["publiclyAccessible"]
    assert {"parameterKey": "require_ssl", "parameterValue": "true"} in workgroup[
        "configParameters"
    ]
    assert namespace["adminPasswordSecretArn"].startswith("arn:aws:secretsmanager")
    (limit,) = account.serverless.list_usage_limits()["usageLimits"]
    assert (limit["amount"], limit["period"], limit["breachAction"]) == (5, "daily", "deactivate")


def test_where_four_rpu_are_not_offered_eight_are_taken(account, rig, monkeypatch):
    monkeypatch.setattr(rig, "capacities", tuple(range(8, 513, 8)))
    assert provision.create(WORKGROUP, account).size == "8 RPU"


def test_a_capacity_that_was_chosen_is_not_changed(account, rig, monkeypatch):
    monkeypatch.setattr(rig, "capacities", (8,))
    with pytest.raises(WarehouseError, match="Base capacity 16 is not available"):
        provision.create(replace(WORKGROUP, capacity=16), account)


def test_only_members_of_the_group_connect_unless_an_address_is_let_in(account, warehouse):
    provision.create(warehouse, account)
    (group,) = _groups(account)
    (rule,) = group["IpPermissions"]
    assert (rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) == (5439, 5439, "tcp")
    assert rule["UserIdGroupPairs"][0]["GroupId"] == group["GroupId"]
    assert rule["IpRanges"] == []
    provision.delete("bee", account)
    open_one = replace(warehouse, network=provision.Network(public_from="203.0.113.7"))
    provision.create(open_one, account)
    (group,) = _groups(account)
    ranges = [each["CidrIp"] for rule in group["IpPermissions"] for each in rule["IpRanges"]]
    assert ranges == ["203.0.113.7/32"]


def test_a_warehouse_can_be_in_subnets_of_its_own(account, warehouse):
    subnets = account.ec2.describe_subnets()["Subnets"]
    network = provision.Network(tuple(subnet["SubnetId"] for subnet in subnets[:3]))
    provision.create(replace(warehouse, network=network), account)
    if warehouse is CLUSTER:
        cluster = account.redshift.describe_clusters()["Clusters"][0]
        assert cluster["ClusterSubnetGroupName"] == "musicbee-bee"
    else:
        workgroup = account.serverless.get_workgroup(workgroupName="bee")["workgroup"]
        assert workgroup["subnetIds"] == list(network.subnets)
    provision.delete("bee", account)
    assert provision.inventory(account) == []
    assert account.redshift.describe_cluster_subnet_groups()["ClusterSubnetGroups"] == []


def test_a_cluster_is_paused_and_resumed(account):
    provision.create(CLUSTER, account)
    assert provision.pause("bee", account).state == "paused"
    assert provision.pause("bee", account).state == "paused"
    assert provision.create(CLUSTER, account).state == "paused"
    assert provision.resume("bee", account).state == "available"
    assert provision.resume("bee", account).state == "available"


def test_a_paused_cluster_can_be_deleted(account):
    provision.create(CLUSTER, account)
    provision.pause("bee", account)
    provision.delete("bee", account)
    assert provision.inventory(account) == []


def test_a_workgroup_needs_no_pause(account):
    provision.create(WORKGROUP, account)
    assert provision.pause("bee", account).state == "available"
    assert provision.resume("bee", account).state == "available"


def test_pausing_what_is_not_there_says_so(account):
    with pytest.raises(WarehouseError, match="there is no warehouse bee in us-west-2"):
        provision.pause("bee", account)


def test_a_final_snapshot_is_kept_and_named(account, warehouse):
    provision.create(warehouse, account)
    assert provision.delete("bee", account, final_snapshot="bee-last").kept == ("bee-last",)
    assert provision.inventory(account) == []
    provision.create(warehouse, account)
    with pytest.raises(WarehouseError, match="there is a snapshot bee-last already"):
        provision.delete("bee", account, final_snapshot="bee-last")
    assert provision.status("bee", account).state == "available"


def test_what_is_to_be_removed_is_told_before_it_is(account, warehouse):
    provision.create(warehouse, account)
    before = provision.inventory(account)
    removal = provision.removal("bee", account)
    assert sorted(kinds(removal.removed)) == sorted(kinds(before))
    assert provision.inventory(account) == before


def test_deleting_what_is_not_there_says_so(account):
    with pytest.raises(WarehouseError, match="there is no warehouse bee in us-west-2"):
        provision.delete("bee", account)


def test_nothing_of_another_owner_is_touched(account, warehouse):
    theirs = impatient(aws.session_of("bob", aws.allow("*")))
    provision.create(warehouse, theirs)
    before = _everything(account)
    for verb in (
        lambda: provision.create(warehouse, account),
        lambda: provision.plan(warehouse, account),
        lambda: provision.delete("bee", account),
        lambda: provision.removal("bee", account),
    ):
        with pytest.raises(WarehouseError, match="belongs to bob"):
            verb()
    if warehouse is CLUSTER:
        with pytest.raises(WarehouseError, match="is bob's, not ann's"):
            provision.pause("bee", account)
    assert _everything(account) == before
    provision.delete("bee", theirs)


def test_what_has_no_tag_of_ours_is_not_touched(account, warehouse):
    account.iam.create_role(
        RoleName="bee-us-west-2", Path="/musicbee/", AssumeRolePolicyDocument="{}"
    )
    with pytest.raises(WarehouseError, match="IAM role bee-us-west-2 has no tag of ours"):
        provision.create(warehouse, account)
    with pytest.raises(WarehouseError, match="nothing of bee is ann's"):
        provision.delete("bee", account)
    account.iam.delete_role(RoleName="bee-us-west-2")
    provision.create(warehouse, account)
    account.iam.untag_role(RoleName="bee-us-west-2", TagKeys=["musicbee:owner"])
    removal = provision.delete("bee", account)
    assert kinds(removal.left) == ["IAM role"]
    account.iam.get_role(RoleName="bee-us-west-2")


def test_a_name_that_a_cluster_of_somebody_has_is_refused(account):
    account.redshift.create_cluster(
        ClusterIdentifier="bee",
        NodeType="ra3.large",
        ClusterType="single-node",
        MasterUsername="admin",
        ManageMasterPassword=True,
    )
    with pytest.raises(WarehouseError, match="cluster bee has no tag of ours"):
        provision.create(CLUSTER, account)
    with pytest.raises(WarehouseError, match="nothing of bee is ann's"):
        provision.delete("bee", account)
    assert account.redshift.describe_clusters()["Clusters"]
    assert provision.inventory(account) == []


def test_a_name_is_of_a_cluster_or_of_a_workgroup(account, warehouse):
    other = WORKGROUP if warehouse is CLUSTER else CLUSTER
    provision.create(warehouse, account)
    before = _everything(account)
    with pytest.raises(WarehouseError, match=r"the name is taken: there is a (cluster|workgroup)"):
        provision.create(other, account)
    assert _everything(account) == before


@pytest.mark.parametrize(
    ("made", "wanted", "said"),
    [
        (CLUSTER, {"node_type": "rg.large"}, "nodes of ra3.large instead of rg.large"),
        (CLUSTER, {"nodes": 2}, "so many nodes: 1 instead of 2"),
        (WORKGROUP, {"capacity": 16}, "a capacity of 4 instead of 16"),
        (
            WORKGROUP,
            {"network": provision.Network(public_from="203.0.113.7")},
            "public access: False instead of True",
        ),
    ],
)
def test_what_is_there_is_not_changed_in_passing(account, made, wanted, said):
    provision.create(made, account)
    before = _everything(account)
    for verb in (provision.plan, provision.create):
        with pytest.raises(WarehouseError, match=said):
            verb(replace(made, **wanted), account)
    assert _everything(account) == before


def test_warehouses_are_listed_and_told_apart(account):
    provision.create(CLUSTER, account)
    provision.create(replace(WORKGROUP, name="wasp", ttl=timedelta(hours=4)), account)
    listed = provision.warehouses(account)
    assert [(each.name, each.kind, each.size) for each in listed] == [
        ("bee", "cluster", "1 x ra3.large"),
        ("wasp", "workgroup", "4 RPU"),
    ]


def test_what_is_left_of_a_warehouse_is_listed_and_can_be_deleted(account, warehouse):
    provision.create(warehouse, account)
    account.iam.delete_role_policy(RoleName="bee-us-west-2", PolicyName="warehouse-files")
    if warehouse is CLUSTER:
        account.redshift.delete_cluster(ClusterIdentifier="bee", SkipFinalClusterSnapshot=True)
    else:
        account.serverless.delete_workgroup(workgroupName="bee")
    for _ in range(3):
        provision.inventory(account)
        provision.removal("bee", account)
    (left,) = provision.warehouses(account)
    assert (left.kind, left.state) == ("remains", "incomplete")
    provision.delete("bee", account)
    assert provision.warehouses(account) == []


def test_a_warehouse_expires_when_its_time_is_over_and_not_before(account, warehouse):
    provision.create(replace(warehouse, ttl=timedelta(hours=4)), account)
    assert not provision.status("bee", account).is_expired
    assert list(provision.expired(account)) == []
    later = replace(account, now=lambda: datetime.now(UTC) + timedelta(hours=5))
    assert provision.status("bee", later).is_expired
    assert list(provision.expired(later)) == ["bee"]
    bob = impatient(aws.session_of("bob", aws.allow("*")))
    assert list(provision.expired(replace(bob, now=later.now))) == []


def test_creating_again_counts_the_time_anew(account, warehouse):
    provision.create(replace(warehouse, ttl=timedelta(hours=4)), account)
    later = replace(account, now=lambda: datetime.now(UTC) + timedelta(hours=3))
    provision.create(replace(warehouse, ttl=timedelta(hours=4)), later)
    much_later = replace(account, now=lambda: datetime.now(UTC) + timedelta(hours=5))
    assert list(provision.expired(much_later)) == []


def test_a_warehouse_without_a_time_never_expires(account, warehouse):
    provision.create(warehouse, account)
    later = replace(account, now=lambda: datetime(2126, 1, 1, tzinfo=UTC))
    assert list(provision.expired(later)) == []


def test_the_role_reads_the_data_and_the_work_and_nothing_else(account, warehouse):
    everything = boto3.client("s3", **_keys(account))
    for bucket in ("music-data", "music-work"):
        everything.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    files = [
        ("music-data", "logs/2018/a.json"),
        ("music-data", "songs/a.json"),
        ("music-data", "logs-private/a.json"),
        ("music-data", "payroll.json"),
        ("music-work", "w/manifest"),
        ("music-work", "other/manifest"),
    ]
    for bucket, key in files:
        everything.put_object(Bucket=bucket, Key=key, Body=b"{}")
    provision.create(warehouse, account)
    role = boto3.client("s3", region_name=REGION, **_assumed(account, warehouse))

    def may(call, **what):
        try:
            call(**what)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True

    read = {
        f"{bucket}/{key}": may(role.get_object, Bucket=bucket, Key=key) for bucket, key in files
    }
    assert read == {
        "music-data/logs/2018/a.json": True,
        "music-data/songs/a.json": True,
        "music-data/logs-private/a.json": False,
        "music-data/payroll.json": False,
        "music-work/w/manifest": True,
        "music-work/other/manifest": False,
    }
    write = {bucket: may(role.put_object, Bucket=bucket, Key=key) for bucket, key in files}
    assert write == {"music-data": False, "music-work": False}
    assert may(role.put_object, Bucket="music-work", Key="w/new")
    assert may(role.delete_object, Bucket="music-work", Key="w/new")
    assert not may(role.delete_object, Bucket="music-data", Key="logs/2018/a.json")
    assert may(role.list_objects_v2, Bucket="music-data", Prefix="logs/")
    assert not may(role.list_objects_v2, Bucket="music-data", Prefix="")
    assert not may(role.list_objects_v2, Bucket="music-data", Prefix="payroll")
    assert not may(role.create_bucket, Bucket="music-more")
    for bucket in ("music-data", "music-work"):
        boto3.resource("s3", **_keys(account)).Bucket(bucket).objects.delete()
        everything.delete_bucket(Bucket=bucket)


def test_only_redshift_for_this_warehouse_assumes_the_role(account, warehouse):
    provision.create(warehouse, account)
    arn = provision.status("bee", account).iam_role
    _assumed(account, warehouse)
    ours = _source(account, warehouse)
    service = "redshift.amazonaws.com"
    for others in (
        {"service": "ec2.amazonaws.com", "source_arn": ours},
        {"service": service, "source_arn": ours.replace("us-west-2", "eu-west-1")},
        {"service": service, "source_arn": ours.replace("123456789012", "999999999999")},
        {"service": service, "source_arn": ours, "account": "999999999999"},
        {"service": service, "source_arn": "arn:aws:redshift:us-west-2:123456789012:cluster:wasp"},
    ):
        with pytest.raises(PermissionError):
            aws.assume_as_service(arn, **others)
    sts = boto3.client("sts", **_keys(account))
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=arn, RoleSessionName="ann")


def test_no_secret_is_shown_or_written(account, warehouse, caplog, capfd):
    secret = account.iam._request_signer._credentials.secret_key
    shown = [account, provision.plan(warehouse, account), provision.create(warehouse, account)]
    passwords = [
        cluster.master_user_password
        for cluster in aws.redshift_backends[aws.ACCOUNT][REGION].clusters.values()
    ]
    passwords += [
        namespace["_password"]
        for namespace in aws.serverless_backends[aws.ACCOUNT][REGION].namespaces.values()
    ]
    assert passwords
    shown += [provision.inventory(account), provision.removal("bee", account)]
    shown += [provision.delete("bee", account), provision.template(warehouse)]
    text = repr(shown) + caplog.text + "".join(capfd.readouterr())
    assert not any(each in text for each in (secret, *passwords))
    assert "MasterUserPassword" not in provision.template(warehouse)


def _keys(account):
    credentials = account.iam._request_signer._credentials
    return {
        "aws_access_key_id": credentials.access_key,
        "aws_secret_access_key": credentials.secret_key,
        "region_name": account.place.region,
    }


def _source(account, warehouse):
    if warehouse is CLUSTER:
        return "arn:aws:redshift:us-west-2:123456789012:cluster:bee"
    return account.serverless.get_workgroup(workgroupName="bee")["workgroup"]["workgroupArn"]


def _assumed(account, warehouse):
    """Return the credentials that Redshift gets for the warehouse's role."""
    arn = provision.status("bee", account).iam_role
    service = "redshift.amazonaws.com"
    return aws.assume_as_service(arn, service=service, source_arn=_source(account, warehouse))


def _groups(account):
    groups = account.ec2.describe_security_groups()["SecurityGroups"]
    return [group for group in groups if group["GroupName"] == "musicbee-bee"]


def _everything(account):
    """Return all that AWS says of warehouses, to be compared."""
    answers = [
        account.redshift.describe_clusters()["Clusters"],
        account.redshift.describe_cluster_parameter_groups()["ParameterGroups"],
        account.serverless.list_workgroups()["workgroups"],
        account.serverless.list_namespaces()["namespaces"],
        account.serverless.list_usage_limits()["usageLimits"],
        _groups(account),
        account.iam.list_roles(PathPrefix="/musicbee/")["Roles"],
    ]
    return json.dumps(answers, default=str)
