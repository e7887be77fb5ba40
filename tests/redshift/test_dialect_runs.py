"""What the dialect's statements do to rows and tables, through the real driver."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Enum,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Uuid,
    bindparam,
    create_engine,
    delete,
    exists,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.schema import CreateTable

from musicbee_warehouse import Base, connect


class Notes(DeclarativeBase):
    pass


class Note(Notes):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    start: Mapped[str] = mapped_column(String(40))
    share: Mapped[float | None] = mapped_column(Numeric(9, 3))


class Seen(Notes):
    __tablename__ = "seen"
    id: Mapped[int] = mapped_column(BigInteger, Identity(start=5, increment=5), primary_key=True)
    note_id: Mapped[int] = mapped_column(BigInteger)


@pytest.fixture
def engine(redshift_url):
    engine = connect(redshift_url)
    Notes.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def noted(engine):
    """Return an engine with ten notes, of which the third has been seen."""
    with engine.begin() as connection:
        notes = [{"id": number, "start": f"{number}0%"} for number in range(10)]
        connection.execute(insert(Note), notes)
        connection.execute(insert(Seen), {"note_id": 3})
    return engine


def ids(engine):
    with engine.connect() as connection:
        return connection.scalars(select(Note.id).order_by(Note.id)).all()


SEEN = exists().where(Seen.note_id == Note.id)


@pytest.mark.parametrize(
    ("condition", "left"),
    [(SEEN, [0, 1, 2, 4, 5, 6, 7, 8, 9]), (~SEEN, [3]), (Note.id.in_([1, 2]), [0, *range(3, 10)])],
    ids=["seen", "not seen", "listed"],
)
@pytest.mark.parametrize("target", [Note, Note.__table__], ids=["model", "table"])
def test_delete_keeps_its_meaning(noted, condition, left, target):
    with noted.begin() as connection:
        connection.execute(delete(target).where(condition))
    assert ids(noted) == left


@pytest.mark.parametrize("condition", [SEEN, Note.id == Seen.note_id], ids=["exists", "using"])
def test_a_session_deletes_what_the_condition_says(noted, condition):
    with Session(noted) as session, session.begin():
        done = session.execute(
            delete(Note).where(condition), execution_options={"synchronize_session": False}
        )
    assert (done.rowcount, len(ids(noted))) == (1, 9)


def test_a_session_adds_changes_and_deletes_an_object_with_its_own_key(engine):
    with Session(engine) as session:
        note = Note(id=1, start="it's 5%", share=12.345)
        session.add(note)
        session.commit()
        assert (note.start, float(note.share)) == ("it's 5%", 12.345)
        note.start = "later"
        session.commit()
        assert session.get(Note, 1).start == "later"
        session.delete(note)
        session.commit()
    assert ids(engine) == []


def test_redshift_numbers_the_rows(engine):
    with engine.begin() as connection:
        connection.execute(insert(Seen), [{"note_id": 7}, {"note_id": 8}])
        connection.execute(insert(Seen).values(note_id=9))
        connection.execute(insert(Seen).values(note_id=1, id=1000))
        numbers = dict(map(tuple, connection.execute(select(Seen.note_id, Seen.id))))
    assert numbers[1] == 1000
    assert all(number % 5 == 0 for number in numbers.values())
    assert len(set(numbers.values())) == 4


def test_many_rows_travel_in_few_statements(cloud, engine):
    rows = [{"id": number, "start": "?", "share": None} for number in range(2500)]
    with cloud.statements.recorded() as asked, engine.begin() as connection:
        connection.execute(insert(Note), rows)
    assert len(asked.work().of("INSERT")) == 3
    assert ids(engine) == list(range(2500))


def test_an_insert_takes_a_cte(noted):
    seen = select(Seen.note_id).cte("seen_notes")
    fresh = select(seen.c.note_id + 100, literal("copy"))
    with noted.begin() as connection:
        connection.execute(insert(Note).from_select(["id", "start"], fresh))
    assert 103 in ids(noted)


@pytest.mark.parametrize(
    "value",
    [
        "50%",
        "%s %(a)s %%",
        "it's",
        "a\\b",
        "\\'",
        "'\\",
        'say "?"',
        ":name ::x",
        "é€😀",
        "--",
        "/*",
    ],
)
def test_text_arrives_as_it_is(engine, value):
    """As a parameter, as a literal, and in SQL of one's own."""
    quoted = value.replace("\\", "\\\\").replace("'", "''")
    with engine.connect() as connection:
        assert connection.scalar(select(literal(value, String))) == value
        spelt = literal(value, String, literal_execute=True)
        assert connection.scalar(select(spelt)) == value
        assert connection.scalar(select(bindparam("a", value), text("7 % 4"))) == value
        written = text(f"SELECT '{quoted}'".replace(":", "\\:"))
        assert connection.scalar(written) == value


def test_remainders_and_quotients_are_right(engine):
    seven, two = literal(7, Integer), literal(2, Integer)
    with engine.connect() as connection:
        assert connection.scalar(select(seven % two)) == 1
        assert float(connection.scalar(select(seven / two))) == 3.5
        assert connection.scalar(select(seven // two)) == 3
        assert float(connection.scalar(select(seven / literal(2.5, Numeric(9, 1))))) == 2.8
        assert connection.scalar(text("SELECT 7 % 4")) == 3


def test_sql_of_ones_own_keeps_the_driver_s_parameters(engine):
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT 'a%%' || %s, 7 %% 4", ("b",)).one()
    assert tuple(found) == ("a%%b", 3)


def test_an_update_from_another_table(noted):
    with noted.begin() as connection:
        connection.execute(
            update(Note).where(Note.id == Seen.note_id).values(start="seen", share=func.length("a"))
        )
        changed = connection.scalars(select(Note.id).where(Note.start == "seen")).all()
    assert changed == [3]


def test_the_tables_of_the_warehouse_are_reflected_as_declared(redshift):
    """Types, keys, layout and encodings; a table made anew from what is reflected is the same."""
    found = MetaData()
    found.reflect(redshift)
    for declared in Base.metadata.sorted_tables:
        reflected = found.tables[declared.name]
        assert layout(reflected) == layout(declared)
        assert [spelt(column) for column in reflected.c] == [spelt(column) for column in declared.c]
        assert reflected.primary_key.columns.keys() == declared.primary_key.columns.keys()
        assert {key.target_fullname for key in reflected.foreign_keys} == {
            key.target_fullname for key in declared.foreign_keys
        }


def layout(table):
    options = table.dialect_options["redshift"]
    sortkey = options["sortkey"]
    return (
        options["distkey"],
        (sortkey,) if isinstance(sortkey, str) else tuple(sortkey or ()),
        options["diststyle"] or "AUTO",
    )


def spelt(column):
    encode = column.dialect_options["redshift"]["encode"]
    kind = column.type.compile(dialect=connect("redshift://h/d").dialect)
    return (column.name, kind, column.nullable, encode)


@pytest.mark.parametrize(
    ("options", "reflected"),
    [
        ({}, {"diststyle": "AUTO"}),
        ({"redshift_diststyle": "AUTO"}, {"diststyle": "AUTO"}),
        ({"redshift_diststyle": "EVEN"}, {"diststyle": "EVEN"}),
        ({"redshift_diststyle": "ALL"}, {"diststyle": "ALL"}),
        ({"redshift_distkey": "start"}, {"diststyle": "KEY", "distkey": "start"}),
        ({"redshift_sortkey": ("start", "id")}, {"sortkey": ("start", "id")}),
        (
            {"redshift_interleaved_sortkey": ("id", "start")},
            {"interleaved_sortkey": ("id", "start")},
        ),
    ],
)
def test_layout_is_reflected(engine, options, reflected):
    columns = Column("id", Integer), Column("start", Integer)
    Table("laid", MetaData(), *columns, **options).create(engine)
    found = inspect(engine).get_table_options("laid")
    assert found.items() >= {f"redshift_{name}": value for name, value in reflected.items()}.items()


def test_a_sort_key_that_redshift_chooses_is_reflected_as_auto(engine):
    """It tells so of tables with rows alone."""
    metadata = MetaData()
    Table("chosen", metadata, Column("a", Integer), redshift_sortkey="AUTO")
    Table("declared", metadata, Column("a", Integer), redshift_sortkey="a")
    metadata.create_all(engine)
    with engine.begin() as connection:
        for sorted_table in metadata.sorted_tables:
            connection.execute(insert(sorted_table), {"a": 1})
    found = MetaData()
    found.reflect(engine, only=["chosen", "declared"])
    assert "SORTKEY AUTO" in str(CreateTable(found.tables["chosen"]).compile(engine))
    assert "SORTKEY (a)" in str(CreateTable(found.tables["declared"]).compile(engine))


def test_identity_and_encoding_are_reflected_as_arguments(engine):
    metadata = MetaData()
    numbered = Column("id", BigInteger, Identity(always=True, start=0, increment=2))
    by_default = Column("user", Integer, Identity(start=7, increment=3), redshift_encode="raw")
    Table("numbered", metadata, numbered, Column("a", String(9), redshift_encode="lzo")).create(
        engine
    )
    Table("by_default", metadata, by_default).create(engine)
    found = MetaData()
    found.reflect(engine, only=["numbered", "by_default"])
    again = str(CreateTable(found.tables["numbered"]).compile(engine))
    assert "id BIGINT IDENTITY(0,2)" in again
    assert "a VARCHAR(9) ENCODE lzo" in again
    again = str(CreateTable(found.tables["by_default"]).compile(engine))
    assert '"user" INTEGER GENERATED BY DEFAULT AS IDENTITY(7,3)' in again


def test_keys_on_quoted_names_are_reflected(engine):
    metadata = MetaData()
    Table("order", metadata, Column("user", Integer, primary_key=True), Column("a b", Integer))
    Table("line", metadata, Column("start", Integer, ForeignKey("order.user"), primary_key=True))
    metadata.create_all(engine)
    found = MetaData()
    found.reflect(engine, only=["order", "line"])
    assert found.tables["order"].primary_key.columns.keys() == ["user"]
    (key,) = found.tables["line"].foreign_keys
    assert (key.parent.name, key.target_fullname) == ("start", "order.user")


def test_uuids_and_enums_travel_as_text(engine):
    kinds = Column("id", Uuid()), Column("level", Enum("free", "paid", name="level"))
    kept = Table("kept", MetaData(), *kinds)
    kept.create(engine)
    value = "0f8fad5b-d9cb-469f-a165-70867728950e"
    with engine.begin() as connection:
        connection.execute(insert(kept), {"id": uuid.UUID(value), "level": "paid"})
        assert tuple(connection.execute(select(kept)).one()) == (uuid.UUID(value), "paid")


def test_create_all_and_drop_all_check_what_is_there(engine):
    Notes.metadata.create_all(engine)
    Notes.metadata.drop_all(engine)
    assert inspect(engine).get_table_names() == []


def test_a_url_of_our_dialect_needs_no_connect(redshift_url):
    engine = create_engine(redshift_url.replace("redshift_connector", "musicbee"))
    with engine.connect() as connection:
        assert connection.scalar(select(literal("5%"))) == "5%"
    engine.dispose()


def test_autocommit_leaves_the_isolation_to_the_database(cloud, engine):
    with cloud.statements.recorded() as asked:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(insert(Note), {"id": 1, "start": "kept"})
        with engine.connect() as connection:
            connection.execute(insert(Note), {"id": 2, "start": "lost"})
    assert ids(engine) == [1]
    assert "ISOLATION" not in " ".join(statement.sql for statement in asked)


def test_an_isolation_level_that_redshift_lacks_is_refused(engine):
    with engine.connect() as connection, pytest.raises(ArgumentError, match="AUTOCOMMIT"):
        connection.execution_options(isolation_level="READ COMMITTED")
