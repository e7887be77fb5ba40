"""A provisioned cluster with its parameter group and its subnet group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, ClassVar

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.provision import documents
from musicbee_warehouse.provision.access import SecurityGroup
from musicbee_warehouse.provision.account import Account
from musicbee_warehouse.provision.description import ADMIN, PORT, Cluster, Warehouse
from musicbee_warehouse.provision.documents import tag_dict, tag_list
from musicbee_warehouse.provision.refusals import tolerated
from musicbee_warehouse.provision.resource import Found, patiently
from musicbee_warehouse.provision.waiters import wait

PARAMETERS = {"require_ssl": "true"}
FAMILY = "redshift-1.0"


def offered_nodes(account: Account) -> list[str]:
    """Return the node types that the region offers."""
    pages = account.redshift.get_paginator("describe_orderable_cluster_options").paginate()
    options = [option for page in pages for option in page["OrderableClusterOptions"]]
    return sorted({option["NodeType"] for option in options})


@singledispatch
def check_offered(warehouse: Warehouse, account: Account) -> None:
    """Say so if the region has no such nodes; a workgroup is refused at once, and has none.

    Raises:
        WarehouseError: if it hasn't.
    """


@check_offered.register
def _(warehouse: Cluster, account: Account) -> None:
    offered = offered_nodes(account)
    if warehouse.node_type not in offered:
        raise WarehouseError(
            f"{account.place.region} offers no nodes of {warehouse.node_type}; "
            f"it offers {', '.join(offered)}"
        )


@dataclass(frozen=True)
class ParameterGroup:
    """The parameter group, by which the cluster refuses connections without TLS."""

    kind: ClassVar[str] = "parameter group"
    account: Account
    warehouse: str

    @property
    def name(self) -> str:
        """The group's name."""
        return documents.group_name(self.warehouse)

    def find(self) -> Found | None:
        """Return the group and the parameters that were set."""
        redshift = self.account.redshift
        try:
            group = redshift.describe_cluster_parameter_groups(ParameterGroupName=self.name)
            user = redshift.describe_cluster_parameters(ParameterGroupName=self.name, Source="user")
        except redshift.exceptions.ClusterParameterGroupNotFoundFault:
            return None
        tags = tag_dict(group["ParameterGroups"][0].get("Tags", []))
        given = {each["ParameterName"]: each.get("ParameterValue") for each in user["Parameters"]}
        return Found(self.kind, self.name, tags, id=self.name, about=given)

    def lacks(self, found: Found, warehouse: Cluster) -> bool:  # noqa: ARG002 - the same for all
        """Tell whether TLS isn't required."""
        return any(found.about.get(name) != value for name, value in PARAMETERS.items())

    def make(self, warehouse: Cluster, tags: Mapping[str, str], found: Found | None) -> None:
        """Make the group; or set the parameters of one that is there."""
        redshift = self.account.redshift
        if found is None:
            with tolerated("ClusterParameterGroupAlreadyExists"):
                redshift.create_cluster_parameter_group(
                    ParameterGroupName=self.name,
                    ParameterGroupFamily=FAMILY,
                    Description=f"Requires TLS of {warehouse.name}",
                    Tags=tag_list(tags),
                )
            return
        parameters: list[Any] = tag_list(PARAMETERS, "ParameterName", "ParameterValue")
        redshift.modify_cluster_parameter_group(ParameterGroupName=self.name, Parameters=parameters)

    def wait(self) -> None:
        """Return at once: a group is there when it is made."""

    def remove(self, found: Found, final_snapshot: str | None = None) -> None:  # noqa: ARG002
        """Delete the group once no cluster uses it."""
        with tolerated("ClusterParameterGroupNotFound"):
            patiently(
                self.account,
                ("InvalidClusterParameterGroupState",),
                self.account.redshift.delete_cluster_parameter_group,
                ParameterGroupName=found.name,
            )

    def wait_gone(self) -> None:
        """Return at once: a deleted group is gone."""


@dataclass(frozen=True)
class SubnetGroup:
    """The subnets that the cluster is in, where some are named."""

    kind: ClassVar[str] = "subnet group"
    account: Account
    warehouse: str

    @property
    def name(self) -> str:
        """The group's name."""
        return documents.group_name(self.warehouse)

    def find(self) -> Found | None:
        """Return the group."""
        redshift = self.account.redshift
        try:
            answer = redshift.describe_cluster_subnet_groups(ClusterSubnetGroupName=self.name)
        except redshift.exceptions.ClusterSubnetGroupNotFoundFault:
            return None
        group = answer["ClusterSubnetGroups"][0]
        return Found(self.kind, self.name, tag_dict(group.get("Tags", [])), id=self.name)

    def lacks(self, found: Found, warehouse: Cluster) -> bool:  # noqa: ARG002 - it is made whole
        """Return False: it is made by one call."""
        return False

    def make(self, warehouse: Cluster, tags: Mapping[str, str], found: Found | None) -> None:  # noqa: ARG002
        """Make the group."""
        with tolerated("ClusterSubnetGroupAlreadyExists"):
            self.account.redshift.create_cluster_subnet_group(
                ClusterSubnetGroupName=self.name,
                Description=f"Where {warehouse.name} is",
                SubnetIds=[*warehouse.network.subnets],
                Tags=tag_list(tags),
            )

    def wait(self) -> None:
        """Return at once: a group is there when it is made."""

    def remove(self, found: Found, final_snapshot: str | None = None) -> None:  # noqa: ARG002
        """Delete the group once no cluster is in it."""
        with tolerated("ClusterSubnetGroupNotFoundFault"):
            patiently(
                self.account,
                ("InvalidClusterSubnetGroupStateFault",),
                self.account.redshift.delete_cluster_subnet_group,
                ClusterSubnetGroupName=found.name,
            )

    def wait_gone(self) -> None:
        """Return at once: a deleted group is gone."""


@dataclass(frozen=True)
class ProvisionedCluster:
    """The cluster."""

    kind: ClassVar[str] = "cluster"
    account: Account
    warehouse: str

    @property
    def name(self) -> str:
        """The cluster's identifier."""
        return self.warehouse

    def find(self) -> Found | None:
        """Return the cluster."""
        redshift = self.account.redshift
        try:
            answer = redshift.describe_clusters(ClusterIdentifier=self.name)
        except redshift.exceptions.ClusterNotFoundFault:
            return None
        return found_cluster(answer["Clusters"][0])

    def lacks(self, found: Found, warehouse: Cluster) -> bool:  # noqa: ARG002 - it is made whole
        """Return False: it is made by one call."""
        return False

    def make(self, warehouse: Cluster, tags: Mapping[str, str], found: Found | None) -> None:  # noqa: ARG002
        """Make the cluster: encrypted, private unless asked otherwise, no password known to us."""
        group = SecurityGroup(self.account, self.warehouse).find()
        many = {"ClusterType": "multi-node", "NumberOfNodes": warehouse.nodes}
        settings: dict[str, Any] = settings_of(warehouse, self.account.place)
        settings |= many if warehouse.nodes > 1 else {"ClusterType": "single-node"}
        with tolerated("ClusterAlreadyExists"):
            self.account.redshift.create_cluster(
                **settings,
                DefaultIamRoleArn=settings["IamRoles"][0],
                VpcSecurityGroupIds=[group.id] if group else [],
                Tags=tag_list(tags),
            )

    def wait(self) -> None:
        """Wait until it takes connections."""
        wait(
            self.account,
            self.account.redshift,
            "ClusterAvailable",
            ClusterIdentifier=self.name,
        )

    def tag(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        arn = self.account.place.arn("redshift", f"cluster:{self.name}")
        self.account.redshift.create_tags(ResourceName=arn, Tags=tag_list(tags))

    def remove(self, found: Found, final_snapshot: str | None = None) -> None:
        """Delete the cluster, leaving a snapshot of that name if one is given."""
        snapshot = (
            {"FinalClusterSnapshotIdentifier": final_snapshot, "SkipFinalClusterSnapshot": False}
            if final_snapshot
            else {"SkipFinalClusterSnapshot": True}
        )
        with tolerated("ClusterNotFound"):
            patiently(
                self.account,
                ("InvalidClusterState",),
                self.account.redshift.delete_cluster,
                ClusterIdentifier=found.name,
                **snapshot,
            )

    def wait_gone(self) -> None:
        """Wait until it is gone, and nothing more is charged."""
        wait(self.account, self.account.redshift, "ClusterGone", ClusterIdentifier=self.name)


def settings_of(warehouse: Cluster, place: documents.Place) -> dict[str, Any]:
    """Return what a cluster is made with, in the words of the API and of CloudFormation alike."""
    name = documents.group_name(warehouse.name)
    role = place.role_arn(warehouse.name)
    subnets = {"ClusterSubnetGroupName": name} if warehouse.network.subnets else {}
    return {
        "ClusterIdentifier": warehouse.name,
        "NodeType": warehouse.node_type,
        "DBName": warehouse.database,
        "MasterUsername": ADMIN,
        "ManageMasterPassword": True,
        "Port": PORT,
        "Encrypted": True,
        "PubliclyAccessible": bool(warehouse.network.public_from),
        "ClusterParameterGroupName": name,
        "IamRoles": [role],
        **subnets,
    }


def found_cluster(cluster: Any) -> Found:
    """Return a cluster as it is described."""
    name, tags = cluster["ClusterIdentifier"], tag_dict(cluster.get("Tags", []))
    state = cluster["ClusterStatus"]
    return Found(ProvisionedCluster.kind, name, tags, state, id=name, about=cluster)
