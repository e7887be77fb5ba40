"""The same files give the same rows on Redshift and on DuckDB: simulated ones, and the sample."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from random import Random

import pytest
from sqlalchemy import func, select

from musicbee_warehouse import LoadedFile, LoadReject, LoadRun, load
from musicbee_warehouse.simulator import Defects, simulate
from tests.loading.s3_server import backend
from tests.redshift.lakes import contents

FIRST = date(2018, 11, 1)
QUICK = 2
SEEDS = [seed if seed < QUICK else pytest.param(seed, marks=pytest.mark.slow) for seed in range(50)]


def awkward(seed):
    """Return defects of all kinds that a load takes; in every second seed also those it refuses."""
    random = Random(seed)
    kinds = ("duplicates", "out_of_order", "spellings", "numbers_as_names", "missing_keys")
    rates = {kind: random.choice((0.0, 0.05, 0.3)) for kind in (*kinds, "mojibake", "late_files")}
    rates |= {
        kind: random.choice((0.0, 0.3)) for kind in ("crlf", "pretty_printed", "concatenated")
    }
    if rates["duplicates"]:
        rates["mojibake"] = 0.0  # or the two copies of a line would be two events of one key
    if seed % 2:
        rates["long_strings"] = 0.02
    return Defects(**rates)


def simulated(seed, **options):
    """Return a small service of a few days."""
    return simulate(30, 12, start=FIRST, days=4 + seed % 5, seed=seed, **options)


@pytest.fixture(params=SEEDS)
def written(request, tmp_path):
    """Return the folder of a simulation, and its seed."""
    seed = request.param
    service = simulated(seed, defects=awkward(seed))
    service.write(tmp_path, gzip=seed % 3 == 0, songs_per_file=1 + seed % 4)
    return tmp_path, seed


def ledger(engine):
    """Return what the ledger says, but for what differs between two runs or two addresses."""
    run = (LoadRun.files, LoadRun.bytes, LoadRun.events, LoadRun.songs, LoadRun.plays)
    questions = (
        select(*run, LoadRun.rejects).order_by(LoadRun.started_at),
        select(LoadedFile.kind, func.count(), func.sum(LoadedFile.size)).group_by(LoadedFile.kind),
        select(LoadReject.line, LoadReject.reason, LoadReject.text),
    )
    with engine.connect() as connection:
        return [sorted(map(tuple, connection.execute(each)), key=repr) for each in questions]


def test_a_load_at_once_gives_the_same_rows(redshift, duckdb, bucket, put, written, star_rows):
    folder, _ = written
    put(bucket, contents(folder))
    sources = {"events": f"s3://{bucket}/log_data", "songs": f"s3://{bucket}/song_data"}
    load(redshift, **sources, work=f"s3://{bucket}/work", max_errors=1000)
    load(duckdb, events=folder / "log_data", songs=folder / "song_data", max_errors=1000)
    assert star_rows(redshift) == star_rows(duckdb)
    assert ledger(redshift) == ledger(duckdb)


def test_loads_day_by_day_give_the_same_rows(redshift, duckdb, bucket, put, written, star_rows):
    folder, seed = written
    put(bucket, contents(folder))
    options = {"max_errors": 1000}
    for since, until in ((FIRST, FIRST + timedelta(2)), (None, None)):
        sources = {"events": f"s3://{bucket}/log_data", "songs": f"s3://{bucket}/song_data"}
        period = {"since": since, "until": until}
        load(redshift, **sources, **period, work=f"s3://{bucket}/work", **options)
        load(
            duckdb,
            events=folder / "log_data",
            songs=folder / "song_data",
            **period,
            **options,
        )
        assert star_rows(redshift) == star_rows(duckdb)
        assert ledger(redshift) == ledger(duckdb)
    for name in ("log_data", "song_data"):
        shutil.rmtree(folder / name)
    simulated(seed).write(folder)  # the same without defects, so most files have changed
    backend().buckets[bucket].keys.clear()
    put(bucket, contents(folder))
    report = load(redshift, **sources, work=f"s3://{bucket}/work", **options)
    load(duckdb, events=folder / "log_data", songs=folder / "song_data", **options)
    assert report.changed or seed % 3 == 0  # the names of gzip files differ
    assert star_rows(redshift) == star_rows(duckdb)
    assert ledger(redshift) == ledger(duckdb)


def test_the_real_sample_gives_the_same_rows(
    redshift, bucket, put, sample, loaded_sample, star_rows
):
    put(bucket, contents(sample))
    report = load(
        redshift,
        events=f"s3://{bucket}/log_data",
        songs=f"s3://{bucket}/song_data",
        work=f"s3://{bucket}/work",
    )
    assert report.events == 8056
    assert star_rows(redshift) == star_rows(loaded_sample)
