"""What sqlfluff's grammar of Redshift says of the statements that were sent.

It is somebody else's reading of AWS's documentation, so it catches what the stand-in, by mistake,
lets pass. It knows no types and no objects, and is laxer than Redshift in places.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from hashlib import sha256

import sqlfluff
from sqlfluff.core import FluffConfig, Linter

from standin.asked import Statement
from standin.tokens import Token, tokens_of

_REPEATED = re.compile(r"(\((?:[^()]|\([^()]*\))*\))(?:\s*,\s*\1)+")
_REFUSED = ("42601", "0A000")
"""The errors of what is no SQL of Redshift's, which tests send to see it refused."""
_CATALOG = re.compile(r"\bpg_catalog\.|::regclass\b", re.IGNORECASE)


def is_exempt(statement: Statement) -> bool:
    """Tell whether a statement isn't held against the grammar, which is so for three reasons.

    It was refused; or a test of the stand-in itself sent it; or SQLAlchemy and its dialect for
    Redshift ask the catalog by it (``::regclass``, a column list after a function, SHOW), which the
    grammar doesn't know and a cluster answers.
    """
    asks_the_catalog = statement.verb == "SHOW" or (
        statement.verb == "SELECT" and _CATALOG.search(statement.sql)
    )
    return statement.state in _REFUSED or statement.of_stand_in or bool(asks_the_catalog)


def shape(sql: str) -> str:
    """Return SQL with one string, one number and one row of VALUES for all: its grammar alone."""
    plain = "".join(map(_plain, tokens_of(sql))).strip()
    return _REPEATED.sub(r"\1", plain)


def _plain(token: Token) -> str:
    if token.kind == "space":
        return " "
    if token.kind in ("number", "parameter"):
        return "1"
    return "''" if token.kind == "string" else token.text


def unparsable(
    statements: Iterable[Statement], understood: MutableMapping[str, bool] | None = None
) -> list[str]:
    """Return what the grammar does not understand, one statement of each shape, with the place.

    Args:
        statements: those that aren't exempt are looked at.
        understood: the shapes that the grammar is known to understand, to which are added those
            that it is found to: it takes from some milliseconds to a second for each.
    """
    understood = {} if understood is None else understood
    shapes = {shape(each.sql): each.sql for each in statements if not is_exempt(each)}
    linter = Linter(config=FluffConfig(overrides={"dialect": "redshift"}))
    found = []
    for text, sql in shapes.items():
        key = sha256(f"{sqlfluff.__version__} {text}".encode()).hexdigest()
        if key in understood:
            continue
        parsed = linter.parse_string(f"{text};")
        faults = [str(violation) for violation in parsed.violations]
        if faults or parsed.tree is None:
            found.append(f"{sql}\n{'; '.join(faults)}")
        else:
            understood[key] = True
    return found
