"""Load the files of S3 into the warehouse, each exactly once, and ask what was played most.

python examples/etl.py
"""

from __future__ import annotations

import sys

from musicbee_warehouse import WarehouseError, analytics, connect, load, provision
from musicbee_warehouse.settings import cluster_settings


def main() -> None:
    """Find the warehouse by its name, load what is new, and query it."""
    warehouse = provision.described(cluster_settings())
    events, songs = warehouse.data
    engine = connect(warehouse.name)
    print(load(engine, events=events, songs=songs))
    with engine.connect() as connection:
        for row in connection.execute(analytics.top_songs(5)):
            print(*row)
    engine.dispose()


if __name__ == "__main__":
    try:
        main()
    except WarehouseError as error:
        sys.exit(f"Error: {error}")
