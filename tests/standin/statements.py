"""Statements of Redshift, planned one by one: refused, rewritten, or passed on as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from standin.copying import plan_copy
from standin.expressions import rewrite
from standin.plan import Plan
from standin.tables import Layout, alter_table, create_table, read_layout
from standin.tokens import Reader, Refused, Token, spaced, split, tokens_of
from standin.unloading import plan_unload

if TYPE_CHECKING:
    from standin.session import Session

_NO_OBJECTS = {
    "INDEX",
    "EXTENSION",
    "TRIGGER",
    "DOMAIN",
    "TYPE",
    "SEQUENCE",
    "RULE",
    "AGGREGATE",
    "TABLESPACE",
}
"""https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-features.html"""
_SETTINGS = {
    "QUERY_GROUP",
    "ENABLE_RESULT_CACHE_FOR_SESSION",
    "ENABLE_CASE_SENSITIVE_IDENTIFIER",
    "WLM_QUERY_SLOT_COUNT",
    "ANALYZE_THRESHOLD_PERCENT",
    "DESCRIBE_FIELD_NAME_IN_UPPERCASE",
    "QUERY_LABEL",
    "AUTO_ANALYZE",
}
"""Settings that Redshift alone has."""


def plan(statement: str) -> Plan:
    """Plan a statement.

    Raises:
        Refused: if Redshift would refuse it.
    """
    tokens = tokens_of(statement)
    sql = Reader(tokens)
    while sql.tokens and sql.tokens[-1].text == ";":
        sql.tokens.pop()
    if not sql or any(token.text == ";" for token in sql.tokens):
        # Several in one message: PostgreSQL refuses them as Redshift does.
        return Plan(sql=statement)
    _refuse(sql)
    planned = _FORMS.get(sql.peek().word, _unchanged)
    return planned(sql, statement)


def _refuse(sql: Reader) -> None:
    """Refuse what PostgreSQL has come to know since Redshift left it."""
    words = [token.word for token in sql.tokens if token.kind == "word"]
    verb = sql.peek().word
    if verb in ("INSERT", "UPDATE", "DELETE", "MERGE") and "RETURNING" in words:
        raise Refused('syntax error at or near "RETURNING"')
    if verb == "INSERT" and "CONFLICT" in words:
        raise Refused('syntax error at or near "ON"')
    if verb == "WITH" and "INSERT" in words:
        raise Refused('syntax error at or near "INSERT"')
    if "LATERAL" in words:
        raise Refused('syntax error at or near "LATERAL"')
    for token, following in pairwise(sql.tokens):
        _refuse_pair(token.word, following.word)


def _refuse_pair(word: str, following: str) -> None:
    if (word, following) == ("DISTINCT", "ON"):
        raise Refused("SELECT DISTINCT ON is not supported", "0A000")
    if (word, following) == ("FILTER", "("):
        raise Refused('syntax error at or near "("')
    if word in ("NEXTVAL", "CURRVAL", "SETVAL", "STRING_AGG", "ARRAY_AGG") and following == "(":
        raise Refused(
            "Specified types or functions (one per INFO message) not supported on Redshift tables.",
            "0A000",
        )


def _unchanged(_: Reader, statement: str) -> Plan:
    return Plan(sql=rewrite(statement))


def _writing(sql: Reader, statement: str) -> Plan:
    """Plan INSERT, UPDATE and DELETE, which lock their table for other writers."""
    verb = sql.next().word
    sql.one_of({"INSERT": ("INTO",), "DELETE": ("FROM",)}.get(verb, ()))
    return Plan(sql=rewrite(statement), writes=sql.name())


def _create(sql: Reader, statement: str) -> Plan:
    words = [sql.peek(ahead).word for ahead in range(1, 5)]
    if nothing := _NO_OBJECTS & set(words[:2]):
        raise Refused(
            f"SQL command CREATE {min(nothing)} not supported on Redshift tables.", "0A000"
        )
    if "TABLE" in words[:3] and words[0] != "EXTERNAL":
        return create_table(sql)
    if words[0] == "MATERIALIZED":
        return _materialized_view(sql)
    if [token.word for token in sql.tokens[-4:]] == ["WITH", "NO", "SCHEMA", "BINDING"]:
        return Plan(sql=rewrite(spaced(sql.tokens[:-4])))
    return _unchanged(sql, statement)


def _materialized_view(sql: Reader) -> Plan:
    sql.expect("CREATE", "MATERIALIZED", "VIEW")
    view, layout = sql.name(), Layout()
    while sql and not sql.comes("AS"):
        if sql.skip("AUTO", "REFRESH"):
            sql.next()
        else:
            read_layout(sql, layout, until=("AS", "AUTO"))
    keep = partial(layout.write, table=view)
    return Plan(sql=f"CREATE MATERIALIZED VIEW {view} {rewrite(spaced(sql.rest()))}", after=keep)


def _alter(sql: Reader, statement: str) -> Plan:
    return alter_table(sql) if sql.peek(1).word == "TABLE" else _unchanged(sql, statement)


def _copy(sql: Reader, statement: str) -> Plan:
    if any(token.kind == "parameter" for token in sql.tokens):
        return Plan(sql=statement)  # PostgreSQL says: syntax error at or near "$1"
    return plan_copy(sql)


def _unload(sql: Reader, _: str) -> Plan:
    return plan_unload(sql)


def _truncate(sql: Reader, _: str) -> Plan:
    """Plan TRUNCATE, which commits.

    https://docs.aws.amazon.com/redshift/latest/dg/r_TRUNCATE.html
    """
    sql.expect("TRUNCATE")
    sql.skip("TABLE")
    table = sql.name()
    if sql:
        raise sql.error()

    def empty(session: Session) -> None:
        session.backend.query(f"DELETE FROM {table}; COMMIT")

    return Plan(instead=empty, tag="TRUNCATE TABLE")


def _vacuum(_: Reader, __: str) -> Plan:
    return Plan(tag="VACUUM", instead=lambda _: None, alone="VACUUM")


def _analyze(sql: Reader, _: str) -> Plan:
    sql.next()
    if sql.skip("COMPRESSION"):
        return Plan(sql='SELECT NULL::varchar AS "Table" WHERE false')
    sql.skip("VERBOSE")
    table = sql.name() if sql else ""
    columns = f"({spaced(sql.group())})" if sql.comes("(") else ""
    return Plan(sql=f"ANALYZE {table} {columns}", tag="ANALYZE")


def _merge(sql: Reader, statement: str) -> Plan:
    """Plan MERGE: https://docs.aws.amazon.com/redshift/latest/dg/r_MERGE.html."""
    sql.expect("MERGE", "INTO")
    target = sql.name()
    sql.expect("USING")  # the target takes no alias
    source = sql.name()  # and the source is a table
    sql.skip("AS")
    alias = source if sql.comes("ON") else sql.name()
    sql.expect("ON")
    rest = sql.rest()
    if [token.word for token in rest[-2:]] == ["REMOVE", "DUPLICATES"]:
        return _remove_duplicates(target, source, alias, rest[:-2])
    branches = [
        (token.word, following.word) for token, following in pairwise(rest) if token.word == "WHEN"
    ]
    if branches != [("WHEN", "MATCHED"), ("WHEN", "NOT")]:
        raise Refused("MERGE takes WHEN MATCHED and WHEN NOT MATCHED, once each, in this order")
    return Plan(sql=rewrite(statement), writes=target)


def _remove_duplicates(target: str, source: str, alias: str, condition: list[Token]) -> Plan:
    named = source if alias == source else f"{source} AS {alias}"
    when = rewrite(spaced(condition))

    def run(session: Session) -> None:
        session.backend.query(
            f"DELETE FROM {target} USING {named} WHERE {when};"
            f" INSERT INTO {target} SELECT DISTINCT * FROM {source}"
        )

    return Plan(instead=run, tag="MERGE", writes=target)


def _begin(sql: Reader, _: str) -> Plan:
    """Plan BEGIN and START TRANSACTION; Redshift takes and overrides an isolation level.

    https://docs.aws.amazon.com/redshift/latest/dg/r_BEGIN.html
    """
    read_only = " READ ONLY" if sql.tokens[-1].word == "ONLY" else ""
    return Plan(sql=f"BEGIN{read_only}")


def _no_savepoints(sql: Reader, statement: str) -> Plan:
    if sql.peek().word == "ROLLBACK" and "TO" not in [token.word for token in sql.tokens]:
        return Plan(sql=statement)
    raise Refused(f'SQL command "{spaced(sql.tokens)[:60]}" not supported.', "0A000")


def _set(sql: Reader, statement: str) -> Plan:
    name = sql.peek(1)
    if name.word in ("STANDARD_CONFORMING_STRINGS", "SERVER_VERSION_NUM"):
        raise Refused(f'unrecognized configuration parameter "{name.name}"', "42704")
    if name.word in _SETTINGS:
        return Plan(sql=statement.replace(name.text, f"standin.{name.name}", 1))
    return Plan(sql=statement)


def _lock(sql: Reader, _: str) -> Plan:
    """Plan LOCK, whose only mode is ACCESS EXCLUSIVE.

    https://docs.aws.amazon.com/redshift/latest/dg/r_LOCK.html
    """
    sql.expect("LOCK")
    sql.skip("TABLE")
    tables = [spaced(part).replace(" . ", ".") for part in split(sql.rest(), ",")]
    return Plan(sql=f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")


_FORMS: Mapping[str, Callable[[Reader, str], Plan]] = {
    "ALTER": _alter,
    "ANALYSE": _analyze,
    "ANALYZE": _analyze,
    "BEGIN": _begin,
    "COPY": _copy,
    "CREATE": _create,
    "DELETE": _writing,
    "INSERT": _writing,
    "LOCK": _lock,
    "MERGE": _merge,
    "RELEASE": _no_savepoints,
    "ROLLBACK": _no_savepoints,
    "SAVEPOINT": _no_savepoints,
    "SET": _set,
    "SHOW": _set,
    "START": _begin,
    "TRUNCATE": _truncate,
    "UNLOAD": _unload,
    "UPDATE": _writing,
    "VACUUM": _vacuum,
}
