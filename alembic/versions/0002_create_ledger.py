"""Create the ledger of loads.

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-25
"""

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _key(constraint: sa.Constraint) -> sa.Constraint:
    """Declare a key for Redshift, whose planner trusts it; DuckDB would enforce it."""
    return constraint.ddl_if(dialect="redshift")


def upgrade() -> None:
    op.create_table(
        "load_run",
        sa.Column("run_id", sa.String(length=32), nullable=False, redshift_encode="zstd"),
        sa.Column("started_at", sa.TIMESTAMP(), nullable=False, redshift_encode="raw"),
        sa.Column("finished_at", sa.TIMESTAMP(), nullable=False, redshift_encode="az64"),
        sa.Column("files", sa.Integer(), nullable=False, redshift_encode="az64"),
        sa.Column("bytes", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("events", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("songs", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("plays", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("rejects", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        _key(sa.PrimaryKeyConstraint("run_id", name="load_run_pkey")),
        comment="A run that loaded files into the star, and was committed.",
        redshift_diststyle="ALL",
        redshift_sortkey="started_at",
    )
    op.create_table(
        "loaded_file",
        sa.Column("uri", sa.String(length=2048), nullable=False, redshift_encode="raw"),
        sa.Column("kind", sa.String(length=16), nullable=False, redshift_encode="zstd"),
        sa.Column("etag", sa.String(length=128), nullable=False, redshift_encode="zstd"),
        sa.Column("size", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("stamp", sa.String(length=64), nullable=True, redshift_encode="zstd"),
        sa.Column("rows", sa.BigInteger(), nullable=True, redshift_encode="az64"),
        sa.Column("run_id", sa.String(length=32), nullable=False, redshift_encode="zstd"),
        _key(
            sa.ForeignKeyConstraint(["run_id"], ["load_run.run_id"], name="loaded_file_run_id_fkey")
        ),
        _key(sa.PrimaryKeyConstraint("uri", name="loaded_file_pkey")),
        comment="A file, as it was last loaded.",
        redshift_diststyle="ALL",
        redshift_sortkey="uri",
    )
    op.create_table(
        "load_reject",
        sa.Column("run_id", sa.String(length=32), nullable=False, redshift_encode="raw"),
        sa.Column("uri", sa.String(length=2048), nullable=False, redshift_encode="zstd"),
        sa.Column("line", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("reason", sa.String(length=1024), nullable=False, redshift_encode="zstd"),
        sa.Column("text", sa.String(length=4096), nullable=True, redshift_encode="zstd"),
        _key(
            sa.ForeignKeyConstraint(["run_id"], ["load_run.run_id"], name="load_reject_run_id_fkey")
        ),
        comment="A line that a run left out, because COPY can't read it.",
        redshift_diststyle="ALL",
        redshift_sortkey="run_id",
    )
    op.create_table(
        "load_lock",
        sa.Column("run_id", sa.String(length=32), nullable=False, redshift_encode="raw"),
        comment="Empty; a run on Redshift locks it, so that no two load at once and readers go on.",
        redshift_diststyle="ALL",
    )
    op.create_table(
        "staging_overrides",
        sa.Column("songplay_id", sa.BigInteger(), nullable=True, redshift_encode="az64"),
        sa.Column("user_id", sa.BigInteger(), nullable=True, redshift_encode="az64"),
        sa.Column("seen_at", sa.TIMESTAMP(), nullable=True, redshift_encode="az64"),
        sa.Column("song_id", sa.String(length=32), nullable=True, redshift_encode="zstd"),
        sa.Column("artist_id", sa.String(length=32), nullable=True, redshift_encode="zstd"),
        comment=(
            "A key that stands in a file that changed since it was loaded, so its row is replaced."
        ),
        redshift_diststyle="ALL",
    )


def downgrade() -> None:
    for table in ("staging_overrides", "load_lock", "load_reject", "loaded_file", "load_run"):
        op.drop_table(table)
