"""Tables: CREATE TABLE and ALTER TABLE, of which PostgreSQL keeps all but the physical layout.

https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html
https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from standin.expressions import rewrite
from standin.plan import Plan
from standin.tokens import Reader, Refused, Token, spaced, split
from standin.wire import identifier, literal

if TYPE_CHECKING:
    from standin.session import Session

_RESERVED = """
aes128 aes256 all allowoverwrite analyse analyze and any array as asc authorization az64 backup
between binary blanksasnull both bytedict bzip2 case cast check collate column constraint create
credentials cross current_date current_time current_timestamp current_user current_user_id
default deferrable deflate defrag delta delta32k desc disable distinct do else emptyasnull
enable encode encrypt encryption end except explicit false for foreign freeze from full
globaldict256 globaldict64k grant group gzip having identity ignore ilike in initially inner
intersect interval into is isnull join leading left like limit localtime localtimestamp lun luns
lzo lzop minus mostly16 mostly32 mostly8 natural new not notnull null nulls off offline offset
oid old on only open or order outer overlaps parallel partition percent permissions pivot
placing primary raw readratio recover references respect rejectlog resort restore right select
session_user similar snapshot some sysdate system table tag tdes text255 text32k then timestamp
to top trailing true truncatecolumns union unique unnest unpivot user using verbose wallet when
where with without connect start
"""
RESERVED = frozenset(_RESERVED.split())
"""https://docs.aws.amazon.com/redshift/latest/dg/r_pg_keywords.html"""
_ENCODINGS = """
raw none az64 bytedict delta delta32k lzo mostly8 mostly16 mostly32 runlength text255 text32k
zstd auto
"""
ENCODINGS = frozenset(_ENCODINGS.split())
_UNSUPPORTED = """
json jsonb uuid bytea serial bigserial smallserial serial4 serial8 money inet cidr xml tsvector
hstore point bit name
"""
UNSUPPORTED = frozenset(_UNSUPPORTED.split())
"""https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-datatypes.html"""
WIDTH = "standin_width_"
"""What the names of the constraints begin with that hold columns to their widths."""
_STYLES = {"EVEN": 0, "KEY": 1, "ALL": 8, "AUTO": 10}
_CHARACTERS = {
    "varchar": ("varchar", 256, 65535),
    "nvarchar": ("varchar", 256, 65535),
    "character varying": ("varchar", 256, 65535),
    "text": ("varchar", 256, 65535),
    "char": ("char", 1, 4096),
    "character": ("char", 1, 4096),
    "nchar": ("char", 1, 4096),
    "bpchar": ("char", 256, 4096),
}
"""https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html"""


@dataclass
class Layout:
    """How a table is distributed, sorted and encoded; None is what a statement says nothing of."""

    diststyle: str | None = None
    distkey: str | None = None
    sortkey: list[str] | None = None
    interleaved: bool = False
    encodings: dict[str, str] = field(default_factory=dict)
    like: str | None = None

    def set_distkey(self, column: str) -> None:
        """Take the one column to distribute by."""
        if self.distkey:
            raise Refused("cannot specify more than one distkey column")
        self.distkey = column

    def encode(self, column: str, encoding: str) -> None:
        """Take the encoding of a column."""
        if encoding.lower() not in ENCODINGS:
            raise Refused(f'encoding type "{encoding}" for column "{column}" is not supported')
        if encoding.lower() != "auto":
            self.encodings[column] = {"raw": "none"}.get(encoding.lower(), encoding.lower())

    def check(self, columns: Collection[str] | None = None) -> None:
        """Refuse what contradicts itself, or names a column that isn't there."""
        if self.distkey and self.diststyle in ("EVEN", "ALL", "AUTO"):
            raise Refused(f"cannot specify both DISTSTYLE {self.diststyle} and DISTKEY")
        if self.diststyle == "KEY" and not self.distkey:
            raise Refused("must specify a DISTKEY column with DISTSTYLE KEY")
        for column in [self.distkey, *(self.sortkey or [])] if columns is not None else []:
            if column and column not in (columns or ()):
                raise Refused(f'column "{column}" named in key does not exist', "42703")
        if self.interleaved and len(self.sortkey or []) > 8:
            raise Refused("an interleaved sort key has at most 8 columns")

    def write(self, session: Session, *, table: str) -> None:
        """Keep it, in the client's transaction."""
        relation = f"{literal(table)}::regclass"
        named = {self.distkey, *(self.sortkey or []), *self.encodings} - {None}
        for column in sorted(map(str, named)):
            if not session.backend.query(f"SELECT {_attribute(relation, column)}")[0][0]:
                raise Refused(f'column "{column}" does not exist', "42703")
        if statements := [*self._like(relation), *self._table(relation), *self._columns(relation)]:
            session.backend.query("; ".join(statements))

    def _like(self, relation: str) -> list[str]:
        if not self.like:
            return []
        model = f"{literal(self.like)}::regclass"
        return [
            f"INSERT INTO standin.tables SELECT {relation}, diststyle FROM standin.tables"
            f" WHERE relid = {model}",
            "INSERT INTO standin.columns SELECT mine.attrelid, mine.attnum, c.distkey, c.sortkey,"
            " c.encoding FROM standin.columns AS c JOIN pg_catalog.pg_attribute AS its"
            " ON its.attrelid = c.relid AND its.attnum = c.attnum"
            " JOIN pg_catalog.pg_attribute AS mine ON mine.attname = its.attname"
            f" AND mine.attrelid = {relation} WHERE c.relid = {model}",
        ]

    def _table(self, relation: str) -> list[str]:
        style = self.diststyle or ("KEY" if self.distkey else None)
        if not style:
            return []
        return [
            f"INSERT INTO standin.tables VALUES ({relation}, {_STYLES[style]})"
            " ON CONFLICT (relid) DO UPDATE SET diststyle = excluded.diststyle",
            f"UPDATE standin.columns SET distkey = false WHERE relid = {relation}",
        ]

    def _columns(self, relation: str) -> list[str]:
        statements = []
        if self.sortkey is not None:
            statements.append(f"UPDATE standin.columns SET sortkey = 0 WHERE relid = {relation}")
        settings = [(self.distkey, "distkey", "true")] if self.distkey else []
        for place, column in enumerate(self.sortkey or [], 1):
            # An interleaved key alternates in sign:
            # https://docs.aws.amazon.com/redshift/latest/dg/r_PG_TABLE_DEF.html
            sign = -1 if self.interleaved and place % 2 == 0 else 1
            settings.append((column, "sortkey", str(sign * place)))
        settings += [(column, "encoding", literal(code)) for column, code in self.encodings.items()]
        for column, what, value in settings:
            statements.append(
                f"INSERT INTO standin.columns (relid, attnum, {what})"
                f" VALUES ({relation}, ({_attribute(relation, column)}), {value})"
                f" ON CONFLICT (relid, attnum) DO UPDATE SET {what} = excluded.{what}"
            )
        return statements


def _attribute(relation: str, column: str) -> str:
    return (
        f"(SELECT attnum FROM pg_catalog.pg_attribute WHERE attrelid = {relation}"
        f" AND attname = {literal(column)} AND NOT attisdropped)"
    )


def create_table(sql: Reader) -> Plan:
    """Plan ``CREATE [TEMP] TABLE``, with columns or from a query."""
    sql.expect("CREATE")
    sql.skip("LOCAL")
    temporary = "TEMP " if sql.one_of(("TEMP", "TEMPORARY")) else ""
    sql.expect("TABLE")
    there = "IF NOT EXISTS " if sql.skip("IF", "NOT", "EXISTS") else ""
    table = sql.name()
    head = f"CREATE {temporary}TABLE {there}{table}"
    layout = Layout()
    if sql.comes("(") and not _is_from_query(sql):
        columns, parts = _definitions(sql.group(), layout)
        read_layout(sql, layout)
        layout.check(None if layout.like else columns)
        return Plan(sql=f"{head} ({rewrite(', '.join(parts))})", after=_kept(layout, table))
    names = f" ({spaced(sql.group())})" if sql.comes("(") else ""
    read_layout(sql, layout, until=("AS",))
    layout.check()
    query = rewrite(spaced(sql.rest()))
    return Plan(sql=f"{head}{names} {query}", after=_kept(layout, table))


def _is_from_query(sql: Reader) -> bool:
    ahead = Reader(sql.tokens[sql.at :])
    ahead.group()
    return any(token.word == "AS" for token in ahead.rest())


def _kept(layout: Layout, table: str) -> partial[None]:
    return partial(layout.write, table=table)


def _definitions(group: list[Token], layout: Layout) -> tuple[list[str], list[str]]:
    """Read what stands in the parentheses of CREATE TABLE: the columns' names, and all of it."""
    columns, parts = [], []
    for part in split(group, ","):
        item = Reader(part)
        if any(token.word == "CHECK" for token in part):
            raise Refused("CHECK constraints are not supported", "0A000")
        if item.skip("LIKE"):
            layout.like = item.name()
            parts.append(f"{spaced(part)} INCLUDING CONSTRAINTS")
        elif item.peek().word in ("PRIMARY", "UNIQUE", "FOREIGN", "CONSTRAINT"):
            parts.append(spaced(part))
        else:
            column, text = column_definition(item, layout)
            columns.append(column)
            parts.append(text)
    return columns, parts


def read_layout(sql: Reader, layout: Layout, until: tuple[str, ...] = ()) -> None:
    """Read DISTSTYLE, DISTKEY, SORTKEY, ENCODE AUTO and BACKUP, in any order."""
    while sql and sql.peek().word not in until:
        if sql.skip("BACKUP"):
            sql.next()
        elif sql.skip("DISTSTYLE"):
            layout.diststyle = sql.one_of(_STYLES)
            if not layout.diststyle:
                raise sql.error()
        elif sql.skip("DISTKEY"):
            (column, *more) = sql.names()
            if more:
                raise Refused('syntax error at or near ","')
            layout.set_distkey(column)
        elif not sql.skip("ENCODE", "AUTO"):
            _read_sortkey(sql, layout)


def _read_sortkey(sql: Reader, layout: Layout) -> None:
    layout.interleaved = sql.one_of(("COMPOUND", "INTERLEAVED")) == "INTERLEAVED"
    sql.expect("SORTKEY")
    if not sql.skip("AUTO"):
        layout.sortkey = [] if sql.skip("NONE") else sql.names()


def column_definition(sql: Reader, layout: Layout) -> tuple[str, str]:
    """Read one column; return its name and what PostgreSQL takes for it."""
    if sql.peek().kind == "word" and sql.peek().name in RESERVED:
        raise sql.error()
    token = sql.next()
    column, kind = token.name, _type(sql, token.name)
    words = [token.text, kind]
    while sql:
        if sql.skip("ENCODE"):
            layout.encode(column, sql.next().text)
        elif sql.skip("DISTKEY"):
            layout.set_distkey(column)
        elif sql.skip("SORTKEY"):
            layout.sortkey = [*(layout.sortkey or []), column]
        elif sql.skip("GENERATED", "BY", "DEFAULT", "AS"):
            words.append(_identity(sql, "BY DEFAULT", column, kind))
        elif sql.comes("IDENTITY"):
            words.append(_identity(sql, "ALWAYS", column, kind))
        elif sql.comes("GENERATED"):
            raise sql.error()
        elif sql.comes("COLLATE") and sql.peek(1).word.startswith("CASE_"):
            sql.expect("COLLATE", sql.peek(1).word)
        else:
            words.append(f"({spaced(sql.group())})" if sql.comes("(") else sql.next().text)
    return column, " ".join([*words, *_width(column, kind)])


def _width(column: str, kind: str) -> list[str]:
    """Return the constraint that lets a column hold as many bytes, not characters.

    PostgreSQL counts characters. The catalog of the stand-in doesn't show the constraint.
    """
    found = re.fullmatch(r"varchar\((\d+)\)", kind)
    if not found:
        return []
    name = identifier(f"{WIDTH}{found[1]}_{column}")
    return [f"CONSTRAINT {name} CHECK (octet_length({identifier(column)}) <= {found[1]})"]


def _type(sql: Reader, column: str) -> str:
    kind = sql.next().name
    if kind in UNSUPPORTED:
        raise Refused(f'Column "{column}" has unsupported type "{kind}".', "0A000")
    if kind == "character" and sql.skip("VARYING"):
        kind = "character varying"
    if kind in _CHARACTERS:
        kind = _characters(sql, kind)
    elif kind == "double" and sql.skip("PRECISION"):
        kind = "double precision"
    elif sql.comes("("):
        kind += f"({spaced(sql.group())})"
    elif kind in ("numeric", "decimal", "dec"):
        kind += "(18, 0)"  # https://docs.aws.amazon.com/redshift/latest/dg/r_Numeric_types201.html
    if zone := sql.one_of(("WITH", "WITHOUT")):
        sql.expect("TIME", "ZONE")
        kind += f" {zone} TIME ZONE"
    if sql.comes("["):
        raise Refused(f'Column "{column}" has unsupported type "{kind}[]".', "0A000")
    return kind


def _characters(sql: Reader, kind: str) -> str:
    base, width, widest = _CHARACTERS[kind]
    if sql.comes("("):
        (size,) = sql.group()
        width = widest if size.word == "MAX" else int(size.text)
    if not 0 < width <= widest:
        full = "character varying" if base == "varchar" else "character"
        raise Refused(f"length for type {full} cannot exceed {widest}", "22023")
    return f"{base}({width})"


def _identity(sql: Reader, generated: str, column: str, kind: str) -> str:
    sql.expect("IDENTITY")
    seed, step = (int(spaced(part).replace(" ", "")) for part in split(sql.group(), ","))
    if kind not in ("int", "integer", "int4", "bigint", "int8"):
        raise Refused(f'identity column "{column}" must have type int or bigint')
    lowest = min(seed, 0) if step > 0 else -(2**31)
    return (
        f"GENERATED {generated} AS IDENTITY"
        f" (START WITH {seed} INCREMENT BY {step} MINVALUE {lowest})"
    )


def alter_table(sql: Reader) -> Plan:
    """Plan ``ALTER TABLE``, of which Redshift takes one action at a time."""
    original = spaced(sql.tokens)
    sql.expect("ALTER", "TABLE")
    table = sql.name()
    if any(token.word == "CHECK" for token in sql.tokens):
        raise Refused("CHECK constraints are not supported", "0A000")
    for action, plan in _ALTERATIONS.items():
        if sql.comes(*action):
            return plan(sql, table, original)
    if len(list(split(sql.tokens[sql.at :], ","))) > 1:
        raise Refused('syntax error at or near ","')
    return Plan(sql=original)


def _alter_layout(sql: Reader, table: str, _: str) -> Plan:
    layout, alone = Layout(), ""
    while sql:
        sql.skip(",")
        sql.expect("ALTER")
        if sql.skip("DISTSTYLE"):
            layout.diststyle = sql.one_of(_STYLES)
            if not layout.diststyle:
                raise sql.error()
        if sql.skip("DISTKEY"):
            layout.distkey, layout.diststyle = sql.next().name, "KEY"
        elif sql.peek().word in ("COMPOUND", "SORTKEY"):
            _read_sortkey(sql, layout)
        elif sql.peek(1).word == "ENCODE" or sql.comes("COLUMN"):
            sql.skip("COLUMN")
            column = sql.next().name
            sql.expect("ENCODE")
            layout.encode(column, sql.next().text)
            alone = "ALTER TABLE ALTER COLUMN"
        else:
            sql.skip("ENCODE", "AUTO")
    if layout.diststyle == "KEY" and not layout.distkey:
        raise sql.error()
    return Plan(instead=_kept(layout, table), tag="ALTER TABLE", alone=alone)


def _alter_column(sql: Reader, table: str, original: str) -> Plan:
    words = [token.word for token in sql.tokens[sql.at :]]
    if "ENCODE" in words:
        return _alter_layout(sql, table, original)
    if len(list(split(sql.tokens[sql.at :], ","))) > 1:
        raise Refused('syntax error at or near ","')
    if "TYPE" not in words:
        raise Refused("ALTER COLUMN SET/DROP is not supported", "0A000")
    if "USING" in words:
        raise Refused("ALTER COLUMN TYPE does not support USING expression", "0A000")
    sql.expect("ALTER")
    sql.skip("COLUMN")
    column = sql.next()
    sql.expect("TYPE")
    if sql.peek().name not in ("varchar", "character", "nvarchar", "text"):
        raise Refused(
            f'cannot alter type of column "{column.name}": only the size of VARCHAR can change',
            "0A000",
        )
    kind = _type(sql, column.name)
    return Plan(
        sql=f"ALTER TABLE {table} ALTER COLUMN {column.text} TYPE {kind}",
        after=partial(_set_width, table=table, column=column.name, kind=kind),
        alone="ALTER TABLE ALTER COLUMN",
    )


def _set_width(session: Session, *, table: str, column: str, kind: str) -> None:
    relation = f"{literal(table)}::regclass"
    key = f"ARRAY[{_attribute(relation, column)}]"
    old = session.backend.query(
        f"SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = {relation}"
        f" AND conname LIKE {literal(WIDTH + '%')} AND conkey = {key}"
    )
    actions = [f"DROP CONSTRAINT {identifier(str(name))}" for (name,) in old]
    actions += [f"ADD {constraint}" for constraint in _width(column, kind)]
    session.backend.query(f"ALTER TABLE {table} {', '.join(actions)}")


def _add_column(sql: Reader, table: str, _: str) -> Plan:
    sql.expect("ADD")
    sql.skip("COLUMN")
    definition = sql.rest()
    if len(list(split(definition, ","))) > 1:
        raise Refused('syntax error at or near ","')
    words = [token.word for token in definition]
    for key in ("DISTKEY", "SORTKEY", "IDENTITY", "UNIQUE", "PRIMARY", "REFERENCES"):
        if key in words:
            raise Refused(f"ALTER TABLE ADD COLUMN does not support {key}", "0A000")
    if "NOT" in words and "DEFAULT" not in words:
        raise Refused(
            "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression"
        )
    layout = Layout()
    _, text = column_definition(Reader(definition), layout)
    return Plan(sql=f"ALTER TABLE {table} ADD COLUMN {rewrite(text)}", after=_kept(layout, table))


def _drop_column(sql: Reader, table: str, original: str) -> Plan:
    sql.expect("DROP")
    sql.skip("COLUMN")
    drop = partial(_drop, table=table, column=sql.next().name, statement=original)
    return Plan(instead=drop, tag="ALTER TABLE")


def _drop(session: Session, *, table: str, column: str, statement: str) -> None:
    relation = f"{literal(table)}::regclass"
    for what, word in (("distkey", "dist"), ("sortkey <> 0", "sort")):
        if session.backend.query(
            f"SELECT 1 FROM standin.columns WHERE relid = {relation} AND {what}"
            f" AND attnum = {_attribute(relation, column)}"
        ):
            raise Refused(f'cannot drop {word}key column "{column}"', "0A000")
    session.backend.query(statement)


def _append(sql: Reader, table: str, _: str) -> Plan:
    sql.expect("APPEND", "FROM")
    move = partial(_move, source=sql.name(), table=table)
    return Plan(instead=move, tag="ALTER TABLE APPEND", alone="ALTER TABLE APPEND")


def _move(session: Session, *, source: str, table: str) -> None:
    session.backend.query(
        f"BEGIN; INSERT INTO {table} SELECT * FROM {source}; DELETE FROM {source}; COMMIT"
    )


def _as_it_is(_: Reader, __: str, original: str) -> Plan:
    return Plan(sql=original)


_ALTERATIONS = {
    ("ALTER", "DISTSTYLE"): _alter_layout,
    ("ALTER", "DISTKEY"): _alter_layout,
    ("ALTER", "SORTKEY"): _alter_layout,
    ("ALTER", "COMPOUND"): _alter_layout,
    ("ALTER", "ENCODE"): _alter_layout,
    ("ALTER",): _alter_column,
    ("APPEND",): _append,
    ("ADD", "CONSTRAINT"): _as_it_is,
    ("ADD", "PRIMARY"): _as_it_is,
    ("ADD", "UNIQUE"): _as_it_is,
    ("ADD", "FOREIGN"): _as_it_is,
    ("ADD",): _add_column,
    ("DROP", "CONSTRAINT"): _as_it_is,
    ("DROP",): _drop_column,
}
"""The actions, the more specific ones first."""
