"""Create the tables: staging, the star and the ledger.

Revision ID: 0001
Revises:
Create Date: 2026-11-24
"""

import sqlalchemy as sa

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "artist_dim",
        sa.Column("artist_id", sa.String(length=32), nullable=False, redshift_encode="raw"),
        sa.Column("name", sa.String(length=512), nullable=True, redshift_encode="zstd"),
        sa.Column("location", sa.String(length=512), nullable=True, redshift_encode="zstd"),
        sa.Column("latitude", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("longitude", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.PrimaryKeyConstraint("artist_id", name="artist_dim_pkey"),
        comment="An artist.",
        redshift_diststyle="ALL",
        redshift_sortkey="artist_id",
    )
    op.create_table(
        "staging_events",
        sa.Column("artist", sa.String(length=512), nullable=True, redshift_encode="zstd"),
        sa.Column("auth", sa.String(length=32), nullable=True, redshift_encode="zstd"),
        sa.Column("first_name", sa.String(length=128), nullable=True, redshift_encode="zstd"),
        sa.Column("gender", sa.String(length=16), nullable=True, redshift_encode="zstd"),
        sa.Column("item_in_session", sa.Integer(), nullable=False, redshift_encode="az64"),
        sa.Column("last_name", sa.String(length=128), nullable=True, redshift_encode="zstd"),
        sa.Column("length", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("level", sa.String(length=16), nullable=True, redshift_encode="zstd"),
        sa.Column("location", sa.String(length=256), nullable=True, redshift_encode="zstd"),
        sa.Column("method", sa.String(length=16), nullable=True, redshift_encode="zstd"),
        sa.Column("page", sa.String(length=64), nullable=False, redshift_encode="zstd"),
        sa.Column("registration", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("session_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("song", sa.String(length=512), nullable=True, redshift_encode="zstd"),
        sa.Column("status", sa.SmallInteger(), nullable=True, redshift_encode="az64"),
        sa.Column("ts", sa.TIMESTAMP(), nullable=False, redshift_encode="raw"),
        sa.Column("user_agent", sa.String(length=1024), nullable=True, redshift_encode="zstd"),
        sa.Column("user_id", sa.BigInteger(), nullable=True, redshift_encode="az64"),
        comment="A line of the activity log, as it arrived.",
        redshift_distkey="user_id",
        redshift_sortkey="ts",
        redshift_diststyle="KEY",
    )
    op.create_table(
        "staging_repeats",
        sa.Column("songplay_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("copies", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        comment="A play that the staged files hold more than once",
        redshift_diststyle="ALL",
    )
    op.create_table(
        "staging_songs",
        sa.Column("num_songs", sa.Integer(), nullable=True, redshift_encode="az64"),
        sa.Column("song_id", sa.String(length=32), nullable=False, redshift_encode="zstd"),
        sa.Column("title", sa.String(length=512), nullable=True, redshift_encode="zstd"),
        sa.Column("duration", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("year", sa.SmallInteger(), nullable=True, redshift_encode="az64"),
        sa.Column("artist_id", sa.String(length=32), nullable=False, redshift_encode="zstd"),
        sa.Column("artist_name", sa.String(length=512), nullable=True, redshift_encode="zstd"),
        sa.Column("artist_latitude", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("artist_longitude", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("artist_location", sa.String(length=512), nullable=True, redshift_encode="zstd"),
        comment="A song metadata object, as it arrived.",
        redshift_diststyle="KEY",
        redshift_distkey="song_id",
    )
    op.create_table(
        "time_dim",
        sa.Column("start_time", sa.TIMESTAMP(), nullable=False, redshift_encode="raw"),
        sa.Column("hour", sa.SmallInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("day", sa.SmallInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("week", sa.SmallInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("month", sa.SmallInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("year", sa.SmallInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("weekday", sa.SmallInteger(), nullable=False, redshift_encode="az64"),
        sa.PrimaryKeyConstraint("start_time", name="time_dim_pkey"),
        comment="An instant at which a play began, in UTC",
        redshift_diststyle="ALL",
        redshift_sortkey="start_time",
    )
    op.create_table(
        "user_dim",
        sa.Column(
            "user_id", sa.BigInteger(), nullable=False, redshift_encode="raw", autoincrement=False
        ),
        sa.Column("first_name", sa.String(length=128), nullable=True, redshift_encode="zstd"),
        sa.Column("last_name", sa.String(length=128), nullable=True, redshift_encode="zstd"),
        sa.Column("gender", sa.String(length=16), nullable=True, redshift_encode="zstd"),
        sa.Column("level", sa.String(length=16), nullable=True, redshift_encode="zstd"),
        sa.Column("last_seen_at", sa.TIMESTAMP(), nullable=False, redshift_encode="az64"),
        sa.PrimaryKeyConstraint("user_id", name="user_dim_pkey"),
        comment="A user, as last seen.",
        redshift_distkey="user_id",
        redshift_sortkey="user_id",
        redshift_diststyle="KEY",
    )
    op.create_table(
        "song_dim",
        sa.Column("song_id", sa.String(length=32), nullable=False, redshift_encode="raw"),
        sa.Column("title", sa.String(length=512), nullable=True, redshift_encode="zstd"),
        sa.Column("artist_id", sa.String(length=32), nullable=False, redshift_encode="zstd"),
        sa.Column("year", sa.SmallInteger(), nullable=True, redshift_encode="az64"),
        sa.Column("duration", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.Column("artist_name", sa.String(length=512), nullable=True, redshift_encode="zstd"),
        sa.PrimaryKeyConstraint("song_id", name="song_dim_pkey"),
        sa.ForeignKeyConstraint(
            ["artist_id"], ["artist_dim.artist_id"], name="song_dim_artist_id_fkey"
        ),
        comment="A song of the catalogue",
        redshift_diststyle="ALL",
        redshift_sortkey="song_id",
    )
    op.create_table(
        "songplay_fact",
        sa.Column(
            "songplay_id",
            sa.BigInteger(),
            nullable=False,
            redshift_encode="az64",
            autoincrement=False,
        ),
        sa.Column("start_time", sa.TIMESTAMP(), nullable=False, redshift_encode="raw"),
        sa.Column("user_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("level", sa.String(length=16), nullable=True, redshift_encode="zstd"),
        sa.Column("song_id", sa.String(length=32), nullable=True, redshift_encode="zstd"),
        sa.Column("artist_id", sa.String(length=32), nullable=True, redshift_encode="zstd"),
        sa.Column("session_id", sa.BigInteger(), nullable=False, redshift_encode="az64"),
        sa.Column("item_in_session", sa.Integer(), nullable=False, redshift_encode="az64"),
        sa.Column("location", sa.String(length=256), nullable=True, redshift_encode="zstd"),
        sa.Column("user_agent", sa.String(length=1024), nullable=True, redshift_encode="zstd"),
        sa.Column("duration", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.PrimaryKeyConstraint("songplay_id", name="songplay_fact_pkey"),
        sa.ForeignKeyConstraint(
            ["start_time"], ["time_dim.start_time"], name="songplay_fact_start_time_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_dim.user_id"], name="songplay_fact_user_id_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["song_id"], ["song_dim.song_id"], name="songplay_fact_song_id_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["artist_id"], ["artist_dim.artist_id"], name="songplay_fact_artist_id_fkey"
        ),
        comment="One play of one song by one user (page NextSong)",
        redshift_distkey="user_id",
        redshift_sortkey="start_time",
        redshift_diststyle="KEY",
    )
    op.create_table(
        "unmatched_songplay",
        sa.Column(
            "songplay_id",
            sa.BigInteger(),
            nullable=False,
            redshift_encode="az64",
            autoincrement=False,
        ),
        sa.Column("title", sa.String(length=512), nullable=True, redshift_encode="zstd"),
        sa.Column("artist_name", sa.String(length=512), nullable=True, redshift_encode="zstd"),
        sa.Column("duration", sa.Double(), nullable=True, redshift_encode="zstd"),
        sa.PrimaryKeyConstraint("songplay_id", name="unmatched_songplay_pkey"),
        sa.ForeignKeyConstraint(
            ["songplay_id"],
            ["songplay_fact.songplay_id"],
            name="unmatched_songplay_songplay_id_fkey",
        ),
        comment="A play whose song is not in the catalogue yet, with the words that will find it.",
        redshift_diststyle="KEY",
        redshift_distkey="songplay_id",
    )
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
        sa.PrimaryKeyConstraint("run_id", name="load_run_pkey"),
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
        sa.ForeignKeyConstraint(["run_id"], ["load_run.run_id"], name="loaded_file_run_id_fkey"),
        sa.PrimaryKeyConstraint("uri", name="loaded_file_pkey"),
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
        sa.ForeignKeyConstraint(["run_id"], ["load_run.run_id"], name="load_reject_run_id_fkey"),
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
    for table in (
        "staging_overrides",
        "load_lock",
        "load_reject",
        "loaded_file",
        "load_run",
        "unmatched_songplay",
        "songplay_fact",
        "song_dim",
        "user_dim",
        "time_dim",
        "staging_songs",
        "staging_repeats",
        "staging_events",
        "artist_dim",
    ):
        op.drop_table(table)
