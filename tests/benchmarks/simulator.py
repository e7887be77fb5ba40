"""How fast the simulator writes, and in how much memory.

    python tests/benchmarks/simulator.py [--large]

Each measurement is a process of its own, on one core, so that its peak of memory is its own;
`--large` adds one of 20 million events, 10 GB on disk while it runs.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from musicbee_warehouse.simulator import simulate

USERS = 10_000
EVENTS_OF_A_USER = 2.65  # a day, about


def measure(songs: int, users: int, days: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wall, processor = time.perf_counter(), time.process_time()
        written = simulate(songs, users, days=days).write(folder)
        print(
            json.dumps(
                {
                    "songs": written.songs,
                    "events": written.events,
                    "days": days,
                    "megabytes": written.bytes / 1e6,
                    "seconds": time.perf_counter() - wall,
                    "processor": time.process_time() - processor,
                    "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                }
            )
        )


def measured(*arguments: int) -> dict[str, float]:
    command = [sys.executable, __file__, "measure", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def empty_files(count: int) -> float:
    """Seconds that the file system alone takes to create as many files."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        for number in range(count):
            Path(folder, str(number)).touch()
        return time.perf_counter() - begin


def main() -> None:
    floor = [empty_files(10_000) for _ in range(3)]
    print("10,000 empty files, by the file system:", ", ".join(f"{s:.2f} s" for s in floor))
    songs = [measured(10_000, 0, 1)["seconds"] for _ in range(3)]
    print("10,000 songs, a file each:", ", ".join(f"{seconds:.2f} s" for seconds in songs))
    for events in [1_000_000] * 3 + [5_000_000] + [20_000_000] * ("--large" in sys.argv):
        found = measured(1000, USERS, round(events / USERS / EVENTS_OF_A_USER))
        print(
            f"{found['events']:>10,} events of {USERS:,} users in {found['days']} days, "
            f"{found['megabytes']:,.0f} MB: {found['seconds']:.1f} s, "
            f"{found['events'] / found['seconds']:,.0f} events/s "
            f"({found['events'] / found['processor']:,.0f} of processor time), "
            f"{found['memory']:.0f} MB of memory at most"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(*map(int, sys.argv[2:]))
    else:
        main()
