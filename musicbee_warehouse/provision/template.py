"""The same warehouse as a template of CloudFormation, for those who deploy with it."""

from __future__ import annotations

import json
from functools import singledispatch
from typing import Any

from musicbee_warehouse.provision import documents
from musicbee_warehouse.provision.description import PORT, Cluster, Warehouse, Workgroup
from musicbee_warehouse.provision.documents import POLICY, ROLE_PATH, Place, tag_list
from musicbee_warehouse.provision.provisioned import FAMILY, PARAMETERS, settings_of
from musicbee_warehouse.provision.serverless import namespace_of, workgroup_of

ANYWHERE = Place("${AWS::Partition}", "${AWS::Region}", "${AWS::AccountId}")
"""The place of a template: CloudFormation knows it when it deploys."""

_Resources = dict[str, dict[str, Any]]


def template(warehouse: Warehouse) -> str:
    """Return a template that makes the same resources, as JSON; no connection is needed.

    CloudFormation has no usage limit of Serverless, so a workgroup of a template has none; its
    ``maxCapacity`` and a budget are what limits it.

    >>> bee = Cluster(name="bee", data=("s3://music/data",), work="s3://music/work", owner="ann")
    >>> '"AWS::Redshift::Cluster"' in template(bee)
    True
    """
    tags = documents.tags(warehouse, ANYWHERE, None)
    made = {"Role": _role(warehouse), "SecurityGroup": _group(warehouse)}
    made |= _members(warehouse) | _main(warehouse)
    for resource in made.values():
        if resource["Type"] != "AWS::EC2::SecurityGroupIngress":
            resource["Properties"]["Tags"] = tag_list(tags)
    document: dict[str, Any] = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"The warehouse {warehouse.name}, as musicbee-warehouse describes it",
        "Resources": _substituted(made),
        "Outputs": {"RoleArn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}},
    }
    if warehouse.network.subnets:
        vpc = {"Type": "AWS::EC2::VPC::Id", "Description": "The VPC of the subnets"}
        document["Parameters"] = {"Vpc": vpc}
    return json.dumps(document, indent=2)


def _role(warehouse: Warehouse) -> dict[str, Any]:
    policy = {
        "PolicyName": POLICY,
        "PolicyDocument": documents.permissions(warehouse, ANYWHERE),
    }
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": ANYWHERE.role_name(warehouse.name),
            "Path": ROLE_PATH,
            "AssumeRolePolicyDocument": documents.trust(warehouse, ANYWHERE),
            "Policies": [policy],
        },
    }


def _group(warehouse: Warehouse) -> dict[str, Any]:
    rule = warehouse.network.rule
    port = {"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT}
    ingress = [port | {"CidrIp": rule, "Description": "its owner"}] if rule else []
    vpc = {"VpcId": {"Ref": "Vpc"}} if warehouse.network.subnets else {}
    return {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {
            "GroupName": documents.group_name(warehouse.name),
            "GroupDescription": f"Reaches the warehouse {warehouse.name}",
            "SecurityGroupIngress": ingress,
            **vpc,
        },
    }


def _members(warehouse: Warehouse) -> _Resources:  # noqa: ARG001 - the same for all
    group = {"Fn::GetAtt": ["SecurityGroup", "GroupId"]}
    rule = {"GroupId": group, "SourceSecurityGroupId": group}
    port = {"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT}
    return {"Members": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": port | rule}}


@singledispatch
def _main(warehouse: Warehouse) -> _Resources:
    raise NotImplementedError(type(warehouse))


@_main.register
def _(warehouse: Cluster) -> _Resources:
    settings = settings_of(warehouse, ANYWHERE) | {
        "ClusterType": "multi-node" if warehouse.nodes > 1 else "single-node",
        "IamRoles": [{"Fn::GetAtt": ["Role", "Arn"]}],
        "VpcSecurityGroupIds": [{"Fn::GetAtt": ["SecurityGroup", "GroupId"]}],
        "ClusterParameterGroupName": {"Ref": "ParameterGroup"},
    }
    if warehouse.nodes > 1:
        settings["NumberOfNodes"] = warehouse.nodes
    parameters: Any = tag_list(PARAMETERS, "ParameterName", "ParameterValue")
    group = {
        "ParameterGroupName": documents.group_name(warehouse.name),
        "ParameterGroupFamily": FAMILY,
        "Description": f"Requires TLS of {warehouse.name}",
        "Parameters": parameters,
    }
    made = {"ParameterGroup": _resource("Redshift::ClusterParameterGroup", group)}
    if warehouse.network.subnets:
        subnets = {
            "Description": f"Where {warehouse.name} is",
            "SubnetIds": [*warehouse.network.subnets],
        }
        made["SubnetGroup"] = _resource("Redshift::ClusterSubnetGroup", subnets)
        settings["ClusterSubnetGroupName"] = {"Ref": "SubnetGroup"}
    return made | {"Cluster": _resource("Redshift::Cluster", settings)}


@_main.register
def _(warehouse: Workgroup) -> _Resources:
    role = {"Fn::GetAtt": ["Role", "Arn"]}
    namespace = namespace_of(warehouse, ANYWHERE) | {
        "iamRoles": [role],
        "defaultIamRoleArn": role,
    }
    workgroup = workgroup_of(warehouse) | {
        "namespaceName": {"Ref": "Namespace"},
        "securityGroupIds": [{"Fn::GetAtt": ["SecurityGroup", "GroupId"]}],
    }
    return {
        "Namespace": _resource("RedshiftServerless::Namespace", _capitalized(namespace)),
        "Workgroup": _resource("RedshiftServerless::Workgroup", _capitalized(workgroup)),
    }


def _resource(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def _capitalized(value: Any) -> Any:
    """Return the words of the API of Serverless as CloudFormation has them: a capital first.

    >>> _capitalized({"configParameters": [{"parameterKey": "require_ssl"}]})
    {'ConfigParameters': [{'ParameterKey': 'require_ssl'}]}
    """
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: _capitalized(each) for key, each in value.items()}
    return [_capitalized(each) for each in value] if isinstance(value, list) else value


def _substituted(value: Any) -> Any:
    """Let CloudFormation fill in the place wherever it is named."""
    if isinstance(value, dict):
        return {key: _substituted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_substituted(each) for each in value]
    return {"Fn::Sub": value} if isinstance(value, str) and "${AWS::" in value else value
