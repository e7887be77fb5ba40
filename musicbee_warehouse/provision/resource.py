"""What a warehouse is made of: each resource can be found, made, waited for and removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from musicbee_warehouse.errors import WarehouseError
from musicbee_warehouse.provision.account import Account
from musicbee_warehouse.provision.documents import TAG


@dataclass(frozen=True)
class Found:
    """A resource that is there.

    Attributes:
        kind: what it is, in words.
        name: what AWS calls it.
        tags: its tags.
        state: as AWS says it: available, paused, creating, deleting.
        id: how other resources refer to it: an ARN, an identifier or the name.
        about: what AWS says of it.
    """

    kind: str
    name: str
    tags: Mapping[str, str]
    state: str = "available"
    id: str = ""
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def warehouse(self) -> str:
        """The name of the warehouse that it belongs to; empty if it isn't of ours."""
        return self.tags.get(f"{TAG}warehouse", "")

    @property
    def owner(self) -> str:
        """Who answers for it; empty if nobody is named."""
        return self.tags.get(f"{TAG}owner", "")

    def belongs_to(self, name: str, owner: str) -> bool:
        """Tell whether its tags prove that it is an owner's, of that warehouse."""
        return bool(name) and (self.warehouse, self.owner) == (name, owner)


class Resource(Protocol):
    """One resource of a warehouse, by the warehouse's name."""

    kind: ClassVar[str]

    @property
    def warehouse(self) -> str:
        """The name of the warehouse that it is for."""

    @property
    def name(self) -> str:
        """What AWS calls it."""

    def find(self) -> Found | None:
        """Return what is there, if anything."""

    def lacks(self, found: Found, warehouse: Any) -> bool:
        """Tell whether what is there isn't complete."""

    def make(self, warehouse: Any, tags: Mapping[str, str], found: Found | None) -> None:
        """Make it if nothing was found, or else complete it.

        What AWS says is there already is taken as made, and looked at again: it may be another's.
        """

    def wait(self) -> None:
        """Wait until it can be used."""

    def remove(self, found: Found, final_snapshot: str | None) -> None:
        """Ask for its removal; what AWS says is gone already is taken as removed."""

    def wait_gone(self) -> None:
        """Wait until it is gone."""


def patiently(account: Account, codes: tuple[str, ...], call: Any, **what: Any) -> None:
    """Call AWS again while it says that another resource is still in the way.

    Raises:
        WarehouseError: if it stays there.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 - a local user never needs it

    for attempt in range(1, account.pace.attempts + 1):
        try:
            call(**what)
        except ClientError as error:
            if error.response["Error"].get("Code") not in codes:
                raise
            if attempt == account.pace.attempts:
                raise WarehouseError(
                    f"AWS refuses {error.operation_name} still: "
                    f"{error.response['Error'].get('Message')}; run again later"
                ) from error
            account.sleep(account.pace.delay)
        else:
            return
