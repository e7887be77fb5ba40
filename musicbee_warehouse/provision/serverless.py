"""A Serverless workgroup with its namespace and its usage limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from musicbee_warehouse.provision import documents
from musicbee_warehouse.provision.access import SecurityGroup
from musicbee_warehouse.provision.account import Account
from musicbee_warehouse.provision.description import ADMIN, PORT, Workgroup
from musicbee_warehouse.provision.documents import Place, tag_list
from musicbee_warehouse.provision.provisioned import PARAMETERS
from musicbee_warehouse.provision.refusals import code_of, tolerated
from musicbee_warehouse.provision.resource import Found, patiently
from musicbee_warehouse.provision.waiters import wait

SMALLEST_CAPACITY, NEXT_CAPACITY = 4, 8
"""Where the smallest isn't offered, the next is taken."""
_USAGE: Literal["serverless-compute"] = "serverless-compute"


@dataclass(frozen=True)
class Namespace:
    """The namespace: the database, its users and its role."""

    kind: ClassVar[str] = "namespace"
    account: Account
    warehouse: str

    @property
    def name(self) -> str:
        """The namespace's name, which is the workgroup's too."""
        return self.warehouse

    def find(self) -> Found | None:
        """Return the namespace."""
        client = self.account.serverless
        try:
            namespace = client.get_namespace(namespaceName=self.name)["namespace"]
        except client.exceptions.ResourceNotFoundException:
            return None
        return found_serverless(self.account, self.kind, namespace)

    def lacks(self, found: Found, warehouse: Workgroup) -> bool:  # noqa: ARG002 - it is made whole
        """Return False: it is made by one call."""
        return False

    def make(self, warehouse: Workgroup, tags: Mapping[str, str], found: Found | None) -> None:  # noqa: ARG002
        """Make the namespace: encrypted, with an admin whose password is not known to us."""
        settings: dict[str, Any] = namespace_of(warehouse, self.account.place)
        with tolerated("ConflictException"):
            self.account.serverless.create_namespace(
                **settings, tags=tag_list(tags, "key", "value")
            )

    def wait(self) -> None:
        """Wait until it can be used."""
        wait(
            self.account,
            self.account.serverless,
            "NamespaceAvailable",
            namespaceName=self.name,
        )

    def remove(self, found: Found, final_snapshot: str | None = None) -> None:
        """Delete the namespace, leaving a snapshot of that name if one is given."""
        snapshot = {"finalSnapshotName": final_snapshot} if final_snapshot else {}
        with tolerated("ResourceNotFoundException"):
            patiently(
                self.account,
                ("ConflictException",),
                self.account.serverless.delete_namespace,
                namespaceName=found.name,
                **snapshot,
            )

    def wait_gone(self) -> None:
        """Wait until it is gone."""
        wait(self.account, self.account.serverless, "NamespaceGone", namespaceName=self.name)


@dataclass(frozen=True)
class ServerlessWorkgroup:
    """The workgroup: its computers, its address, and the limit of what it may cost."""

    kind: ClassVar[str] = "workgroup"
    account: Account
    warehouse: str

    @property
    def name(self) -> str:
        """The workgroup's name."""
        return self.warehouse

    def find(self) -> Found | None:
        """Return the workgroup and its limit."""
        client = self.account.serverless
        try:
            workgroup = client.get_workgroup(workgroupName=self.name)["workgroup"]
        except client.exceptions.ResourceNotFoundException:
            return None
        return found_serverless(self.account, self.kind, workgroup)

    def _limits(self, found: Found) -> list[Any]:
        limits = self.account.serverless.list_usage_limits(resourceArn=found.id, usageType=_USAGE)
        return list(limits["usageLimits"])

    def lacks(self, found: Found, warehouse: Workgroup) -> bool:  # noqa: ARG002 - any limit is kept
        """Tell whether its use isn't limited yet; a limit that somebody changed stays."""
        return found.state == "available" and not self._limits(found)

    def make(self, warehouse: Workgroup, tags: Mapping[str, str], found: Found | None) -> None:
        """Make the workgroup; or limit the use of one that is there."""
        if found is None:
            with tolerated("ConflictException"):
                self._create(warehouse, tags)
            return
        with tolerated("ConflictException"):
            self.account.serverless.create_usage_limit(
                resourceArn=found.id,
                usageType=_USAGE,
                amount=warehouse.daily_limit,
                period="daily",
                breachAction="deactivate",
            )

    def _create(self, warehouse: Workgroup, tags: Mapping[str, str]) -> None:
        """Make the workgroup, of 8 RPU where 4 isn't offered."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - a local user never needs it

        group = SecurityGroup(self.account, self.warehouse).find()
        settings: dict[str, Any] = workgroup_of(warehouse)
        settings |= {
            "securityGroupIds": [group.id] if group else [],
            "tags": tag_list(tags, "key", "value"),
        }
        try:
            self.account.serverless.create_workgroup(**settings)
        except ClientError as error:
            small = warehouse.capacity == SMALLEST_CAPACITY
            about_capacity = "capacity" in str(error).lower()
            if not (small and about_capacity and code_of(error) == "ValidationException"):
                raise
            self.account.serverless.create_workgroup(**settings | {"baseCapacity": NEXT_CAPACITY})

    def wait(self) -> None:
        """Wait until it takes connections."""
        wait(
            self.account,
            self.account.serverless,
            "WorkgroupAvailable",
            workgroupName=self.name,
        )

    def tag(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        found = self.find()
        if found is not None:
            self.account.serverless.tag_resource(
                resourceArn=found.id, tags=tag_list(tags, "key", "value")
            )

    def remove(self, found: Found, final_snapshot: str | None = None) -> None:  # noqa: ARG002
        """Delete the workgroup and its limit."""
        client = self.account.serverless
        limits = []
        with tolerated("ResourceNotFoundException"):
            limits = self._limits(found)
        for limit in limits:
            with tolerated("ResourceNotFoundException"):
                client.delete_usage_limit(usageLimitId=limit["usageLimitId"])
        with tolerated("ResourceNotFoundException"):
            patiently(
                self.account,
                ("ConflictException",),
                client.delete_workgroup,
                workgroupName=found.name,
            )

    def wait_gone(self) -> None:
        """Wait until it is gone."""
        wait(self.account, self.account.serverless, "WorkgroupGone", workgroupName=self.name)


def namespace_of(warehouse: Workgroup, place: Place) -> dict[str, Any]:
    """Return what a namespace is made with."""
    role = place.role_arn(warehouse.name)
    return {
        "namespaceName": warehouse.name,
        "dbName": warehouse.database,
        "adminUsername": ADMIN,
        "manageAdminPassword": True,
        "iamRoles": [role],
        "defaultIamRoleArn": role,
    }


def workgroup_of(warehouse: Workgroup) -> dict[str, Any]:
    """Return what a workgroup is made with."""
    subnets = {"subnetIds": [*warehouse.network.subnets]} if warehouse.network.subnets else {}
    return {
        "workgroupName": warehouse.name,
        "namespaceName": warehouse.name,
        "baseCapacity": warehouse.capacity,
        "port": PORT,
        "publiclyAccessible": bool(warehouse.network.public_from),
        "configParameters": tag_list(PARAMETERS, "parameterKey", "parameterValue"),
        **subnets,
    }


def found_serverless(account: Account, kind: str, described: Any) -> Found:
    """Return a workgroup or a namespace as it is described, with its tags."""
    arn = described[f"{kind}Arn"]
    given = account.serverless.list_tags_for_resource(resourceArn=arn).get("tags", [])
    tags = documents.tag_dict(given, "key", "value")
    state = described["status"].lower()
    return Found(kind, described[f"{kind}Name"], tags, state, id=arn, about=described)
