"""What the tests of loading share."""

from __future__ import annotations

import pytest

from musicbee_warehouse import connect


@pytest.fixture
def engine(tmp_path):
    """Return the engine of a warehouse in a file that isn't there yet."""
    engine = connect(f"duckdb:///{tmp_path / 'warehouse.duckdb'}")
    yield engine
    engine.dispose()
