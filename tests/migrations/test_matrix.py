"""Each single change to the models: proposed, applied, clean, taken back, and no row is lost."""

from __future__ import annotations

import pytest
from model_changes import CHANGES, models

from musicbee_warehouse.migrations.errors import MigrationError


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_change_is_proposed_applied_and_taken_back(small, change):
    schema, rows = small.schema(), small.rows()
    changed = models()
    change.make(changed)
    assert small.propose(changed) == getattr(change, small.name), small.text()
    small.run("upgrade", changed, "head")
    small.run("check", changed)
    require_kept(rows, small.rows(), change.moved)
    if refusal := change.no_way_back.get(small.name):
        with pytest.raises(MigrationError, match=refusal):
            small.run("downgrade", models(), "-1")
        return
    small.run("downgrade", models(), "-1")
    assert small.schema() == schema


def test_nothing_is_proposed_right_after_an_upgrade(small):
    small.run("check", models())


def require_kept(before, after, moved):
    """Require each value of before to be there after, by its new name, unless it was dropped."""
    new_names = {old: new for new, old in moved.items()}
    for table in before.keys() & after.keys():
        assert len(before[table]) == len(after[table])
        for old, new in zip(before[table], after[table], strict=True):
            here = {name: new_names.get(name, name) for name in old}
            assert {name: plain(value) for name, value in old.items() if here[name] in new} == {
                name: plain(new[there]) for name, there in here.items() if there in new
            }


def plain(value):
    """Return a value so that 7, 7.0, Decimal('7.000') and '7' are the same."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return value
