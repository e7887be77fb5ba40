"""Loads on the stand-in for Redshift, end to end: S3, a role, TLS, COPY, the star."""

from __future__ import annotations

from musicbee_warehouse import load
from tests.redshift.lakes import EXAMPLES


def test_a_load_gives_the_rows_that_duckdb_has(redshift, duckdb, lake, star_rows):
    report = load(redshift, **lake)
    load(duckdb, events=EXAMPLES / "log_data", songs=EXAMPLES / "song_data")
    assert report.files == 55
    assert star_rows(redshift) == star_rows(duckdb)
