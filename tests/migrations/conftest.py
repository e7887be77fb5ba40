"""A small warehouse on either engine, with migrations of its own."""

from __future__ import annotations

import shutil

import pytest
from model_changes import ROWS, models
from small_warehouse import SCRIPTS, Small

from musicbee_warehouse import connect


@pytest.fixture(scope="session")
def first(tmp_path_factory):
    """Return a folder of migrations whose first, by autogenerate, makes the small models."""
    scripts = tmp_path_factory.mktemp("migrations") / "alembic"
    (scripts / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako"):
        shutil.copy(SCRIPTS / name, scripts)
    engine = connect("duckdb:///:memory:")
    Small(engine, scripts).propose(models(), "1")
    engine.dispose()
    return scripts


@pytest.fixture
def scripts(first, tmp_path):
    """Return a copy of the migrations, to add one."""
    return shutil.copytree(first, tmp_path / "alembic")


@pytest.fixture(params=["duckdb", "redshift"])
def database(request):
    """Return the engine of an empty database."""
    if request.param == "duckdb":
        engine = connect("duckdb:///:memory:")
    else:
        engine = connect(request.getfixturevalue("redshift_url"))
    yield engine
    engine.dispose()


@pytest.fixture
def small(database, scripts):
    """Return a warehouse of the small models, with a few rows."""
    warehouse = Small(database, scripts)
    warehouse.run("upgrade", models(), "head")
    with database.begin() as connection:
        for table, rows in ROWS.items():
            connection.execute(models().tables[table].insert().inline(), rows)
    return warehouse
