"""Create the warehouse that musicbee-warehouse.toml describes, and wait until it can be used.

    python examples/create_cluster_iac.py [--yes]

Next: create_tables.py, etl.py; and delete_cluster_iac.py when you are done, for it costs money.
"""

from __future__ import annotations

import sys

from musicbee_warehouse import WarehouseError, provision
from musicbee_warehouse.settings import cluster_settings


def main() -> None:
    """Show what would be made and what it costs; make it if that is wanted."""
    warehouse = provision.described(cluster_settings())
    account = provision.account()
    print(provision.plan(warehouse, account))
    if "--yes" in sys.argv or input("Create it? [y/N] ").lower() == "y":
        print(provision.create(warehouse, account, on_step=lambda *step: print(" ", *step)))


if __name__ == "__main__":
    try:
        main()
    except WarehouseError as error:
        sys.exit(f"Error: {error}")
