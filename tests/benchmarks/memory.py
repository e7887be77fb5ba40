"""The memory that a load of many events takes, at its peak, by a process of its own.

    python -m tests.benchmarks.memory [--users 60000] [--days 60] [--songs 15000]

By default the log has some ten million events in five gigabytes; it needs about twice that of disk.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.benchmarks.load import measure

LIMIT_MB = 2560


def main() -> None:
    from musicbee_warehouse.simulator import simulate

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=60_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--songs", type=int, default=15_000)
    parser.add_argument("--data", type=Path, help="a folder to keep the simulated files in")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = chosen.data or Path(folder)
        if not (data / "log_data").exists():
            print(simulate(chosen.songs, chosen.users, days=chosen.days, newcomers=0).write(data))
        done = measure("library", data)
    print({table: rows for table, (rows, _) in done["tables"].items()})
    print(f"{done['seconds']:.1f} s, {done['cpu']:.1f} s of CPU, {done['peak_mb']:,.0f} MB at most")
    assert done["peak_mb"] < LIMIT_MB, f"more than {LIMIT_MB:,} MB"


if __name__ == "__main__":
    main()
