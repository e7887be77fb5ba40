"""How often a load asks Redshift, whatever the size of the data, and that no row comes by us."""

from __future__ import annotations

import pytest

from musicbee_warehouse import load
from musicbee_warehouse.simulator import simulate
from tests.redshift.lakes import contents


@pytest.fixture
def loaded(cloud, redshift, bucket, put, tmp_path):
    """Return a function that loads a simulation; it gives what was asked, and the report."""

    def run(name, songs, users, full_refresh=False, **options):
        simulate(songs, users, days=5, seed=3).write(tmp_path / name, **options)
        put(bucket, contents(tmp_path / name, f"{name}/"))
        redshift.dispose()
        with cloud.statements.recorded() as asked:
            report = load(
                redshift,
                events=f"s3://{bucket}/{name}/log_data",
                songs=f"s3://{bucket}/{name}/song_data",
                work=f"s3://{bucket}/work",
                full_refresh=full_refresh,
            )
        return asked, report

    return run


def test_a_load_of_any_size_takes_at_most_40_statements_and_3_connections(loaded):
    few, small = loaded("few", 10, 5)
    many, large = loaded("many", 800, 400, full_refresh=True)
    assert large.bytes > 20 * small.bytes
    assert large.files > 20 * small.files
    for asked in (few, many):
        assert len(asked) <= 40, asked
        assert len(asked.connections) <= 3


def test_no_row_passes_through_the_client(loaded):
    asked, report = loaded("rows", 500, 100)
    assert report.rows["songplay_fact"][1] > 100
    inserts = [sql for sql in asked.sql if sql.startswith("INSERT")]
    assert inserts
    assert all("SELECT" in sql and "VALUES" not in sql for sql in inserts)
    assert not [statement for statement in asked if statement.parameters]
    assert max(map(len, asked.sql)) < 20_000


def test_plain_and_gzip_files_are_loaded_side_by_side(loaded, redshift, star_rows):
    loaded("plain", 50, 20)
    before = star_rows(redshift)
    loaded("packed", 50, 20, gzip=True)
    assert star_rows(redshift) == before
