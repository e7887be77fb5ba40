"""Migrates the warehouse named by ``-x url=...`` or by MUSICBEE_WAREHOUSE_URL."""

from sqlalchemy import make_url

from alembic import context
from musicbee_warehouse import Base, connect
from musicbee_warehouse.redshift.arguments import DRIVER
from musicbee_warehouse.settings import warehouse_url

url = make_url(context.get_x_argument(as_dictionary=True).get("url") or warehouse_url())

if context.is_offline_mode():
    backend = url.get_backend_name()
    context.configure(
        dialect_name=DRIVER if backend == "redshift" else backend,
        target_metadata=Base.metadata,
        literal_binds=True,
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    with connect(url).connect() as connection:
        has_keys = connection.dialect.name == "redshift"  # DuckDB's tables are made without them
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_object=lambda *about: has_keys or about[2] != "foreign_key_constraint",
        )
        with context.begin_transaction():
            context.run_migrations()
