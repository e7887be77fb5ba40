"""Delete the warehouse and all that was made for it, and see that nothing is left that costs.

    python examples/delete_cluster_iac.py [--yes]

The files in S3 stay. Only what its tags prove the warehouse's and yours is deleted.
"""

from __future__ import annotations

import sys

from musicbee_warehouse import WarehouseError, provision
from musicbee_warehouse.settings import cluster_settings


def main() -> None:
    """Show what would be deleted; delete it if that is wanted."""
    name = provision.described(cluster_settings()).name
    account = provision.account()
    print(provision.removal(name, account))
    if "--yes" in sys.argv or input("Delete it? [y/N] ").lower() == "y":
        provision.delete(name, account, on_step=lambda *step: print(" ", *step))
        print(f"nothing of {name} is left")


if __name__ == "__main__":
    try:
        main()
    except WarehouseError as error:
        sys.exit(f"Error: {error}")
