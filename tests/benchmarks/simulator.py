"""How fast the simulator writes, and in how much memory.

    python tests/benchmarks/simulator.py [--large]

Each measurement is a process of its own, on one core, so that its peak of memory is its own;
`--large` adds one of 20 million events. All that is written stays until the end, 3.5 GB and with
`--large` 13 GB: ext4 makes files up to twenty times slower for some minutes after as many were
removed.
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
DAYS = {"1 million": 41, "5 million": 154, "20 million": 538}
"""In how many days so many users make so many events, about."""


def measure(folder: str, songs: int, users: int, days: int) -> None:
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


def measured(folder: str, *arguments: int) -> dict[str, float]:
    command = [sys.executable, __file__, "measure", tempfile.mkdtemp(dir=folder)]
    done = subprocess.run([*command, *map(str, arguments)], check=True, capture_output=True)
    return json.loads(done.stdout)


def empty_files(folder: str, count: int) -> float:
    """Seconds that the file system alone takes to create as many files."""
    inside = tempfile.mkdtemp(dir=folder)
    begin = time.perf_counter()
    for number in range(count):
        Path(inside, str(number)).touch()
    return time.perf_counter() - begin


def compare(folder: str, *, large: bool) -> None:
    floor = [empty_files(folder, 10_000) for _ in range(3)]
    print("10,000 empty files, by the file system:", ", ".join(f"{s:.2f} s" for s in floor))
    songs = [measured(folder, 10_000, 0, 1)["seconds"] for _ in range(3)]
    print("10,000 songs, a file each:", ", ".join(f"{seconds:.2f} s" for seconds in songs))
    one, five, twenty = DAYS.values()
    for days in [one] * 3 + [five] + [twenty] * large:
        found = measured(folder, 1000, USERS, days)
        print(
            f"{found['events']:>10,} events of {USERS:,} users in {found['days']} days, "
            f"{found['megabytes']:,.0f} MB: {found['seconds']:.1f} s, "
            f"{found['events'] / found['seconds']:,.0f} events/s "
            f"({found['events'] / found['processor']:,.0f} of processor time), "
            f"{found['memory']:.0f} MB of memory at most"
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        compare(folder, large="--large" in sys.argv)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        main()
