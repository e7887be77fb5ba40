"""Who may do what: the role that Redshift assumes, and the security group."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.provision import documents
from musicbee_warehouse.provision.account import Account
from musicbee_warehouse.provision.description import PORT, Warehouse
from musicbee_warehouse.provision.documents import POLICY, ROLE_PATH, tag_dict, tag_list
from musicbee_warehouse.provision.refusals import tolerated
from musicbee_warehouse.provision.resource import Found, patiently
from musicbee_warehouse.provision.waiters import wait


@dataclass(frozen=True)
class Role:
    """The IAM role that Redshift reads and writes S3 with."""

    kind: ClassVar[str] = "IAM role"
    account: Account
    warehouse: str

    @property
    def name(self) -> str:
        """The role's name."""
        return self.account.place.role_name(self.warehouse)

    def find(self) -> Found | None:
        """Return the role and its policy."""
        iam = self.account.iam
        try:
            role = iam.get_role(RoleName=self.name)["Role"]
        except iam.exceptions.NoSuchEntityException:
            return None
        about = {"trust": role.get("AssumeRolePolicyDocument"), "permissions": self._policy()}
        tags = tag_dict(role.get("Tags", []))
        return Found(self.kind, self.name, tags, id=role["Arn"], about=about)

    def _policy(self) -> Any:
        iam = self.account.iam
        try:
            return iam.get_role_policy(RoleName=self.name, PolicyName=POLICY)["PolicyDocument"]
        except iam.exceptions.NoSuchEntityException:
            return None

    def lacks(self, found: Found, warehouse: Warehouse) -> bool:
        """Tell whether its documents aren't those of the description."""
        place = self.account.place
        return found.about != {
            "trust": documents.trust(warehouse, place),
            "permissions": documents.permissions(warehouse, place),
        }

    def make(self, warehouse: Warehouse, tags: Mapping[str, str], found: Found | None) -> None:
        """Make the role; or give one that is there the documents that it should have."""
        iam, place = self.account.iam, self.account.place
        trust = json.dumps(documents.trust(warehouse, place))
        if found is None:
            with tolerated("EntityAlreadyExists"):
                iam.create_role(
                    RoleName=self.name,
                    Path=ROLE_PATH,
                    Description=f"Lets Redshift read and write the files of {warehouse.name}",
                    AssumeRolePolicyDocument=trust,
                    Tags=tag_list(tags),
                )
            return
        if found.about["trust"] != documents.trust(warehouse, place):
            iam.update_assume_role_policy(RoleName=self.name, PolicyDocument=trust)
        iam.put_role_policy(
            RoleName=self.name,
            PolicyName=POLICY,
            PolicyDocument=json.dumps(documents.permissions(warehouse, place)),
        )

    def wait(self) -> None:
        """Wait until IAM shows it everywhere."""
        wait(self.account, self.account.iam, "RoleThere", RoleName=self.name)

    def remove(self, found: Found, final_snapshot: str | None = None) -> None:  # noqa: ARG002
        """Delete the role with its policy; one that others gave policies to stays."""
        with tolerated("NoSuchEntity"):
            self.account.iam.delete_role_policy(RoleName=found.name, PolicyName=POLICY)
        with tolerated("NoSuchEntity"):
            self.account.iam.delete_role(RoleName=found.name)

    def wait_gone(self) -> None:
        """Return at once: a deleted role is gone."""


@dataclass(frozen=True)
class SecurityGroup:
    """The security group: its members reach the warehouse, and one address if that is asked for."""

    kind: ClassVar[str] = "security group"
    account: Account
    warehouse: str

    @property
    def name(self) -> str:
        """The group's name."""
        return documents.group_name(self.warehouse)

    def find(self) -> Found | None:
        """Return the group; of several of that name, in several VPCs, the one with our tags."""
        answer = self.account.ec2.describe_security_groups(
            Filters=[{"Name": "group-name", "Values": [self.name]}]
        )
        groups = [
            Found(self.kind, self.name, tag_dict(group.get("Tags", [])), id=group["GroupId"],
                  about={"rules": group.get("IpPermissions", [])})
            for group in answer["SecurityGroups"]
        ]  # fmt: skip
        return max(groups, key=lambda group: group.warehouse == self.warehouse, default=None)

    def lacks(self, found: Found, warehouse: Warehouse) -> bool:
        """Tell whether it doesn't let in what the description lets in."""
        return bool(self._missing(found, warehouse))

    def _missing(self, found: Found, warehouse: Warehouse) -> list[Any]:
        """Return the rules that aren't there."""
        rules = [rule for rule in found.about["rules"] if rule.get("FromPort") == PORT]
        groups = {pair["GroupId"] for rule in rules for pair in rule.get("UserIdGroupPairs", [])}
        networks = {each["CidrIp"] for rule in rules for each in rule.get("IpRanges", [])}
        wanted = warehouse.network.rule
        members: list[Any] = [{"UserIdGroupPairs": [{"GroupId": found.id}]}]
        missing = members if found.id not in groups else []
        if wanted and wanted not in networks:
            missing.append({"IpRanges": [{"CidrIp": wanted, "Description": "its owner"}]})
        port = {"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT}
        return [port | rule for rule in missing]

    def make(self, warehouse: Warehouse, tags: Mapping[str, str], found: Found | None) -> None:
        """Make the group; or add the rules that one that is there lacks."""
        ec2 = self.account.ec2
        if found is None:
            with tolerated("InvalidGroup.Duplicate"):
                ec2.create_security_group(
                    GroupName=self.name,
                    Description=f"Reaches the warehouse {warehouse.name}",
                    VpcId=self._vpc(warehouse),
                    TagSpecifications=[{"ResourceType": "security-group", "Tags": tag_list(tags)}],
                )
            return
        for rule in self._missing(found, warehouse):
            with tolerated("InvalidPermission.Duplicate"):
                ec2.authorize_security_group_ingress(GroupId=found.id, IpPermissions=[rule])

    def _vpc(self, warehouse: Warehouse) -> str:
        if warehouse.network.subnets:
            subnets = self.account.ec2.describe_subnets(SubnetIds=[*warehouse.network.subnets])
            networks = {subnet["VpcId"] for subnet in subnets["Subnets"]}
            if len(networks) != 1:
                raise WarehouseError(
                    f"the subnets are of {len(networks)} VPCs: {', '.join(sorted(networks))}; "
                    "name those of one"
                )
            return networks.pop()
        vpcs = self.account.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])
        if not vpcs["Vpcs"]:
            raise WarehouseError(
                f"the account has no default VPC in {self.account.place.region}; name --subnet"
            )
        return vpcs["Vpcs"][0]["VpcId"]

    def wait(self) -> None:
        """Return at once: a group is there when it is made."""

    def remove(self, found: Found, final_snapshot: str | None = None) -> None:  # noqa: ARG002
        """Delete the group when nothing is in it any more; what Redshift had there goes slowly."""
        with tolerated("InvalidGroup.NotFound"):
            patiently(
                self.account,
                ("DependencyViolation",),
                self.account.ec2.delete_security_group,
                GroupId=found.id,
            )

    def wait_gone(self) -> None:
        """Return at once: a deleted group is gone."""
