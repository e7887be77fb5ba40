"""AWS as far as a warehouse needs it: moto as a server, and what moto lacks.

moto 5.2 has no Redshift Serverless, no prices, and hardly looks at what Redshift is asked for. So
while :func:`extended` is in force, moto has, for as long:

- ``redshift-serverless``: namespaces, workgroups, usage limits, tags, snapshots and credentials.
  Names, patterns, enumerations, required members and error codes are those of botocore's service
  model, which also checks each request and writes each answer. Which combinations are refused, and
  that a new workgroup or namespace is first ``CREATING`` or ``MODIFYING`` and one on its way out
  ``DELETING``, follows the API's documentation; the words of its messages are ours.
- ``redshift``: the constraints that the service model's documentation states in words (identifiers,
  ports, counts, node types, exclusive parameters, what must exist), ``creating``, ``pausing``,
  ``resuming`` and ``deleting`` clusters, parameters of parameter groups, orderable options, and an
  admin's password in Secrets Manager that no answer shows.
- ``iam``: conditions ``StringEquals``, ``StringLike`` and ``ArnLike``; that ``iam:PassRole`` is
  needed to give a role away; and :func:`assume_as_service`, what a service of AWS itself does.
- ``ec2``: a security group in use can't be deleted.
- ``pricing``: ``GetProducts`` over a handful of products in the form of AWS's list.

All goes by HTTP through botocore, so what is under test can't tell. Not here are time (a state
lasts as many looks as ``Rig.looks`` says), eventual consistency, service-linked roles, capacity.
"""

from __future__ import annotations

import json
import re
import secrets
import string
import sys
import types
import uuid
from contextlib import ExitStack, contextmanager
from copy import copy
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cache
from unittest.mock import patch

import boto3
import moto.backend_index
import moto.backends
from botocore.config import Config
from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.exceptions import AccessDeniedError, ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_service_model
from moto.ec2.exceptions import DependencyViolationError
from moto.ec2.models import ec2_backends
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.iam import access_control
from moto.iam.access_control import IAMPolicyStatement, IAMRequest, PermissionResult
from moto.iam.models import iam_backends
from moto.redshift.models import redshift_backends
from moto.redshift.responses import RedshiftResponse
from moto.secretsmanager.models import secretsmanager_backends
from moto.sts.models import sts_backends

ACCOUNT = "123456789012"
REGION = "us-west-2"
NODE_TYPES = ["ra3.4xlarge", "ra3.large", "ra3.xlplus", "rg.4xlarge", "rg.large", "rg.xlarge"]


class Rig:
    """What the tests turn: how long states last, and what a region offers."""

    looks = 1
    node_types = NODE_TYPES
    capacities = (4, *range(8, 1025, 8))
    clusters_quota = 20


# IAM


class Statement(IAMPolicyStatement):
    """A statement of a policy with its conditions; an unmet one says nothing, as IAM has it."""

    def is_action_permitted(
        self, action, resource="*", principal=None, incoming_condition_values=None
    ):
        given = self._statement
        if not self._matches(given.get("Action"), action, given.get("NotAction")):
            return PermissionResult.NEUTRAL
        if "Principal" in given and not self._is_for(given["Principal"], principal):
            return PermissionResult.NEUTRAL
        if "Resource" in given and not self._matches(given["Resource"], resource):
            return PermissionResult.NEUTRAL
        if not met(given.get("Condition", {}), incoming_condition_values or CONTEXT.values):
            return PermissionResult.NEUTRAL
        allow = given["Effect"] == "Allow"
        return PermissionResult.PERMITTED if allow else PermissionResult.DENIED

    @staticmethod
    def _matches(patterns, value, excluded=None):
        if patterns is None:
            return not any(_like(pattern, value) for pattern in _listed(excluded))
        return any(_like(pattern, value) for pattern in _listed(patterns))

    @staticmethod
    def _is_for(principals, principal):
        if principals == "*":
            return True
        named = [each for values in principals.values() for each in _listed(values)]
        root = f"arn:aws:iam::{ACCOUNT}:root"
        return principal in named or "*" in named or (root in named and ":user/" in str(principal))


class CONTEXT:
    """The condition keys of the request that is being judged."""

    values: dict[str, str] = {}  # noqa: RUF012 - replaced, never changed


def met(conditions, values):
    """Tell whether all conditions hold; a key that the request hasn't fulfils none."""
    operators = {
        "StringEquals": lambda wanted, value: wanted == value,
        "StringLike": _like,
        "ArnLike": _like,
        "ArnEquals": _like,
    }
    return all(
        key in values and any(operators[operator](wanted, values[key]) for wanted in _listed(given))
        for operator, keys in conditions.items()
        for key, given in keys.items()
    )


def _like(pattern, value):
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _listed(value):
    return value if isinstance(value, list) else [] if value is None else [value]


def _with_prefix(original):
    """Let ``s3:prefix`` be known while a listing is judged."""

    def authorize(self, bucket_name=None, key_name=None):
        prefix = self.querystring.get("prefix", [""])[0]
        CONTEXT.values = {"s3:prefix": prefix}
        try:
            return original(self, bucket_name, key_name)
        finally:
            CONTEXT.values = {}

    return authorize


def assume_as_service(role_arn, *, service, source_arn, account=ACCOUNT):
    """Assume a role as a service of AWS does on behalf of a resource; return the credentials.

    moto has no such caller, so the role's trust is judged here and the credentials are taken from
    its STS directly.
    """
    role = iam_backends[ACCOUNT]["aws"].get_role_by_arn(role_arn)
    values = {"aws:SourceArn": source_arn, "aws:SourceAccount": account}
    policy = access_control.IAMPolicy(role.assume_role_policy_document)
    if policy.is_action_permitted("sts:AssumeRole", role_arn, service, values) is not (
        PermissionResult.PERMITTED
    ):
        raise PermissionError(f"{service} may not assume {role_arn} for {source_arn}")
    assumed = sts_backends[ACCOUNT]["aws"].assume_role(
        region_name=REGION,
        role_session_name="redshift",
        role_arn=role_arn,
        policy=None,
        duration=3600,
        external_id=None,
    )
    return {
        "aws_access_key_id": assumed.access_key_id,
        "aws_secret_access_key": assumed.secret_access_key,
        "aws_session_token": assumed.session_token,
    }


def _pass_roles(response, roles):
    """Refuse to give away a role that the caller may not pass, or that isn't there."""
    if response.request_count < settings.INITIAL_NO_AUTH_ACTION_COUNT:
        return
    request = IAMRequest(
        account_id=response.current_account,
        method=response.method,
        path=response.raw_path,
        data=response.data,
        body=response.raw_body,
        headers=response.headers,
        action="PassRole",
    )
    request._action = "iam:PassRole"
    for role in roles:
        request.check_action_permitted(role)


def _check_role(role, code):
    try:
        iam_backends[ACCOUNT]["aws"].get_role_by_arn(role)
    except Exception:
        raise Refusal(code, f"The IAM role {role} is not valid.") from None


# What the service models say


class Refusal(ServiceException):
    """A refusal; moto finds its form in the model of the service that was asked."""


def check(service, operation, parameters):
    """Refuse what the service model refuses: enumerations, patterns, lengths and numbers."""
    shape = get_service_model(service).operation_model(operation).input_shape
    code = "ValidationException" if service == "redshift-serverless" else "InvalidParameterValue"
    for path, reason in _faults(shape, parameters, ""):
        raise Refusal(code, f"Value at '{path}' failed to satisfy constraint: {reason}")


def _faults(shape, value, path):
    about = shape.metadata
    if shape.type_name == "structure":
        for name in shape.required_members:
            if (value or {}).get(name) in (None, ""):
                yield f"{path}.{name}".lstrip("."), "Member must not be null"
        for name, member in shape.members.items():
            if (value or {}).get(name) is not None:
                yield from _faults(member, value[name], f"{path}.{name}".lstrip("."))
    elif shape.type_name == "list":
        for each in value:
            yield from _faults(shape.member, each, path)
    elif shape.type_name == "string":
        if getattr(shape, "enum", None) and value not in shape.enum:
            yield path, f"Member must satisfy enum value set: {shape.enum}"
        if about.get("pattern") and not re.fullmatch(about["pattern"], value):
            yield path, f"Member must satisfy regular expression pattern: {about['pattern']}"
        if not about.get("min", 0) <= len(value) <= about.get("max", sys.maxsize):
            yield path, f"Member must have length between {about.get('min')} and {about.get('max')}"
    elif shape.type_name in ("integer", "long") and not (
        about.get("min", -sys.maxsize) <= value <= about.get("max", sys.maxsize)
    ):
        yield path, f"Member must be between {about.get('min')} and {about.get('max')}"


def _password():
    return "A1" + "".join(secrets.choice(string.ascii_letters) for _ in range(30))


def _keep_secret(region, name, user, password):
    """Keep an admin's password in Secrets Manager, as the service does; return its ARN."""
    made = secretsmanager_backends[ACCOUNT][region].create_managed_secret(
        "redshift",
        f"redshift!{name}-{user}",
        secret_string=json.dumps({"username": user, "password": password}),
    )
    return made.arn


def _forget_secret(region, arn):
    store = secretsmanager_backends[ACCOUNT][region].secrets
    if arn in store:
        store.pop(arn)


# Serverless


class ServerlessBackend(BaseBackend):
    """Redshift Serverless of an account and region."""

    url_bases = [r"https?://redshift-serverless\.(.+)\.amazonaws\.com"]  # noqa: RUF012

    def __init__(self, region_name, account_id):
        super().__init__(region_name, account_id)
        self.namespaces, self.workgroups = {}, {}
        self.limits, self.tags, self.snapshots = {}, {}, {}

    @property
    def url_paths(self):
        return {"/": ServerlessResponse.dispatch}


serverless_backends = BackendDict(ServerlessBackend, "redshift")


class ServerlessResponse(BaseResponse):
    """The operations of Redshift Serverless."""

    def __init__(self):
        super().__init__(service_name="redshift-serverless")
        self.automated_parameter_parsing = True

    @property
    def store(self) -> ServerlessBackend:
        return serverless_backends[self.current_account][self.region]

    def _authenticate_and_authorize_normal_action(self, resource="*"):
        try:
            super()._authenticate_and_authorize_normal_action(resource)
        except AccessDeniedError as error:
            raise _json(error) from None

    def _given(self, name):
        return self._get_param(name)

    def _checked(self):
        """Refuse what the model refuses, and roles that can't be given away."""
        check("redshift-serverless", self._get_action(), self.params)
        roles = self.params.get("iamRoles") or []
        try:
            _pass_roles(self, roles)
        except AccessDeniedError as error:
            raise _json(error) from None
        for role in roles:
            _check_role(role, "ValidationException")

    def _arn(self, kind):
        identifier = uuid.uuid4()
        return (
            f"arn:aws:redshift-serverless:{self.region}:{self.current_account}:{kind}/{identifier}",
            str(identifier),
        )

    def _one(self, kind, name):
        found = getattr(self.store, f"{kind}s").get(name)
        if found is None:
            raise Refusal("ResourceNotFoundException", f"{kind} {name} is not found")
        return found

    def _look(self, kind, name):
        """Return one as it is, and let time pass for it."""
        found = self._one(kind, name)
        shown = {key: value for key, value in found.items() if not key.startswith("_")}
        if found["_looks"] > 0:
            found["_looks"] -= 1
        elif found["status"] == "DELETING":
            self._drop(kind, name)
            raise Refusal("ResourceNotFoundException", f"{kind} {name} is not found")
        elif found["status"] != "AVAILABLE":
            found["status"] = shown["status"] = "AVAILABLE"
        return shown

    def _drop(self, kind, name):
        found = getattr(self.store, f"{kind}s").pop(name)
        self.store.tags.pop(found[f"{kind}Arn"], None)
        for key, limit in list(self.store.limits.items()):
            if limit["resourceArn"] == found[f"{kind}Arn"]:
                del self.store.limits[key]
        if found.get("_secret"):
            _forget_secret(self.region, found["_secret"])

    def _busy(self, kind, found):
        if found["status"] != "AVAILABLE":
            raise Refusal(
                "ConflictException",
                f"There is an operation running on the {kind} {found[f'{kind}Name']}.",
            )

    def create_namespace(self):
        self._checked()
        name, given = self._given("namespaceName"), self.params
        if name in self.store.namespaces:
            raise Refusal("ConflictException", f"Namespace {name} already exists")
        if given.get("manageAdminPassword") and given.get("adminUserPassword"):
            raise Refusal(
                "ValidationException",
                "You can't use adminUserPassword if manageAdminPassword is true",
            )
        default = given.get("defaultIamRoleArn")
        if default and default not in given.get("iamRoles", []):
            raise Refusal(
                "ValidationException", "The default IAM role must be one of the IAM roles"
            )
        arn, identifier = self._arn("namespace")
        user = given.get("adminUsername", "admin")
        password = given.get("adminUserPassword") or _password()
        secret = None
        if given.get("manageAdminPassword"):
            secret = _keep_secret(self.region, name, user, password)
        namespace = {
            "namespaceArn": arn,
            "namespaceId": identifier,
            "namespaceName": name,
            "adminUsername": user,
            "adminPasswordSecretArn": secret,
            "dbName": given.get("dbName", "dev"),
            "kmsKeyId": given.get("kmsKeyId", "AWS_OWNED_KMS_KEY"),
            "defaultIamRoleArn": default,
            "iamRoles": [f"IamRole(applyStatus=in-sync, iamRoleArn={role})"
                         for role in given.get("iamRoles", [])],
            "logExports": given.get("logExports", []),
            "status": "MODIFYING" if Rig.looks else "AVAILABLE",
            "creationDate": datetime.now(UTC),
            "_looks": Rig.looks,
            "_secret": secret,
            "_roles": given.get("iamRoles", []),
            "_password": password,
        }  # fmt: skip
        self.store.namespaces[name] = namespace
        self.store.tags[arn] = {tag["key"]: tag["value"] for tag in given.get("tags", [])}
        return ActionResult({"namespace": _shown(namespace)})

    def get_namespace(self):
        self._checked()
        return ActionResult({"namespace": self._look("namespace", self._given("namespaceName"))})

    def list_namespaces(self):
        return ActionResult({"namespaces": [*map(_shown, self.store.namespaces.values())]})

    def delete_namespace(self):
        self._checked()
        name = self._given("namespaceName")
        namespace = self._one("namespace", name)
        self._busy("namespace", namespace)
        if any(each["namespaceName"] == name for each in self.store.workgroups.values()):
            raise Refusal("ConflictException", f"Namespace {name} has a workgroup; delete it first")
        if self._given("finalSnapshotName"):
            self._snapshot(self._given("finalSnapshotName"), namespace)
        namespace.update(status="DELETING", _looks=Rig.looks)
        return ActionResult({"namespace": _shown(namespace)})

    def _snapshot(self, name, namespace):
        if name in self.store.snapshots:
            raise Refusal("ConflictException", f"Snapshot {name} already exists")
        arn, _ = self._arn("snapshot")
        self.store.snapshots[name] = {
            "snapshotName": name,
            "snapshotArn": arn,
            "namespaceName": namespace["namespaceName"],
            "namespaceArn": namespace["namespaceArn"],
            "status": "AVAILABLE",
        }

    def list_snapshots(self):
        return ActionResult({"snapshots": [*self.store.snapshots.values()]})

    def delete_snapshot(self):
        found = self.store.snapshots.pop(self._given("snapshotName"), None)
        if found is None:
            raise Refusal("ResourceNotFoundException", "The snapshot is not found")
        return ActionResult({"snapshot": found})

    def create_workgroup(self):
        self._checked()
        given, name = self.params, self._given("workgroupName")
        namespace = self._one("namespace", self._given("namespaceName"))
        if name in self.store.workgroups:
            raise Refusal("ConflictException", f"Workgroup {name} already exists")
        if any(each["namespaceName"] == namespace["namespaceName"]
               for each in self.store.workgroups.values()):  # fmt: skip
            raise Refusal("ConflictException", "The namespace has a workgroup already")
        capacity = given.get("baseCapacity", 128)
        if capacity not in Rig.capacities:
            raise Refusal(
                "ValidationException", f"Base capacity {capacity} is not available in this region"
            )
        self._check_network(given)
        arn, identifier = self._arn("workgroup")
        port = given.get("port", 5439)
        if not (5431 <= port <= 5455 or 8191 <= port <= 8215):
            raise Refusal("ValidationException", f"Port {port} is out of range")
        address = f"{name}.{self.current_account}.{self.region}.redshift-serverless.amazonaws.com"
        workgroup = {
            "workgroupArn": arn,
            "workgroupId": identifier,
            "workgroupName": name,
            "namespaceName": namespace["namespaceName"],
            "baseCapacity": capacity,
            "maxCapacity": given.get("maxCapacity"),
            "port": port,
            "publiclyAccessible": given.get("publiclyAccessible", False),
            "configParameters": given.get("configParameters", []),
            "securityGroupIds": given.get("securityGroupIds", []),
            "subnetIds": given.get("subnetIds", []),
            "enhancedVpcRouting": given.get("enhancedVpcRouting", False),
            "endpoint": {"address": address, "port": port},
            "status": "CREATING" if Rig.looks else "AVAILABLE",
            "creationDate": datetime.now(UTC),
            "_looks": Rig.looks,
        }
        self.store.workgroups[name] = workgroup
        self.store.tags[arn] = {tag["key"]: tag["value"] for tag in given.get("tags", [])}
        return ActionResult({"workgroup": _shown(workgroup)})

    def _check_network(self, given):
        ec2 = ec2_backends[self.current_account][self.region]
        for group in given.get("securityGroupIds", []):
            if ec2.get_security_group_from_id(group) is None:
                raise Refusal("ValidationException", f"{group} is no security group")
        subnets = given.get("subnetIds", [])
        known = {subnet.id: subnet for subnet in ec2.describe_subnets()}
        for subnet in subnets:
            if subnet not in known:
                raise Refusal("ValidationException", f"Subnet {subnet} is not found")
        if subnets and len({known[subnet].availability_zone for subnet in subnets}) < 3:
            raise Refusal(
                "ValidationException", "There must be subnets in three availability zones"
            )

    def get_workgroup(self):
        self._checked()
        return ActionResult({"workgroup": self._look("workgroup", self._given("workgroupName"))})

    def list_workgroups(self):
        return ActionResult({"workgroups": [*map(_shown, self.store.workgroups.values())]})

    def delete_workgroup(self):
        self._checked()
        workgroup = self._one("workgroup", self._given("workgroupName"))
        self._busy("workgroup", workgroup)
        workgroup.update(status="DELETING", _looks=Rig.looks)
        return ActionResult({"workgroup": _shown(workgroup)})

    def _named(self, arn):
        for each in (*self.store.workgroups.values(), *self.store.namespaces.values()):
            if arn in (each.get("workgroupArn"), each.get("namespaceArn")):
                return each
        raise Refusal("ResourceNotFoundException", f"{arn} is not found")

    def create_usage_limit(self):
        self._checked()
        given = self.params
        resource = self._named(given["resourceArn"])
        if given["amount"] < 1:
            raise Refusal("ValidationException", "The amount must be positive")
        self._busy("workgroup", resource)
        period = given.get("period", "monthly")
        for limit in self.store.limits.values():
            same = ("resourceArn", "usageType")
            if limit["period"] == period and all(limit[key] == given[key] for key in same):
                raise Refusal("ConflictException", "There is such a usage limit already")
        identifier = str(uuid.uuid4())
        limit = {
            "usageLimitId": identifier,
            "usageLimitArn": self._arn("usagelimit")[0],
            "resourceArn": given["resourceArn"],
            "usageType": given["usageType"],
            "amount": given["amount"],
            "period": period,
            "breachAction": given.get("breachAction", "log"),
        }
        self.store.limits[identifier] = limit
        return ActionResult({"usageLimit": limit})

    def list_usage_limits(self):
        self._checked()
        wanted = {key: self._given(key) for key in ("resourceArn", "usageType")}
        if wanted["resourceArn"]:
            self._named(wanted["resourceArn"])
        limits = [
            limit
            for limit in self.store.limits.values()
            if all(value in (None, limit[key]) for key, value in wanted.items())
        ]
        return ActionResult({"usageLimits": limits})

    def delete_usage_limit(self):
        self._checked()
        limit = self.store.limits.pop(self._given("usageLimitId"), None)
        if limit is None:
            raise Refusal("ResourceNotFoundException", "The usage limit is not found")
        return ActionResult({"usageLimit": limit})

    def list_tags_for_resource(self):
        self._checked()
        arn = self._given("resourceArn")
        self._named(arn)
        tags = [{"key": key, "value": value} for key, value in self.store.tags[arn].items()]
        return ActionResult({"tags": tags})

    def tag_resource(self):
        self._checked()
        arn = self._given("resourceArn")
        self._named(arn)
        self.store.tags[arn].update({tag["key"]: tag["value"] for tag in self.params["tags"]})
        return ActionResult({})

    def get_credentials(self):
        self._checked()
        self._one("workgroup", self._given("workgroupName"))
        user = IAMRequest(
            account_id=self.current_account,
            method=self.method,
            path=self.raw_path,
            data=self.data,
            body=self.raw_body,
            headers=self.headers,
            action="GetCredentials",
        )._access_key.arn.split("/")[-1]
        until = datetime.now(UTC) + timedelta(seconds=self._given("durationSeconds") or 900)
        return ActionResult(
            {"dbUser": f"IAM:{user}", "dbPassword": _password(), "expiration": until}
        )


def _json(error):
    made = error.to_json()
    made.error_type = "AccessDeniedException"
    made.description = json.dumps({"__type": made.error_type, "message": made.message})
    return made


def _shown(described):
    return {key: value for key, value in described.items() if not key.startswith("_")}


# Provisioned clusters


def _refuse(code, message):
    raise Refusal(code, message)


def _check_cluster(response, given):  # noqa: PLR0912 - one constraint after another, as documented
    backend = redshift_backends[response.current_account][response.region]
    name = given["ClusterIdentifier"]
    value, combination = "InvalidParameterValue", "InvalidParameterCombination"
    if not re.fullmatch(r"[a-z](-?[a-z0-9]){0,62}", name):
        _refuse(value, f"The cluster identifier {name} is not valid")
    if given["NodeType"] not in Rig.node_types:
        _refuse(value, f"Invalid node type: {given['NodeType']}")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", given.get("DBName", "dev")):
        _refuse(value, f"The database name {given['DBName']} is not valid")
    if not re.fullmatch(r"[a-z][a-z0-9_+.@-]{0,127}", given["MasterUsername"]):
        _refuse(value, "The admin user name is not valid")
    if given.get("ManageMasterPassword") and given.get("MasterUserPassword"):
        _refuse(combination, "MasterUserPassword can't be used if ManageMasterPassword is true")
    if not given.get("ManageMasterPassword") and not re.fullmatch(
        r"(?=.*[A-Z])(?=.*[a-z])(?=.*\d)[^\s'\"\\/@]{8,64}", given.get("MasterUserPassword") or ""
    ):
        _refuse(value, "The parameter MasterUserPassword is not a valid password")
    kind, nodes = given.get("ClusterType", "multi-node"), given.get("NumberOfNodes")
    if kind not in ("multi-node", "single-node"):
        _refuse(value, "Invalid cluster type")
    if kind == "multi-node" and (nodes or 0) < 2:
        _refuse(combination, "Number of nodes for a multi-node cluster must be 2 or more")
    if kind == "single-node" and nodes not in (None, 1):
        _refuse(combination, "A single-node cluster has one node")
    port = given.get("Port", 5439)
    if not (5431 <= port <= 5455 or 8191 <= port <= 8215):
        _refuse(value, f"The port {port} is not valid")
    if given.get("Encrypted") is False:
        _refuse(value, "A cluster can't be unencrypted")
    group = given.get("ClusterParameterGroupName")
    if group and group not in backend.parameter_groups:
        _refuse("ClusterParameterGroupNotFound", f"ClusterParameterGroup not found: {group}")
    subnets = given.get("ClusterSubnetGroupName")
    if subnets and subnets not in backend.subnet_groups:
        _refuse("ClusterSubnetGroupNotFoundFault", f"Subnet group {subnets} not found.")
    ec2 = ec2_backends[response.current_account][response.region]
    for each in given.get("VpcSecurityGroupIds", []):
        if ec2.get_security_group_from_id(each) is None:
            _refuse(value, f"The security group {each} does not exist")
    for role in given.get("IamRoles", []):
        _check_role(role, "InvalidParameterValue")
    if name not in backend.clusters and len(backend.clusters) >= Rig.clusters_quota:
        _refuse("ClusterQuotaExceeded", "The request would exceed the number of clusters allowed")


class RedshiftAdditions:
    """What replaces or adds to moto's operations of Redshift."""

    created = RedshiftResponse.create_cluster
    deleted = RedshiftResponse.delete_cluster
    made_parameter_group = RedshiftResponse.create_cluster_parameter_group
    dropped_parameter_group = RedshiftResponse.delete_cluster_parameter_group
    made_subnet_group = RedshiftResponse.create_cluster_subnet_group
    dropped_subnet_group = RedshiftResponse.delete_cluster_subnet_group

    def create_cluster(self):
        given = self.params
        check("redshift", "CreateCluster", given)
        _check_cluster(self, given)
        _pass_roles(self, given.get("IamRoles", []))
        managed = given.get("ManageMasterPassword")
        if managed:
            given["MasterUserPassword"] = _password()
        answer = RedshiftAdditions.created(self)
        cluster = answer.result["Cluster"]
        if managed:
            cluster.master_password_secret_arn = _keep_secret(
                self.region,
                cluster.cluster_identifier,
                cluster.master_username,
                cluster.master_user_password,
            )
        cluster.encrypted = True
        cluster.default_iam_role_arn = given.get("DefaultIamRoleArn")
        cluster.vpc_id = ec2_backends[ACCOUNT][self.region].get_default_vpc().id
        if Rig.looks:
            cluster.status, cluster.becomes, cluster.looks = "creating", "available", Rig.looks
        return answer

    def describe_clusters(self):
        name = self._get_param("ClusterIdentifier")
        backend = self.redshift_backend
        for cluster in [*backend.clusters.values()]:
            if name in (None, cluster.cluster_identifier):
                _pass_time(backend, cluster)
        keys = self._get_param("TagKeys")
        return ActionResult({"Clusters": backend.describe_clusters(name, keys)})

    def delete_cluster(self):
        name, backend = self._get_param("ClusterIdentifier"), self.redshift_backend
        cluster = backend.describe_clusters(name)[0]
        skip, snapshot = (
            self._get_bool_param("SkipFinalClusterSnapshot", False),
            self._get_param("FinalClusterSnapshotIdentifier"),
        )
        if cluster.status not in ("available", "paused"):
            _refuse("InvalidClusterState", f"The cluster {name} is {cluster.status}")
        if skip == bool(snapshot):
            _refuse(
                "InvalidParameterCombination",
                "FinalClusterSnapshotIdentifier is required unless SkipFinalClusterSnapshot is "
                "specified, and not allowed if it is.",
            )
        if snapshot:
            tags = cluster.tags
            backend.create_cluster_snapshot(name, snapshot, self.region, tags)
        cluster.status, cluster.becomes, cluster.looks = "deleting", "gone", Rig.looks
        return ActionResult({"Cluster": cluster})

    def pause_cluster(self):
        cluster = self.redshift_backend.describe_clusters(self._get_param("ClusterIdentifier"))[0]
        if cluster.status != "available":
            _refuse("InvalidClusterState", "The cluster is not available, so it can't be paused")
        _turn(cluster, "pausing", "paused")
        return ActionResult({"Cluster": cluster})

    def resume_cluster(self):
        cluster = self.redshift_backend.describe_clusters(self._get_param("ClusterIdentifier"))[0]
        if cluster.status != "paused":
            _refuse("InvalidClusterState", "The cluster is not paused, so it can't be resumed")
        _turn(cluster, "resuming", "available")
        return ActionResult({"Cluster": cluster})

    def create_cluster_parameter_group(self):
        if self._get_param("ParameterGroupName") in self.redshift_backend.parameter_groups:
            _refuse("ClusterParameterGroupAlreadyExists", "The parameter group already exists")
        if self._get_param("ParameterGroupFamily") not in ("redshift-1.0", "redshift-2.0"):
            _refuse("InvalidParameterValue", "There is no such parameter group family")
        return RedshiftAdditions.made_parameter_group(self)

    def modify_cluster_parameter_group(self):
        name = self._get_param("ParameterGroupName")
        group = self.redshift_backend.describe_cluster_parameter_groups(name)[0]
        known = self.redshift_backend.default_params
        for parameter in self._get_param("Parameters"):
            if parameter["ParameterName"] not in known:
                _refuse("InvalidParameterValue", f"No parameter {parameter['ParameterName']}")
            _set(group)[parameter["ParameterName"]] = parameter["ParameterValue"]
        return ActionResult({"ParameterGroupName": name, "ParameterGroupStatus": "applied"})

    def describe_cluster_parameters(self):
        name = self._get_param("ParameterGroupName")
        group = self.redshift_backend.describe_cluster_parameter_groups(name)[0]
        wanted = self._get_param("Source")
        parameters = []
        for each in self.redshift_backend.describe_default_cluster_parameters():
            if each["ParameterName"] in _set(group):
                value = _set(group)[each["ParameterName"]]
                each |= {"Source": "user", "ParameterValue": value}
            if wanted in (None, each["Source"]):
                parameters.append(each)
        return ActionResult({"Parameters": parameters})

    def delete_cluster_parameter_group(self):
        name = self._get_param("ParameterGroupName")
        for cluster in self.redshift_backend.clusters.values():
            if name in cluster.cluster_parameter_group_name:
                _refuse("InvalidClusterParameterGroupState", f"{name} is used by a cluster")
        return RedshiftAdditions.dropped_parameter_group(self)

    def create_cluster_subnet_group(self):
        name, subnets = self._get_param("ClusterSubnetGroupName"), self._get_param("SubnetIds")
        if name in self.redshift_backend.subnet_groups:
            _refuse("ClusterSubnetGroupAlreadyExists", "The subnet group already exists")
        known = {subnet.id for subnet in self.redshift_backend.ec2_backend.describe_subnets()}
        for subnet in subnets:
            if subnet not in known:
                _refuse("InvalidSubnet", f"The subnet {subnet} does not exist")
        return RedshiftAdditions.made_subnet_group(self)

    def delete_cluster_subnet_group(self):
        name = self._get_param("ClusterSubnetGroupName")
        for cluster in self.redshift_backend.clusters.values():
            if name == cluster.cluster_subnet_group_name:
                _refuse("InvalidClusterSubnetGroupStateFault", f"{name} is used by a cluster")
        return RedshiftAdditions.dropped_subnet_group(self)

    def describe_orderable_cluster_options(self):
        wanted = self._get_param("NodeType")
        zones = [{"Name": f"{self.region}{letter}"} for letter in "abc"]
        options = [
            {
                "ClusterVersion": "1.0",
                "ClusterType": kind,
                "NodeType": node,
                "AvailabilityZones": zones,
            }
            for node in Rig.node_types
            for kind in ("single-node", "multi-node")
            if wanted in (None, node)
        ]
        return ActionResult({"OrderableClusterOptions": options})


def _set(group):
    """Return the parameters that were set in a parameter group."""
    return group.__dict__.setdefault("values", {})


def _turn(cluster, now, then):
    cluster.status, cluster.becomes, cluster.looks = (now, then, Rig.looks)
    if not Rig.looks:
        cluster.status = then


def _pass_time(backend, cluster):
    if not getattr(cluster, "becomes", None):
        return
    if cluster.looks > 0:
        cluster.looks -= 1
    elif cluster.becomes == "gone":
        backend.delete_automated_snapshots(cluster.cluster_identifier)
        del backend.clusters[cluster.cluster_identifier]
        arn = getattr(cluster, "master_password_secret_arn", None)
        if arn:
            _forget_secret(cluster.region, arn)
    else:
        cluster.status, cluster.becomes = cluster.becomes, None


def _unused(original):
    """Refuse to delete a security group that a warehouse is in."""

    def delete_security_group(self, name=None, group_id=None):
        region = self.region_name
        clusters = redshift_backends[self.account_id][region].clusters.values()
        workgroups = serverless_backends[self.account_id][region].workgroups.values()
        used = [group for cluster in clusters for group in cluster.vpc_security_group_ids]
        used += [group for workgroup in workgroups for group in workgroup["securityGroupIds"]]
        if group_id in used:
            raise DependencyViolationError(f"resource {group_id} has a dependent object")
        return original(self, name, group_id)

    return delete_security_group


# Prices


class PricingBackend(BaseBackend):
    """AWS's list of prices."""

    url_bases = [r"https?://(?:api\.)?pricing\.(.+)\.amazonaws\.com"]  # noqa: RUF012

    @property
    def url_paths(self):
        return {"/": PricingResponse.dispatch}


pricing_backends = BackendDict(PricingBackend, "ec2")

PRICES = {
    ("us-west-2", "USW2-Node:rg.large", "rg.large"): "0.3900000000",
    ("us-west-2", "USW2-Node:ra3.large", "ra3.large"): "0.5430000000",
    ("us-west-2", "USW2-Redshift:ServerlessUsage-CR-1YR-NU", None): "0.2880000000",
    ("us-west-2", "USW2-Redshift:ServerlessUsage", None): "0.3600000000",
}


class PricingResponse(BaseResponse):
    """The one operation of the list of prices that is needed."""

    def __init__(self):
        super().__init__(service_name="pricing")
        self.automated_parameter_parsing = True

    def _authenticate_and_authorize_normal_action(self, resource="*"):
        try:
            super()._authenticate_and_authorize_normal_action(resource)
        except AccessDeniedError as error:
            raise _json(error) from None

    def get_products(self):
        check("pricing", "GetProducts", self.params)
        if self._get_param("ServiceCode") != "AmazonRedshift":
            return ActionResult({"FormatVersion": "aws_v1", "PriceList": []})
        wanted = {each["Field"]: each["Value"] for each in self._get_param("Filters") or []}
        products = []
        for (region, usage, node), rate in PRICES.items():
            attributes = {"servicecode": "AmazonRedshift", "regionCode": region, "usagetype": usage}
            attributes |= {"instanceType": node} if node else {}
            if any(attributes.get(field) != value for field, value in wanted.items()):
                continue
            dimension = {"unit": "Hrs", "beginRange": "0", "pricePerUnit": {"USD": rate}}
            products.append(
                json.dumps(
                    {
                        "product": {"productFamily": "Compute Instance", "attributes": attributes},
                        "serviceCode": "AmazonRedshift",
                        "terms": {"OnDemand": {"A.B": {"priceDimensions": {"A.B.C": dimension}}}},
                        "publicationDate": "2026-11-20T18:00:00Z",
                    }
                )
            )
        return ActionResult({"FormatVersion": "aws_v1", "PriceList": products})


# All of it


@contextmanager
def extended(looks=0):
    """Give moto what it lacks, for as long; ``looks`` is how many looks a passing state lasts."""
    modules = {
        "moto.redshiftserverless": {"redshiftserverless_backends": serverless_backends},
        "moto.pricing": {"pricing_backends": pricing_backends},
    }
    patterns = [
        (name.removeprefix("moto."), re.compile(backend.url_bases[0]))
        for name, backend in zip(modules, (ServerlessBackend, PricingBackend), strict=True)
    ]
    with ExitStack() as stack:
        for name, content in modules.items():
            module = types.ModuleType(name)
            vars(module).update(content)
            sys.modules[name] = module
            stack.callback(sys.modules.pop, name)
        known = moto.backend_index.backend_url_patterns
        known[:0] = patterns
        stack.callback(lambda: [known.remove(pattern) for pattern in patterns])
        for name, function in vars(RedshiftAdditions).items():
            if name in ("created", "deleted") or name.startswith(("_", "made_", "dropped_")):
                continue
            stack.enter_context(patch.object(RedshiftResponse, name, function, create=True))
        stack.enter_context(patch.object(access_control, "IAMPolicyStatement", Statement))
        for owner, name, wrap in (
            (SecurityGroupBackend, "delete_security_group", _unused),
            (BaseResponse, "_authenticate_and_authorize_s3_action", _with_prefix),
        ):
            stack.enter_context(patch.object(owner, name, wrap(getattr(owner, name))))
        # moto lists its folders for each request; that is most of what a request takes.
        folders = [*moto.backends.list_of_moto_modules()]
        listing = patch.object(moto.backends, "list_of_moto_modules", lambda: folders)
        stack.enter_context(listing)
        stack.enter_context(patch.object(Rig, "looks", looks))
        yield Rig


def reset():
    """Forget what warehouses are made of, and no more: other tests may have a server too."""
    for backends in (serverless_backends, redshift_backends, secretsmanager_backends):
        backends[ACCOUNT][REGION].reset()
    for groups in ec2_backends[ACCOUNT][REGION].groups.values():
        for identifier in [key for key, group in groups.items() if group.name != "default"]:
            del groups[identifier]
    iam = iam_backends[ACCOUNT]["aws"]
    iam.roles = {key: role for key, role in iam.roles.items() if role.path != "/musicbee/"}


def stores(region=REGION):
    """Return where all that warehouses are made of is kept, by kind."""
    serverless = serverless_backends[ACCOUNT][region]
    redshift = redshift_backends[ACCOUNT][region]
    iam = iam_backends[ACCOUNT]["aws"]
    groups = ec2_backends[ACCOUNT][region].groups
    default = ec2_backends[ACCOUNT][region].get_default_vpc().id
    return {
        "workgroup": serverless.workgroups,
        "namespace": serverless.namespaces,
        "limit": serverless.limits,
        "tags": serverless.tags,
        "cluster": redshift.clusters,
        "parameter group": redshift.parameter_groups,
        "subnet group": redshift.subnet_groups,
        "snapshot": redshift.snapshots,
        "security group": groups[default],
        "security group tags": ec2_backends[ACCOUNT][region].tags,
        "IAM role": iam.roles,
    }


def saved(region=REGION):
    """Return a copy of all that there is."""
    return {
        kind: {key: _copied(each) for key, each in store.items()}
        for kind, store in stores(region).items()
    }


def restore(state, region=REGION):
    """Bring back what there was; it can be brought back again."""
    for kind, store in stores(region).items():
        store.clear()
        store.update((key, _copied(each)) for key, each in state[kind].items())


def _copied(each):
    """Return a copy of a resource with copies of its lists and dictionaries."""
    made = copy(each)
    for name, value in getattr(made, "__dict__", {}).items():
        if isinstance(value, list | dict):
            setattr(made, name, copy(value))
    return made


@contextmanager
def enforced():
    """Enforce IAM for as long: unknown keys and missing permissions are refused."""
    with (
        patch.object(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0),
        patch.object(ActionAuthenticatorMixin, "request_count", 0),
    ):
        yield


def session_of(user, *statements):
    """Return the session of a user, who may now do what the statements say, no more and no less."""
    iam = iam_backends[ACCOUNT]["aws"]
    if user not in iam.users:
        iam.create_user(REGION, user)
    document = {"Version": "2012-10-17", "Statement": [*statements]}
    iam.put_user_policy(user, "all", json.dumps(document))
    return _session(user)


@cache
def _session(user):
    """Return the one session of a user: it takes a second to read all that boto3 knows."""
    key = iam_backends[ACCOUNT]["aws"].create_access_key(user)
    return boto3.session.Session(
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        region_name=REGION,
    )


def allow(*actions, resource="*"):
    return {"Effect": "Allow", "Action": [*actions], "Resource": resource}


IMPATIENT = Config(retries={"total_max_attempts": 1})
