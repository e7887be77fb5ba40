"""What is refused before it reaches Redshift: by expression, by word, and never by mistake."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    ARRAY,
    DDL,
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Enum,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    Sequence,
    String,
    Table,
    Text,
    Unicode,
    UniqueConstraint,
    cast,
    column,
    delete,
    func,
    insert,
    lateral,
    literal,
    select,
    table,
    tablesample,
    text,
    update,
    values,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import CompileError
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateIndex, CreateSequence, CreateTable

from musicbee_warehouse import Base, Pipeline, StagingSong, UserDim, connect, dialect_of, star
from musicbee_warehouse.redshift import guard
from musicbee_warehouse.redshift.guard import check

REDSHIFT = dialect_of("redshift")
USERS = table("users", column("id", Integer), column("level"), column("tags", ARRAY(Integer)))


def new_table(*parts, **options):
    return Table("t", MetaData(), *parts, **options)


def create(*parts):
    return CreateTable(new_table(*parts))


def distinct_on(key):
    """Select users by DISTINCT ON, as 2.1 has it, or 2.0."""
    if hasattr(postgresql, "distinct_on"):
        return select(USERS.c.id).ext(postgresql.distinct_on(key))
    return select(USERS.c.id).distinct(key)


UPSERT = postgresql.insert(UserDim).values(user_id=1)
REFUSED = {
    "returning of an insert": (insert(UserDim).returning(UserDim.level), "RETURNING"),
    "returning of a delete": (delete(UserDim).returning(UserDim.level), "RETURNING"),
    "returning of an update": (
        update(UserDim).values(level="free").returning(UserDim.level),
        "RETURNING",
    ),
    "on conflict do nothing": (UPSERT.on_conflict_do_nothing(), r"upsert\(\)"),
    "on conflict do update": (
        UPSERT.on_conflict_do_update(index_elements=["user_id"], set_={"level": "free"}),
        r"upsert\(\)",
    ),
    "distinct on": (distinct_on(USERS.c.level), "row_number"),
    "a cte that changes rows": (select(USERS).add_cte(delete(USERS).cte("gone")), "by itself"),
    "filter": (select(func.count().filter(USERS.c.id > 1)), r"sum\(case"),
    "lateral": (select(lateral(select(USERS.c.id), name="l")), "LATERAL"),
    "values": (select(values(column("a", Integer), name="v").data([(1,)])), "VALUES as a table"),
    "for update": (select(USERS).with_for_update(), "LOCK the table"),
    "tablesample": (select(tablesample(USERS, 1)), "TABLESAMPLE"),
    "is distinct from": (select(USERS.c.id.is_distinct_from(1)), r"is_\(None\)"),
    "is not distinct from": (select(USERS.c.id.is_not_distinct_from(1)), r"is_\(None\)"),
    "array": (select(postgresql.array([1, 2])), "arrays"),
    "array_agg": (select(func.array_agg(USERS.c.id)), "arrays"),
    "an array's slice": (select(USERS.c.tags[1:2]), "arrays"),
    "string_agg": (select(func.string_agg(USERS.c.level, ",")), "listagg"),
    "order within an aggregate": (
        select(func.listagg(postgresql.aggregate_order_by(USERS.c.id, USERS.c.id))),
        "within_group",
    ),
    "json": (select(column("a", JSON)["b"]), "SUPER"),
    "cast to an unsized decimal": (select(cast(USERS.c.id, Numeric)), r"Numeric\(18, 2\)"),
    "cast to an unsized text": (select(cast(USERS.c.id, String)), r"String\(256\)"),
    "next value of a sequence": (select(Sequence("s").next_value()), "sequences"),
    "create sequence": (CreateSequence(Sequence("s")), "sequences"),
    "unsized string": (create(Column("a", String)), r"t.*'a'.*String\(256\)"),
    "unsized unicode": (create(Column("a", Unicode)), r"String\(256\)"),
    "unsized text": (create(Column("a", Text)), r"VARCHAR\(256\)"),
    "unsized numeric": (create(Column("a", Numeric)), r"NUMERIC\(18,0\)"),
    "array column": (create(Column("a", ARRAY(Integer))), "arrays"),
    "json column": (create(Column("a", JSON)), "SUPER"),
    "jsonb column": (create(Column("a", postgresql.JSONB)), "SUPER"),
    "uuid column": (create(Column("a", postgresql.UUID)), r"Uuid\(\)"),
    "bytes": (create(Column("a", LargeBinary)), "hexadecimal"),
    "interval": (create(Column("a", Interval)), "DAY TO SECOND"),
    "inet": (create(Column("a", postgresql.INET)), "no such type"),
    "range": (create(Column("a", postgresql.INT4RANGE)), "no such type"),
    "domain": (create(Column("a", postgresql.DOMAIN("d", Integer))), "types of one's own"),
    "check": (create(Column("a", Integer), CheckConstraint("a > 1")), "CHECK"),
    "check of a column": (create(Column("a", Integer, CheckConstraint("a > 1"))), "CHECK"),
    "index": (CreateIndex(Index("i", new_table(Column("a", Integer)).c.a)), "redshift_sortkey"),
    "computed": (create(Column("a", Integer), Column("b", Integer, Computed("a"))), "generated"),
    "identity with a cache": (create(Column("a", BigInteger, Identity(cache=5))), "start and incr"),
    "a key that cascades": (
        create(Column("a", Integer, ForeignKey("t.b", ondelete="CASCADE")), Column("b", Integer)),
        "nothing cascades",
    ),
    "a constraint that is deferred": (
        create(Column("a", Integer), UniqueConstraint("a", deferrable=True)),
        "nothing is deferred",
    ),
    "text": (text("SELECT DISTINCT ON (a) a FROM t"), "row_number"),
    "ddl as text": (DDL("CREATE INDEX i ON t (a)"), "redshift_sortkey"),
}


@pytest.mark.parametrize(("statement", "said"), REFUSED.values(), ids=REFUSED)
def test_an_expression_is_refused_with_the_remedy(statement, said):
    with pytest.raises(CompileError, match=re.compile(said, re.DOTALL)):
        statement.compile(dialect=REDSHIFT)


@pytest.mark.parametrize(
    ("statement", "spelling"),
    [
        (create(Column("a", Text(1000))), "a VARCHAR(1000)"),
        (create(Column("a", Unicode(10))), "a VARCHAR(10)"),
        (create(Column("a", Numeric(18))), "a NUMERIC(18)"),
        (create(Column("a", Enum("free", "paid", name="level"))), "a VARCHAR(4)"),
        (create(Column("a", postgresql.ENUM("free", "paid", name="level"))), "a VARCHAR(4)"),
        (
            create(Column("a", postgresql.INTERVAL(fields="DAY TO SECOND"))),
            "a INTERVAL DAY TO SECOND",
        ),
        (create(Column("a", Integer, ForeignKey("t.a"))), "FOREIGN KEY(a) REFERENCES t (a)"),
        (select(cast(USERS.c.id, String(9))), "CAST(users.id AS VARCHAR(9))"),
        (select(USERS.c.id).distinct(), "SELECT DISTINCT users.id"),
        (
            select(USERS.c.id / literal(2, Integer)),
            "users.id / CAST(:param_1 AS DOUBLE PRECISION)",
        ),
    ],
)
def test_what_is_near_a_refusal_and_right_is_spelt(statement, spelling):
    assert spelling in str(statement.compile(dialect=REDSHIFT))


TEXTS = {
    "INSERT INTO t (a) VALUES (1) RETURNING id": "RETURNING",
    "INSERT INTO t DEFAULT VALUES RETURNING *": "RETURNING",
    "UPDATE t SET a = 1 RETURNING t.a": "RETURNING",
    "WITH x AS (SELECT 1 b) DELETE FROM t USING x WHERE t.a = x.b RETURNING t.a": "RETURNING",
    "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING": "ON CONFLICT",
    "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 1": "ON CONFLICT",
    "SELECT DISTINCT ON (a) a FROM t": "DISTINCT ON",
    "SELECT count(*) FILTER (WHERE a > 1) FROM t": "FILTER",
    "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x": "WITH",
    "WITH x AS (DELETE FROM t WHERE a = 1) SELECT 1": "CTE",
    "SELECT * FROM t, LATERAL (SELECT 1) x": "LATERAL",
    "SELECT * FROM t LEFT JOIN LATERAL (SELECT 1) x ON true": "LATERAL",
    "SAVEPOINT a": "SAVEPOINT",
    "ROLLBACK TO SAVEPOINT a": "SAVEPOINT",
    "RELEASE SAVEPOINT a": "SAVEPOINT",
    "TRUNCATE t": "TRUNCATE",
    "TRUNCATE TABLE s.t": "TRUNCATE",
    "CREATE INDEX i ON t (a)": "index",
    "CREATE UNIQUE INDEX i ON t (a)": "index",
    "CREATE SEQUENCE s": "object",
    "CREATE EXTENSION e": "object",
    "CREATE TABLE t (a INT CHECK (a > 1))": "CHECK",
    "CREATE TABLE t (a INT, CONSTRAINT c CHECK (a > 1))": "CHECK",
    "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 1)": "CHECK",
    "CREATE TABLE t (a VARCHAR)": "text",
    "CREATE TABLE t (a INT, b TEXT NOT NULL)": "text",
    "CREATE TEMP TABLE IF NOT EXISTS s.t (a NUMERIC DEFAULT 1, b INT)": "numeric",
    "CREATE TABLE t (a CHARACTER VARYING ENCODE lzo)": "text",
    "CREATE TABLE t (a INT[])": "array",
    "CREATE TABLE t (a DOUBLE PRECISION ARRAY)": "array",
    "CREATE TABLE t (a VARCHAR(10)[])": "array",
    "CREATE TABLE t (a JSONB)": "JSON",
    "CREATE TABLE t (a UUID)": "UUID",
    "CREATE TABLE t (a BYTEA)": "bytes",
    "CREATE TABLE t (a INET)": "type",
    "ALTER TABLE t ADD COLUMN a VARCHAR": "text",
    "ALTER TABLE t ALTER COLUMN a TYPE VARCHAR": "text",
    "ALTER TABLE t ADD a SERIAL": "object",
    "SELECT 1; TRUNCATE t": "TRUNCATE",
}


@pytest.mark.parametrize(("sql", "what"), TEXTS.items())
def test_text_is_refused_with_the_remedy(sql, what):
    with pytest.raises(CompileError, match=re.escape(str(guard.refusal(what)))):
        check(sql, in_transaction=True)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT filter, lateral, returning, savepoint FROM conflict",
        "SELECT t.filter (1) FROM t",
        "INSERT INTO t (returning, conflict) SELECT returning, a FROM u returning WHERE a = 1",
        "INSERT INTO t SELECT a returning FROM u JOIN v ON conflict = 1",
        "UPDATE returning SET returning = returning * 2 WHERE returning.a = 1",
        "DELETE FROM t WHERE truncate = 1 AND returning",
        "SELECT a FROM lateral, b",
        "WITH insert AS (SELECT 1) SELECT * FROM insert",
        "INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x",
        "CREATE TABLE t (text VARCHAR(10), varchar INT, uuid CHAR(32), numeric NUMERIC(10, 2))",
        "CREATE TABLE t (a INT, PRIMARY KEY (a), UNIQUE (a)) DISTSTYLE AUTO SORTKEY (a)",
        "CREATE TABLE t AS SELECT a::VARCHAR, b::NUMERIC FROM u",
        "CREATE TABLE t (a, b) AS SELECT 1, 2",
        "CREATE TABLE t (LIKE u INCLUDING DEFAULTS)",
        "CREATE EXTERNAL TABLE s.t (a string) STORED AS PARQUET LOCATION 's3://b/'",
        "ALTER TABLE t ADD COLUMN text VARCHAR(20)",
        "ALTER TABLE t ADD CONSTRAINT text PRIMARY KEY (a)",
        "ALTER TABLE t RENAME COLUMN a TO text",
        "ALTER TABLE t ALTER COLUMN a TYPE VARCHAR(300)",
        "ALTER TABLE t ALTER DISTKEY a",
        "CREATE PROCEDURE p() AS $$ BEGIN TRUNCATE t; SAVEPOINT a; END $$ LANGUAGE plpgsql",
        "COMMENT ON TABLE t IS 'CREATE INDEX'",
        "ROLLBACK",
        "SELECT 'it\\'s RETURNING' FROM t",
        "/* a /* nested */ TRUNCATE t */ SELECT 1",
        "SELECT 'unfinished; TRUNCATE t",
        "",
    ],
)
def test_what_redshift_takes_passes(sql):
    check(sql, in_transaction=True)


def test_truncate_is_refused_in_a_transaction_alone():
    check("TRUNCATE t", in_transaction=False)


SPACES = st.sampled_from([" ", "\n", "  ", "\t", " -- RETURNING '\n", " /* ON ' CONFLICT */ "])
REFUSED_TEXT = st.sampled_from(sorted(TEXTS))
FRAGMENTS = st.lists(
    st.sampled_from([*re.findall(r"\w+|[^\w\s]", " ".join(TEXTS)), "'", '"', "--", "/*", "*/"])
).map(" ".join)
QUOTED = st.one_of(REFUSED_TEXT, FRAGMENTS, st.text(max_size=20))
PLACES = st.sampled_from(
    [
        "SELECT {} FROM t",
        "INSERT INTO t (a) VALUES ({})",
        "INSERT INTO t SELECT {} FROM u WHERE a = {}",
        "UPDATE t SET a = {} WHERE b = {}",
        "DELETE FROM t WHERE a = {}",
        "CREATE TABLE t (a INT DEFAULT {} NOT NULL, b VARCHAR(10) DEFAULT {})",
        "WITH x AS (SELECT {} AS a) SELECT * FROM x JOIN y ON x.a = {}",
        "COPY t FROM {} IAM_ROLE {}",
        "SELECT count(*) AS n FROM t GROUP BY {} HAVING count({}) > 1",
    ]
)


def in_single_quotes(words):
    return "'" + words.replace("\\", "\\\\").replace("'", "''") + "'"


def in_double_quotes(words):
    return '"' + words.replace('"', '""') + '"'


def after_dashes(words):
    return "1 -- " + re.sub(r"[\r\n]", " ", words) + "\n"


def in_a_comment(words):
    return "1 /* " + words.replace("*/", "").replace("/*", "") + " */"


def in_dollars(words):
    return "$words$" + words.replace("$", "") + "$words$"


@given(
    place=PLACES,
    words=QUOTED,
    hide=st.sampled_from(
        [in_single_quotes, in_double_quotes, after_dashes, in_a_comment, in_dollars]
    ),
)
def test_words_in_quotes_and_comments_are_never_taken_for_sql(place, words, hide):
    check(place.replace("{}", hide(words)), in_transaction=True)


NAMES = ["conflict", "FILTER", "lateral", "Returning", "savepoint", "truncate", "text", "json"]


@given(place=PLACES, name=st.sampled_from(NAMES), owner=st.sampled_from(["", "t.", '"t".']))
def test_a_name_that_is_a_word_of_postgresql_passes(place, name, owner):
    check(place.replace("{}", owner + name), in_transaction=True)


@given(sql=REFUSED_TEXT, data=st.data())
def test_neither_space_nor_case_nor_comments_hide_what_is_refused(sql, data):
    tokens = re.findall(r"\w+|[^\w\s]", sql)
    spelt = "".join(
        data.draw(st.sampled_from([token, token.lower()])) + data.draw(SPACES) for token in tokens
    )
    with pytest.raises(CompileError):
        check(spelt, in_transaction=True)


@given(sql=st.text())
def test_any_text_is_read_to_its_end(sql):
    assert isinstance(guard._bare(sql), str)


def test_the_statements_of_the_warehouse_pass():
    pipeline = star.pipeline("s3://a/b", "s3://a/c", events_jsonpaths="s3://a/paths.json")
    check(str(pipeline), in_transaction=True)
    for model in Base.metadata.sorted_tables:
        check(str(CreateTable(model).compile(dialect=REDSHIFT)), in_transaction=True)


def test_each_reason_says_what_and_what_instead():
    for what in guard._REASONS:
        reason, _, remedy = str(guard.refusal(what)).partition("; ")
        assert reason, remedy
        assert "; " not in remedy


@pytest.mark.parametrize(
    "step", [text("TRUNCATE staging_songs"), insert(UserDim).returning(UserDim.level)], ids=str
)
def test_a_pipeline_names_the_step_that_redshift_would_refuse(step):
    pipeline = Pipeline(delete(StagingSong), step)
    with pytest.raises(CompileError, match=r"^\(step 2 of 2: \w+( user_dim)?\) \w+"):
        str(pipeline)
    with pytest.raises(CompileError, match=r"^\(step 2 of 2: "):
        pipeline.compile(REDSHIFT)


@pytest.fixture
def engine(redshift_url):
    engine = connect(redshift_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (a INT)"))
    yield engine
    engine.dispose()


def sent(asked):
    return [statement.verb for statement in asked.work()]


@pytest.mark.parametrize(
    "run",
    [
        lambda connection: connection.execute(text("INSERT INTO t VALUES (1) RETURNING a")),
        lambda connection: connection.exec_driver_sql(
            "INSERT INTO t VALUES (%s) RETURNING a", (1,)
        ),
        lambda connection: connection.execute(select(text("count(*) FILTER (WHERE true)"))),
        lambda connection: connection.execute(text("TRUNCATE t")),
        lambda connection: connection.execute(DDL("CREATE INDEX i ON t (a)")),
        lambda connection: Pipeline(text("TRUNCATE t")).run(connection),
    ],
    ids=["text", "driver's sql", "text in a select", "truncate", "ddl", "pipeline"],
)
def test_nothing_that_is_refused_is_sent_and_the_transaction_goes_on(cloud, engine, run):
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO t VALUES (7)"))
        with cloud.statements.recorded() as asked, pytest.raises(CompileError):
            run(connection)
        assert sent(asked) == []
        connection.execute(text("INSERT INTO t VALUES (8)"))
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT a FROM t ORDER BY a")).all() == [7, 8]


def test_a_savepoint_of_a_session_is_refused(engine):
    with Session(engine) as session, pytest.raises(CompileError, match="whole transactions"):
        session.begin_nested().session.connection()


def test_truncate_runs_where_nothing_else_is_committed_with_it(engine):
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO t VALUES (7)"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("TRUNCATE t"))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM t")) == 0
        with pytest.raises(CompileError, match="TRUNCATE commits"):
            connection.execute(text("TRUNCATE t"))
