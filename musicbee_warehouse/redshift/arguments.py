"""The arguments that Redshift adds to tables and columns, known without importing its dialect.

SQLAlchemy asks the dialect which ``redshift_...`` arguments there are as soon as a table is
declared. The dialect imports Alembic, and together they take longer to import than the ORM: a cost
that somebody who works on DuckDB shouldn't pay. So the name ``redshift`` is registered to this
class, which knows the arguments and hands over to the real dialect when an engine is made.

``redshift+musicbee`` is our own dialect, see :mod:`musicbee_warehouse.redshift.dialect`.
"""

from __future__ import annotations

from sqlalchemy import URL, Column, Index, Table
from sqlalchemy.dialects import registry
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultDialect

DRIVER = "redshift+musicbee"
"""The name of our dialect in a URL."""


class RedshiftArguments(DefaultDialect):
    """Stands for the dialect of sqlalchemy-redshift until that is needed."""

    name = "redshift"
    construct_arguments = [  # noqa: RUF012 - as SQLAlchemy declares it
        (Index, {"using": False, "where": None, "ops": {}}),
        (
            Table,
            {
                "ignore_search_path": False,
                "diststyle": None,
                "distkey": None,
                "sortkey": None,
                "interleaved_sortkey": None,
                "encode": None,
            },
        ),
        (Column, {"encode": None, "distkey": None, "sortkey": None, "identity": None}),
    ]

    @classmethod
    def get_dialect_cls(cls, url: URL) -> type[Dialect]:
        """Return the dialect that sqlalchemy-redshift gives the bare name."""
        from sqlalchemy_redshift.dialect import RedshiftDialect_psycopg2  # noqa: PLC0415 - lazy

        dialect: type[Dialect] = RedshiftDialect_psycopg2.get_dialect_cls(url)
        return dialect


def register() -> None:
    """Let SQLAlchemy know the arguments and our dialect; a second call changes nothing."""
    registry.register("redshift", __name__, RedshiftArguments.__name__)
    registry.register(DRIVER.replace("+", "."), "musicbee_warehouse.redshift.dialect", "Redshift")
    # Where somebody used the stock dialect first, its arguments are the ones that are known.
    Table.argument_for("redshift", "encode", None)
