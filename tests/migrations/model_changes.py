"""Single changes to the models, and what autogenerate is to make of each on either engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from musicbee_warehouse import Base
from musicbee_warehouse.migrations.compare import RENAMED_FROM

TABLES = ("artist_dim", "song_dim", "staging_songs", "load_run", "loaded_file")
ROWS = {
    "artist_dim": [
        {"artist_id": "AR1", "name": "Queen", "location": "London", "latitude": 51.5},
        {"artist_id": "AR2", "name": "Ägir", "location": None, "latitude": None},
    ],
    "song_dim": [
        {"song_id": "SO1", "title": "It's a Kind of Magic", "artist_id": "AR1", "year": 1986},
        {"song_id": "SO2", "title": None, "artist_id": "AR2", "year": None},
    ],
    "load_run": [
        {
            "run_id": "r1",
            "started_at": datetime(2018, 11, 1),
            "finished_at": datetime(2018, 11, 2),
            **dict.fromkeys(("files", "bytes", "events", "songs", "plays", "rejects"), 1),
        }
    ],
    "loaded_file": [
        {"uri": "s3://b/a", "kind": "songs", "etag": "e", "size": 10, "rows": 7, "run_id": "r1"}
    ],
}
"""``staging_songs`` is empty, as it is between loads."""


def models():
    """Return a copy of some of the models, to change."""
    metadata = sa.MetaData(naming_convention=Base.metadata.naming_convention)
    for name in TABLES:
        Base.metadata.tables[name].to_metadata(metadata)
    return metadata


@dataclass
class Change:
    """A change to the models, and the operations that autogenerate proposes, in order.

    ``moved`` tells the old name of a column by its new one; ``no_way_back`` is what an engine
    says where a dropped column can't be put back, because nobody knows what it held.
    """

    name: str
    make: Callable[[sa.MetaData], object]
    redshift: list[str]
    duckdb: list[str]
    moved: dict[str, str] = field(default_factory=dict)
    no_way_back: dict[str, str] = field(default_factory=dict)


def column(path):
    """Return a function that finds a column in the models, by ``table.column``."""
    table, name = path.split(".")
    return lambda metadata: metadata.tables[table].columns[name]


def setting(path, **attributes):
    """Change attributes of a column."""

    def make(metadata):
        for name, value in attributes.items():
            setattr(column(path)(metadata), name, value)

    return make


def arguing(path, **arguments):
    """Change ``redshift_...`` arguments of a table, or of a column by ``table.column``."""

    def make(metadata):
        item = column(path)(metadata) if "." in path else metadata.tables[path]
        for name, value in arguments.items():
            item.dialect_kwargs[f"redshift_{name}"] = value

    return make


def adding(table, name, type_, **options):
    return lambda metadata: metadata.tables[table].append_column(sa.Column(name, type_, **options))


def dropping(path, **arguments):
    """Drop a column, and change arguments of its table."""
    table, name = path.split(".")

    def make(metadata):
        arguing(table, **arguments)(metadata)
        metadata.tables[table]._columns.remove(column(path)(metadata))
        for key in list(metadata.tables[table].foreign_key_constraints):
            if name in key.column_keys:
                metadata.tables[table].constraints.remove(key)

    return make


def renaming(path, new):
    def make(metadata):
        table, old = path.split(".")
        kept = column(path)(metadata)
        dropping(path)(metadata)
        metadata.tables[table].append_column(
            sa.Column(
                new,
                kept.type,
                nullable=kept.nullable,
                info={RENAMED_FROM: old},
                **kept.dialect_kwargs,
            )
        )

    return make


def keyed(table, *keys):
    """Add keys to a table."""

    def make(metadata):
        for key in keys:
            metadata.tables[table].append_constraint(key())

    return make


def without_foreign_keys(table):
    def make(metadata):
        for key in list(metadata.tables[table].foreign_key_constraints):
            metadata.tables[table].constraints.remove(key)

    return make


def primary_key(table, *columns):
    def make(metadata):
        for name in columns:
            metadata.tables[table].columns[name].primary_key = True
        metadata.tables[table].append_constraint(sa.PrimaryKeyConstraint(*columns))

    return make


def new_table(metadata):
    sa.Table(
        "playlist",
        metadata,
        sa.Column("playlist_id", sa.BigInteger, autoincrement=False, redshift_encode="az64"),
        sa.Column("song_id", sa.String(32), sa.ForeignKey("song_dim.song_id"), nullable=False),
        sa.Column("name", sa.String(64), comment="As its listener calls it"),
        sa.PrimaryKeyConstraint("playlist_id"),
        comment="A playlist.",
        redshift_diststyle="KEY",
        redshift_distkey="song_id",
        redshift_sortkey=["song_id", "name"],
    )


def table_comment(table, comment):
    def make(metadata):
        metadata.tables[table].comment = comment

    return make


ADD, ALTER, DROP = "add_column", "modify", "remove_column"
CHANGES = [
    Change("add a column", adding("song_dim", "mood", sa.String(32)), [ADD], [ADD]),
    Change(
        "add a column with encoding and comment",
        adding("song_dim", "mood", sa.String(32), comment="How it feels", redshift_encode="zstd"),
        [ADD],
        [ADD],
    ),
    Change(
        "add a column with a default",
        adding("song_dim", "stars", sa.SmallInteger, nullable=False, server_default=sa.text("3")),
        [ADD],
        [ADD],
    ),
    Change(
        "add a column that is NOT NULL to an empty table",
        adding("staging_songs", "label", sa.String(32), nullable=False),
        ["rebuild_table"],
        [ADD],
    ),
    Change(
        "add a column with a foreign key",
        lambda metadata: metadata.tables["staging_songs"].append_column(
            sa.Column("run_id", sa.String(32), sa.ForeignKey("load_run.run_id"))
        ),
        [ADD, "add_fk"],
        [ADD],
    ),
    Change("drop a column", dropping("song_dim.title"), [DROP], [DROP]),
    Change(
        "drop a column with a foreign key",
        dropping("song_dim.artist_id"),
        ["remove_fk", DROP],
        [DROP],
        no_way_back={
            "duckdb": "song_dim has rows that need a value",
            "redshift": "Redshift adds no column that is NOT NULL without a default",
        },
    ),
    Change(
        "drop the sort key's column",
        dropping("load_run.started_at", sortkey=None),
        ["alter_sort_key", DROP],
        [DROP],
        no_way_back={
            "duckdb": "load_run has rows that need a value",
            "redshift": "Redshift adds no column that is NOT NULL without a default",
        },
    ),
    Change(
        "rename a column",
        renaming("song_dim.title", "name"),
        ["rename_column"],
        ["rename_column"],
        moved={"name": "title"},
    ),
    Change(
        "rename a column with a foreign key",
        lambda metadata: (
            renaming("song_dim.artist_id", "by_artist_id")(metadata),
            metadata.tables["song_dim"].append_constraint(
                sa.ForeignKeyConstraint(["by_artist_id"], ["artist_dim.artist_id"])
            ),
        ),
        ["remove_fk", "rename_column", "add_fk"],
        ["rename_column"],
        moved={"by_artist_id": "artist_id"},
    ),
    Change("widen a VARCHAR", setting("song_dim.title", type=sa.String(1024)), [ALTER], []),
    Change("narrow a VARCHAR", setting("song_dim.title", type=sa.String(64)), [ALTER], []),
    Change(
        "widen a primary key's VARCHAR",
        setting("artist_dim.artist_id", type=sa.String(64)),
        ["remove_fk", "rebuild_table", "add_fk"],
        [],
    ),
    Change(
        "widen a foreign key's VARCHAR",
        setting("song_dim.artist_id", type=sa.String(64)),
        ["rebuild_table"],
        [],
    ),
    Change(
        "widen a whole number",
        setting("song_dim.year", type=sa.Integer()),
        ["rebuild_table"],
        [ALTER],
    ),
    Change(
        "make a double of a whole number",
        setting("loaded_file.rows", type=sa.Double()),
        ["rebuild_table"],
        [ALTER],
    ),
    Change(
        "make a decimal of a double",
        setting("artist_dim.latitude", type=sa.Numeric(9, 6)),
        ["remove_fk", "rebuild_table", "add_fk"],
        [ALTER],
    ),
    Change(
        "make text of a whole number",
        setting("loaded_file.size", type=sa.String(20)),
        ["rebuild_table"],
        [ALTER],
    ),
    Change(
        "allow NULL",
        setting("loaded_file.etag", nullable=True),
        ["rebuild_table"],
        [ALTER],
    ),
    Change(
        "forbid NULL",
        setting("artist_dim.name", nullable=False),
        ["remove_fk", "rebuild_table", "add_fk"],
        [ALTER],
    ),
    Change(
        "distribute by a key, not to all nodes",
        arguing("song_dim", diststyle="KEY", distkey="artist_id"),
        ["alter_distribution"],
        [],
    ),
    Change(
        "distribute to all nodes, not by a key",
        arguing("staging_songs", diststyle="ALL", distkey=None),
        ["alter_distribution"],
        [],
    ),
    Change(
        "distribute by another key",
        arguing("staging_songs", distkey="artist_id"),
        ["alter_distribution"],
        [],
    ),
    Change(
        "distribute evenly",
        arguing("staging_songs", diststyle="EVEN", distkey=None),
        ["alter_distribution"],
        [],
    ),
    Change(
        "let Redshift distribute",
        arguing("staging_songs", diststyle=None, distkey=None),
        ["alter_distribution"],
        [],
    ),
    Change(
        "sort by another column", arguing("song_dim", sortkey="artist_id"), ["alter_sort_key"], []
    ),
    Change(
        "sort by two columns",
        arguing("song_dim", sortkey=["artist_id", "year"]),
        ["alter_sort_key"],
        [],
    ),
    Change(
        "sort a table that has no sort key",
        arguing("staging_songs", sortkey=["song_id"]),
        ["alter_sort_key"],
        [],
    ),
    Change("let Redshift sort", arguing("song_dim", sortkey=None), ["alter_sort_key"], []),
    Change(
        "sort interleaved",
        arguing("loaded_file", sortkey=None, interleaved_sortkey=["run_id", "uri"]),
        ["rebuild_table"],
        [],
    ),
    Change(
        "encode a column otherwise",
        arguing("song_dim.title", encode="lzo"),
        ["alter_encoding"],
        [],
    ),
    Change(
        "compress a column that was raw",
        arguing("song_dim.song_id", encode="zstd"),
        ["alter_encoding"],
        [],
    ),
    Change("name no encoding any more", arguing("song_dim.title", encode=None), [], []),
    Change("drop a foreign key", without_foreign_keys("song_dim"), ["remove_fk"], []),
    Change(
        "add a foreign key",
        keyed(
            "staging_songs",
            lambda: sa.ForeignKeyConstraint(["artist_id"], ["artist_dim.artist_id"]),
        ),
        ["add_fk"],
        [],
    ),
    Change(
        "add a primary key",
        primary_key("staging_songs", "song_id"),
        ["add_constraint"],
        [],
    ),
    Change(
        "change a primary key",
        primary_key("loaded_file", "run_id", "uri"),
        ["remove_constraint", "add_constraint"],
        [],
    ),
    Change(
        "add a unique key",
        keyed("song_dim", lambda: sa.UniqueConstraint("title", name="song_dim_title_key")),
        ["add_constraint"],
        [],
    ),
    Change(
        "change a table's comment",
        table_comment("song_dim", "A song, it's said"),
        ["add_table_comment"],
        ["add_table_comment"],
    ),
    Change(
        "drop a table's comment",
        table_comment("song_dim", None),
        ["remove_table_comment"],
        ["remove_table_comment"],
    ),
    Change(
        "comment a column",
        setting("song_dim.year", comment="Of the release; NULL: unknown"),
        [ALTER],
        [ALTER],
    ),
    Change("a new table", new_table, ["add_table"], ["add_table"]),
    Change(
        "drop a table",
        lambda metadata: metadata.remove(metadata.tables["staging_songs"]),
        ["remove_table"],
        ["remove_table"],
    ),
]
