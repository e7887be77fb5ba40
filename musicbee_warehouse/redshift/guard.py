"""What Redshift refuses or misreads, refused before it runs, with the reason and the remedy.

An expression of SQLAlchemy is judged as it is spelt: the dialect's compilers call :func:`refused`.
SQL as text is read word by word, where quotes and comments hide nothing and give nothing away:
:func:`check`, which every engine of the dialect asks before it sends a statement.

What Redshift lacks is listed in
https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-features.html and
https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-datatypes.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from sqlalchemy import Connection
from sqlalchemy.exc import CompileError

_REASONS: Mapping[str, str] = {
    "aggregate ORDER BY": "Redshift orders an aggregate by WITHIN GROUP; "
    "use func.listagg(value, ', ').within_group(order)",
    "array": "Redshift has no arrays; use SUPER, or a table with a row for each element",
    "bytes": "Redshift has no BYTEA; keep bytes as hexadecimal text in a String",
    "cascade": "Redshift enforces no keys, so nothing cascades and nothing is deferred; "
    "leave out ondelete, onupdate, deferrable, initially and match",
    "CHECK": "Redshift has no CHECK; test the rows with a query before or after they are loaded",
    "computed": "Redshift has no generated columns; compute the value in the statement that "
    "fills the table",
    "CTE": "WITH holds queries alone on Redshift; run the INSERT, UPDATE or DELETE by itself",
    "DISTINCT ON": "Redshift has no DISTINCT ON; number the rows by "
    "func.row_number().over(partition_by=..., order_by=...) and keep the first",
    "FILTER": "Redshift has no FILTER; put the condition into the aggregate, as in "
    "func.sum(case((condition, value)))",
    "FOR UPDATE": "Redshift locks no rows; LOCK the table as the first statement of the "
    "transaction",
    "identity": "IDENTITY knows start and increment alone on Redshift; leave the rest out",
    "index": "Redshift has no indexes; choose redshift_sortkey= and redshift_distkey= for the "
    "table",
    "interval": "Redshift takes INTERVAL with its fields alone, such as DAY TO SECOND; keep a "
    "number of seconds",
    "IS DISTINCT FROM": "Redshift has no IS DISTINCT FROM; compare with == and with is_(None)",
    "JSON": "Redshift has no JSON; use sqlalchemy_redshift.dialect.SUPER, or keep it as text and "
    "read it by func.json_extract_path_text()",
    "LATERAL": "Redshift has no LATERAL; join a subquery, or number its rows by a window function",
    "numeric": "Redshift reads NUMERIC without a precision as NUMERIC(18,0), which drops the "
    "decimals; give both, as in Numeric(18, 2)",
    "ON CONFLICT": "Redshift has no ON CONFLICT; use upsert(), a delete by key and an insert",
    "object": "Redshift has no sequences, triggers, rules, domains, extensions or types of one's "
    "own; Identity() numbers rows",
    "RETURNING": "Redshift has no RETURNING; choose the keys before the statement, or select the "
    "rows after it",
    "SAVEPOINT": "Redshift rolls back whole transactions alone; do without begin_nested()",
    "string_agg": "Redshift has no string_agg; use func.listagg(value, ', ')",
    "TABLESAMPLE": "Redshift has no TABLESAMPLE; keep the rows where func.random() < 0.01",
    "text": "Redshift reads VARCHAR or TEXT without a width as VARCHAR(256); give the width in "
    "bytes, as in String(256)",
    "TRUNCATE": "TRUNCATE commits the transaction that it runs in; use delete(), or a connection "
    'with execution_options(isolation_level="AUTOCOMMIT")',
    "type": "Redshift has no such type of PostgreSQL; keep it as text in a String",
    "UUID": "Redshift has no UUID; use Uuid(), which is kept as CHAR(32) there",
    "VALUES": "Redshift has no VALUES as a table; join a temporary table, or a union of selects",
    "WITH": "Redshift takes WITH after INSERT INTO, not before it; write "
    "INSERT INTO ... WITH ... SELECT",
}


def refusal(what: str) -> CompileError:
    """Return the error that says why Redshift doesn't take something and what to do instead.

    >>> print(refusal("RETURNING"))
    Redshift has no RETURNING; choose the keys before the statement, or select the rows after it
    """
    return CompileError(_REASONS[what])


def refused(what: str) -> Callable[..., NoReturn]:
    """Return a method of a compiler that refuses what it is asked to spell."""

    def refuse(_compiler: Any, *_element: Any, **_options: Any) -> NoReturn:
        raise refusal(what)

    return refuse


def check(sql: str, *, in_transaction: bool) -> None:
    """Refuse SQL that Redshift refuses or misreads; words in quotes and comments are no SQL.

    Raises:
        sqlalchemy.exc.CompileError: with the reason and the remedy.

    >>> check("SELECT 'RETURNING' AS filter -- TRUNCATE", in_transaction=True)
    >>> check("TRUNCATE staging_songs", in_transaction=True)
    Traceback (most recent call last):
    sqlalchemy.exc.CompileError: TRUNCATE commits the transaction that it runs in; ...
    """
    if not _SUSPECT.search(sql):
        return
    for statement in _bare(sql).split(" ; "):
        if what := _found(statement.strip()):
            if what == "TRUNCATE" and not in_transaction:
                continue
            raise refusal(what)


def check_before_execute(
    connection: Connection,
    _cursor: Any,
    statement: str,
    _parameters: Any,
    _context: Any,
    _executemany: bool,
) -> None:
    """Listen to ``before_cursor_execute`` and :func:`check` what is about to be sent."""
    driver = connection.connection.driver_connection
    check(statement, in_transaction=not getattr(driver, "autocommit", False))


_SUSPECT = re.compile(
    r"\b(alter|conflict|create|distinct|filter|lateral|release|returning|rollback|savepoint"
    r"|truncate|with)\b",
    re.IGNORECASE,
)
"""Without one of these words a statement can't be at fault, however long it is."""

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*)
    |(?P<comment>/\*)
    |(?P<text>'(?:[^'\\]|\\.|'')*(?:'|$))
    |(?P<name>"(?:[^"]|"")*(?:"|$))
    |(?P<body>(?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?:(?P=tag)|$))
    |(?P<word>[^\W\d][\w$]*)
    |(?P<number>\d[\w.]*)
    |(?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_NEUTRAL = {"text": "''", "body": "''", "name": '""', "number": "0"}


def _bare(sql: str) -> str:
    """Return the words and marks in capitals, one space apart, quotes emptied, comments left out.

    >>> print(_bare("select 'a' || b -- c"))
    SELECT '' | | B
    """
    return " ".join(_tokens(sql))


def _tokens(sql: str) -> Iterator[str]:
    position = 0
    while position < len(sql):
        token = _TOKEN.match(sql, position)
        assert token is not None  # noqa: S101 - the last alternative takes any character
        position, kind = token.end(), token.lastgroup or "mark"
        if kind == "comment":
            position = _end_of_comment(sql, position)
        elif kind != "space":
            yield _NEUTRAL.get(kind, token[0].upper())


def _end_of_comment(sql: str, position: int) -> int:
    """Return where a comment ends; comments nest."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(sql, position)
        if edge is None:
            return len(sql)
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return position


_START = r"(?:WITH .*? )?"
_ANYWHERE: Mapping[str, re.Pattern[str]] = {
    "DISTINCT ON": re.compile(r"\bDISTINCT ON \("),
    "FILTER": re.compile(r"\) FILTER \( WHERE "),
    "LATERAL": re.compile(r"(?:\bFROM|\bJOIN|,) LATERAL \( (?:SELECT|WITH|VALUES)\b"),
    "CTE": re.compile(r"^WITH .*\bAS \( (?:INSERT INTO|DELETE FROM|UPDATE [^ ]+ SET) "),
    "CHECK": re.compile(r"^(?:CREATE (?:\w+ ){0,2}TABLE|ALTER TABLE) .*\bCHECK \("),
}
_OUTSIDE_PARENTHESES: Mapping[str, re.Pattern[str]] = {
    "ON CONFLICT": re.compile(rf"^{_START}INSERT .* ON CONFLICT (?:.* )?DO (?:NOTHING|UPDATE)\b"),
    "WITH": re.compile(r"^WITH .* INSERT INTO "),
    "SAVEPOINT": re.compile(
        r"^(?:SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK (?:WORK |TRANSACTION )?TO) "
    ),
    "TRUNCATE": re.compile(r"^TRUNCATE "),
    "index": re.compile(r"^CREATE (?:UNIQUE )?INDEX "),
    "object": re.compile(
        r"^CREATE (?:OR REPLACE )?(?:SEQUENCE|TRIGGER|RULE|DOMAIN|EXTENSION|TYPE) "
    ),
}
_RETURNING = re.compile(r"([^ ]+) (?=RETURNING ([^ ]+))")
_CHANGES_ROWS = re.compile(rf"^{_START}(?:INSERT|UPDATE|DELETE|MERGE) ")
_NO_OPERAND = re.compile(
    "ALL|AND|AS|ASC|BETWEEN|BY|CASE|CROSS|DELETE|DESC|DISTINCT|ELSE|END|EXCEPT|FROM|FULL|GROUP"
    "|HAVING|ILIKE|IN|INNER|INSERT|INTERSECT|INTO|IS|JOIN|LEFT|LIKE|LIMIT|MINUS|NATURAL|NOT|OFFSET"
    "|ON|OR|ORDER|OUTER|QUALIFY|RIGHT|SELECT|SET|THEN|UNION|UPDATE|USING|WHEN|WHERE"
)
"""Words that don't end what stands before RETURNING, and don't begin what stands after it."""

_COLUMNS = re.compile(r"^CREATE (?:(?:LOCAL |GLOBAL )?TEMP(?:ORARY)? )?TABLE [^(]*\( (.*)$")
_ALTERED = re.compile(
    r"^ALTER TABLE .*? (?:ADD (?:COLUMN )?|ALTER (?:COLUMN )?(?=[^ ]+ TYPE ))"
    r"(?P<name>[^ ]+)(?: TYPE)? (?P<type>.*)$"
)
_TYPES: Mapping[str, re.Pattern[str]] = {
    "text": re.compile(r"(?:TEXT\b|(?:VARCHAR|NVARCHAR|CHARACTER VARYING)\b(?! \())"),
    "numeric": re.compile(r"(?:NUMERIC|DECIMAL)\b(?! \()"),
    "JSON": re.compile(r"JSONB?\b"),
    "UUID": re.compile(r"UUID\b"),
    "bytes": re.compile(r"BYTEA\b"),
    "object": re.compile(r"(?:BIG|SMALL)?SERIAL\b"),
    "type": re.compile(r"(?:HSTORE|MONEY|XML|INET|CIDR|MACADDR|TSVECTOR|BIT)\b"),
}
_ARRAY = re.compile(r"[^ ]+(?: PRECISION| VARYING)?(?: \( \))? (?:\[|ARRAY\b)")


def _found(statement: str) -> str | None:
    """Return what is at fault in a bare statement, as the key of its reason."""
    outside = _outside_parentheses(statement)
    faults = [what for what, fault in _ANYWHERE.items() if fault.search(statement)]
    faults += [what for what, fault in _OUTSIDE_PARENTHESES.items() if fault.search(outside)]
    if _CHANGES_ROWS.search(outside) and any(map(_is_clause, _RETURNING.finditer(outside))):
        faults.append("RETURNING")
    faults += [what for type_ in _declared_types(statement) if (what := _fault_of_type(type_))]
    return next(iter(faults), None)


def _is_clause(returning: re.Match[str]) -> bool:
    """Tell the clause RETURNING from a column or table of that name, by its neighbours."""
    before, after = returning.groups()
    return bool(
        re.fullmatch(r"[\w$]+|''|\"\"|[)*?]", before)
        and re.fullmatch(r"[\w$]+|''|\"\"|[*?]", after)
        and not _NO_OPERAND.fullmatch(before)
        and not _NO_OPERAND.fullmatch(after)
    )


def _outside_parentheses(statement: str) -> str:
    """Return a bare statement with its parentheses emptied."""
    kept, depth = [], 0
    for each in statement.split(" "):
        depth -= each == ")"
        if depth <= 0:
            kept.append(each)
        depth += each == "("
    return " ".join(kept)


def _declared_types(statement: str) -> Iterator[str]:
    """Yield the type of each column that a bare statement declares, and what follows it."""
    if altered := _ALTERED.search(statement):
        name, type_ = altered["name"], altered["type"]
        if name not in _CONSTRAINTS:
            yield _outside_parentheses(type_)
    elif columns := _COLUMNS.search(statement):
        inside = columns[1]
        for element in _elements(inside):
            name, _, type_ = element.partition(" ")
            if name not in _CONSTRAINTS:
                yield type_


_CONSTRAINTS = frozenset({"CHECK", "CONSTRAINT", "FOREIGN", "LIKE", "PRIMARY", "UNIQUE"})


def _elements(inside: str) -> list[str]:
    """Split what stands in parentheses at its commas, with inner parentheses emptied."""
    elements: list[list[str]] = [[]]
    depth = 0
    for each in inside.split(" "):
        depth -= each == ")"
        if depth < 0:
            break
        if depth == 0 and each == ",":
            elements.append([])
        elif depth == 0:
            elements[-1].append(each)
        depth += each == "("
    return [" ".join(element) for element in elements]


def _fault_of_type(type_: str) -> str | None:
    if _ARRAY.match(type_):
        return "array"
    return next((what for what, fault in _TYPES.items() if fault.match(type_)), None)
