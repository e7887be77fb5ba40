"""The load of the same events in other files than one sound log a day, against that.

    python -m tests.benchmarks.layouts [--users 10000] [--days 60] [--repeat 3]

The files are packed, cut into hours or into ten lines each, have a blank line, or a broken one that
is left out, or one that ends the load, among sixty or in a single file. Each load runs in a process
of its own, in turns.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

Files = Iterator[tuple[str, bytes]]
"""Names and what is in the files."""


def sound(logs: list[Path]) -> Files:
    return ((log.name, log.read_bytes()) for log in logs)


def packed(logs: list[Path]) -> Files:
    return ((f"{name}.gz", gzip.compress(content, 1)) for name, content in sound(logs))


def hours(logs: list[Path]) -> Files:
    return _cut(logs, lambda lines: len(lines) // 24 + 1)


def ten_lines(logs: list[Path]) -> Files:
    return _cut(logs, lambda _: 10)


def blank(logs: list[Path]) -> Files:
    return ((name, content + b"\n" * (name == logs[-1].name)) for name, content in sound(logs))


def broken(logs: list[Path]) -> Files:
    for name, content in sound(logs):
        yield name, content[:-10] + b"\n" if name == logs[-1].name else content


def one_file(logs: list[Path]) -> Files:
    yield "log.json", b"".join(content for _, content in broken(logs))


def one_packed(logs: list[Path]) -> Files:
    return ((f"{name}.gz", gzip.compress(content, 1)) for name, content in one_file(logs))


def _cut(logs: list[Path], size: Callable[[list[bytes]], int]) -> Files:
    for log in logs:
        lines = log.read_bytes().splitlines(keepends=True)
        step = size(lines)
        for begin in range(0, len(lines), step):
            yield f"{log.stem}/{begin}.json", b"".join(lines[begin : begin + step])


LAYOUTS = {
    "sound": (sound, {}),
    "packed by gzip": (packed, {}),
    "a file an hour": (hours, {}),
    "ten lines a file": (ten_lines, {}),
    "one blank line": (blank, {}),
    "one broken line, left out": (broken, {"max_errors": 1}),
    "one broken line, refused": (broken, {}),
    "the same in a single file": (one_file, {}),
    "left out of a single file": (one_file, {"max_errors": 1}),
    "left out of a packed file": (one_packed, {"max_errors": 1}),
}


def write(files: Files, folder: Path) -> int:
    count = 0
    for count, (name, content) in enumerate(files, start=1):  # noqa: B007 - the last is the count
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return count


def run_job(folder: Path, options: dict[str, int]) -> None:
    from musicbee_warehouse import InputError, connect, load

    with tempfile.TemporaryDirectory() as place:
        engine = connect(f"duckdb:///{place}/warehouse.duckdb")
        started = time.perf_counter()
        try:
            events = load(engine, events=folder, **options).events
        except InputError as error:
            events = f"refused, line {error.line:,}"
        print(json.dumps([time.perf_counter() - started, events]))
        engine.dispose()


def measure(folder: Path, options: dict[str, int]) -> tuple[float, object]:
    command = [sys.executable, "-m", "tests.benchmarks.layouts", "--job", json.dumps(options)]
    done = subprocess.run([*command, "--data", folder], check=True, capture_output=True, text=True)
    seconds, events = json.loads(done.stdout)
    return seconds, events


def main() -> None:
    from musicbee_warehouse.simulator import simulate

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.job is not None:
        run_job(chosen.data, chosen.job)
        return
    with tempfile.TemporaryDirectory() as place:
        data = Path(place, "simulated")
        print(simulate(1000, chosen.users, days=chosen.days, newcomers=0).write(data))
        logs = sorted((data / "log_data").rglob("*.json"))
        folders = {layout: Path(place, str(n)) for n, layout in enumerate(LAYOUTS)}
        counts = {name: write(LAYOUTS[name][0](logs), folders[name]) for name in LAYOUTS}
        runs: dict[str, list[tuple[float, object]]] = {name: [] for name in LAYOUTS}
        for turn in range(chosen.repeat):
            for step in range(len(LAYOUTS)):
                name = list(LAYOUTS)[(turn + step) % len(LAYOUTS)]
                runs[name].append(measure(folders[name], LAYOUTS[name][1]))
    base = statistics.median(seconds for seconds, _ in runs["sound"])
    for name, done in runs.items():
        median = statistics.median(seconds for seconds, _ in done)
        figures = f"{counts[name]:>8,} files  {median:6.2f} s  {median / base:5.2f}"
        print(f"{name:<26} {figures}  {done[0][1]}")


if __name__ == "__main__":
    main()
