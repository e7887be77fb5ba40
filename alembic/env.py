"""Migrates the warehouse named by ``-x url=...`` or by MUSICBEE_WAREHOUSE_URL."""

from alembic import context
from musicbee_warehouse.migrations.environment import run

run(context)
