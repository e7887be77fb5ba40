"""Rewriting inside statements: functions, and the catalog as Redshift's clients ask for it."""

from __future__ import annotations

from standin.tokens import END, Reader, Token, code, spaced, split, text_of, tokens_of

CATALOG = {"pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_namespace"}
"""What there is twice: PostgreSQL's own, and in the schema ``standin`` with what Redshift adds."""
_ONLY_REDSHIFT = {"attisdistkey", "reldiststyle", "svv_external_columns"}
_DATE_FUNCTIONS = {
    "DATEADD": "dateadd",
    "DATE_ADD": "dateadd",
    "DATEDIFF": "datediff",
    "DATE_DIFF": "datediff",
    "DATE_PART": "date_part",
    "DATEPART": "date_part",
}
_PARTS = {
    "year": ("y", "yr", "yrs", "years"),
    "quarter": ("qtr", "qtrs", "quarters"),
    "month": ("mon", "mons", "months"),
    "week": ("w", "weeks"),
    "day": ("d", "days"),
    "dow": ("dayofweek", "dw", "weekday"),
    "doy": ("dayofyear", "dy", "yearday"),
    "hour": ("h", "hr", "hrs", "hours"),
    "minute": ("m", "min", "mins", "minutes"),
    "second": ("s", "sec", "secs", "seconds"),
    "milliseconds": ("ms", "msec", "msecs", "millisecond"),
    "microseconds": ("us", "usec", "usecs", "microsecond"),
}
_PART = {other: part for part, others in _PARTS.items() for other in others}


def rewrite(sql: str) -> str:
    """Rewrite what PostgreSQL would not know, wherever it stands in a statement."""
    tokens = _extracts(tokens_of(sql))
    places = [place for place, token in enumerate(tokens) if token.kind != "space"]
    for at, place in enumerate(places):
        _rewrite_at(tokens, places, at, tokens[place])
    if any(token.name in _ONLY_REDSHIFT for token in tokens):
        tokens = [token for part in _selects(tokens) for token in _without_aliases(part)]
    return text_of(tokens)


def _rewrite_at(tokens: list[Token], places: list[int], at: int, token: Token) -> None:
    def near(offset: int) -> Token:
        inside = 0 <= at + offset < len(places)
        return tokens[places[at + offset]] if inside else END

    def put(offset: int, text: str) -> None:
        tokens[places[at + offset]] = Token("word", text)

    if token.kind != "word":
        return
    qualified = near(-1).text == "."
    if token.word == "SYSDATE" and not qualified:
        put(0, "standin.sysdate()")
    elif token.word in _DATE_FUNCTIONS and near(1).text == "(":
        put(0, _DATE_FUNCTIONS[token.word])
        if near(2).kind == "word" and near(3).text == ",":
            part = near(2).name
            put(2, f"'{_PART.get(part, part)}'")
    elif token.name in CATALOG and near(1).text != "(":
        if not qualified:
            put(0, f"standin.{token.text}")
        elif near(-2).name == "pg_catalog":
            put(-2, "standin")
    elif token.name == "pg_get_expr" and qualified:
        put(-2, "standin")
    elif token.word == "WHERE" and near(1).text == "1" and near(2).word in _AFTER_A_CONDITION:
        put(1, "true")


_AFTER_A_CONDITION = {"", "AND", "UNION", "ORDER", "GROUP", ")", ";"}


def _extracts(tokens: list[Token]) -> list[Token]:
    """Let EXTRACT return an integer, and know the other names of date parts.

    https://docs.aws.amazon.com/redshift/latest/dg/r_EXTRACT_function.html
    """
    out = list(tokens)
    for place, token in enumerate(out):
        if token.word != "EXTRACT":
            continue
        inner = [at for at in range(place + 1, len(out)) if out[at].kind != "space"][:3]
        if len(inner) < 3 or out[inner[0]].text != "(" or out[inner[2]].word != "FROM":
            continue
        part = out[inner[1]]
        name = part.value.lower() if part.kind == "string" else part.name
        out[inner[1]] = Token("word", _PART.get(name, name))
        if name != "epoch":
            out[place] = Token("word", "trunc(extract")
            out[_closing(out, inner[0])] = Token("sign", "))::integer")
    return out


def _closing(tokens: list[Token], opening: int) -> int:
    depth = 0
    for place in range(opening, len(tokens)):
        # A parenthesis that was rewritten already holds one more.
        depth += {"(": 1, ")": -1, "))::integer": -1}.get(tokens[place].text, 0)
        if depth == 0:
            return place
    return len(tokens) - 1


def _selects(tokens: list[Token]) -> list[list[Token]]:
    """Cut at the UNIONs between the queries, which are parts of their own."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0 and token.word == "UNION":
            parts += [[token], []]
        else:
            parts[-1].append(token)
    return parts


def _without_aliases(query: list[Token]) -> list[Token]:
    """Put expressions for the aliases of the select list that WHERE names.

    Redshift lets it name them, PostgreSQL doesn't. Used for queries of the catalog alone: the
    dialect's reflection relies on it.
    """
    clauses = _clauses(query)
    if not {"SELECT", "FROM", "WHERE"} <= set(clauses):
        return query
    aliases = {}
    for item in split(query[clauses["SELECT"] + 1 : clauses["FROM"]], ","):
        words = code(item)
        if len(words) >= 3 and words[-2].word == "AS":
            aliases[words[-1].name] = f"({spaced(words[:-2])})"
    end = clauses.get("ORDER", len(query))
    condition = query[clauses["WHERE"] : end]
    reader = Reader(condition)
    for at, token in enumerate(reader.tokens):
        before = reader.tokens[at - 1].text if at else ""
        after = reader.tokens[at + 1].text if at + 1 < len(reader.tokens) else ""
        is_alias = token.kind in ("word", "quoted") and token.name in aliases
        if is_alias and before != "." and after not in (".", "("):
            reader.tokens[at] = Token("word", aliases[token.name])
    return [*query[: clauses["WHERE"]], Token("word", spaced(reader.tokens)), *query[end:]]


def _clauses(query: list[Token]) -> dict[str, int]:
    """Return where the clauses of a query begin, outside of parentheses."""
    places: dict[str, int] = {}
    depth = 0
    for place, token in enumerate(query):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0 and token.word in ("SELECT", "FROM", "WHERE", "ORDER"):
            places.setdefault(token.word, place)
    return places
