"""Make the tables in the warehouse that create_cluster_iac.py made, by the migrations.

    python examples/create_tables.py

Run again after an update, it migrates the tables that are there.
"""

from __future__ import annotations

import sys

from musicbee_warehouse import WarehouseError, connect, migrations, provision
from musicbee_warehouse.settings import cluster_settings


def main() -> None:
    """Find the warehouse by its name and migrate it."""
    name = provision.described(cluster_settings()).name
    engine = connect(name)
    migrations.upgrade(engine)
    engine.dispose()
    print(f"{name} has all tables")


if __name__ == "__main__":
    try:
        main()
    except WarehouseError as error:
        sys.exit(f"Error: {error}")
