"""Fetching from a bucket, side by side with a bare threaded boto3 loop that does nothing else.

    python -m tests.benchmarks.s3 [--objects 3000] [--size 250] [--latency 0.0] [--threads 16]

The server, moto, runs in a process of its own; with ``--latency`` each answer waits so many
seconds, as behind a network. ``bare`` reads each object into memory and drops it; ``fetch`` has
them all on disk; each turn both have to come by every byte. They take turns, and the medians are
compared: of the time, which here is mostly the server's, and of the processor time of this process
alone, which is what would tell behind a faster server.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from musicbee_warehouse.loading.s3 import fetch, list_objects
from tests.loading import s3_server


def bare(client, objects, threads: int) -> int:
    def get(listed) -> int:
        key = listed.uri.removeprefix("s3://bucket/")
        return len(client.get_object(Bucket="bucket", Key=key)["Body"].read())

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(get, objects))


def fetched(client, objects, threads: int) -> int:
    with (
        tempfile.TemporaryDirectory() as folder,
        fetch(objects, folder, client=client, threads=threads) as batches,
    ):
        return sum(len(file.open().read()) for batch in batches for file in batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=3000)
    parser.add_argument("--size", type=int, default=250, help="of an object, in bytes")
    parser.add_argument("--latency", type=float, default=0.0, help="of an answer, in seconds")
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    command = [sys.executable, s3_server.__file__, str(given.objects), str(given.size)]
    command += ["--latency", str(given.latency)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as server:
        client = s3_server.client(server.stdout.readline().strip(), connections=given.threads)
        objects = list(list_objects("s3://bucket", client=client))
        clock: dict[str, list[float]] = {"bare": [], "fetch": []}
        processor: dict[str, list[float]] = {"bare": [], "fetch": []}
        for turn in range(given.repeat):
            sides = [("bare", bare), ("fetch", fetched)]
            for name, side in sides if turn % 2 else reversed(sides):
                started, started_processor = time.perf_counter(), time.process_time()
                size = side(client, objects, given.threads)
                clock[name].append(time.perf_counter() - started)
                processor[name].append(time.process_time() - started_processor)
                assert size == given.objects * given.size
        server.stdin.close()
    for title, seconds in {"clock": clock, "processor": processor}.items():
        median = {name: statistics.median(taken) for name, taken in seconds.items()}
        rates = ", ".join(
            f"{name} {taken:.2f} s ({given.objects / taken:,.0f} objects/s, "
            f"{given.objects * given.size / 1e6 / taken:,.1f} MB/s)"
            for name, taken in median.items()
        )
        print(f"{title:<9} {rates}; fetch / bare = {median['fetch'] / median['bare']:.2f}")


if __name__ == "__main__":
    main()
