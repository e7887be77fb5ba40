"""SQL in tokens: enough to rewrite a few of them, and to leave the others byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<string>[eE]?'(?:[^'\\]|\\.|'')*')
  | (?P<dollar>\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$)
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<parameter>\$\d+)
  | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)
  | (?P<word>[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*)
  | (?P<sign>::|<>|!=|<=|>=|\|\||!~\*?|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class Refused(Exception):  # noqa: N818 - what Redshift does to a statement
    """What Redshift answers instead of running a statement: message, SQLSTATE and detail."""

    def __init__(self, message: str, state: str = "42601", detail: str = "") -> None:
        super().__init__(message)
        self.message, self.state, self.detail = message, state, detail


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL; its kind is the name of the group of the pattern above that took it."""

    kind: str
    text: str

    @property
    def word(self) -> str:
        """The key word that it may be, in capitals; of no word its text."""
        return self.text.upper() if self.kind == "word" else self.text

    @property
    def name(self) -> str:
        """The identifier that it spells: what isn't quoted is in small letters."""
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"')
        return self.text.lower()

    @property
    def value(self) -> str:
        """The string that it spells: a backslash escapes, as in PostgreSQL 8."""
        if self.kind == "dollar":
            return self.text.split("$", 2)[2].rsplit("$", 2)[0]
        body = self.text[self.text.index("'") + 1 : -1]
        return re.sub(r"''|\\(.)", _unescaped, body, flags=re.DOTALL)


END = Token("end", "")


def _unescaped(found: re.Match[str]) -> str:
    escaped = found.group(1)
    return "'" if escaped is None else _ESCAPES.get(escaped, escaped)


def tokens_of(sql: str) -> list[Token]:
    """Cut SQL into tokens, white space and comments among them."""
    return [
        Token(str("dollar" if found.lastgroup == "tag" else found.lastgroup), found.group())
        for found in _TOKEN.finditer(sql)
    ]


def text_of(tokens: Iterable[Token]) -> str:
    """Put tokens together again, byte for byte."""
    return "".join(token.text for token in tokens)


def spaced(tokens: Iterable[Token]) -> str:
    """Put tokens together that have lost the white space between them."""
    return " ".join(token.text for token in tokens)


def code(tokens: Iterable[Token]) -> list[Token]:
    """Leave white space and comments out."""
    return [token for token in tokens if token.kind != "space"]


def split(tokens: Iterable[Token], sign: str) -> Iterator[list[Token]]:
    """Cut at a sign that stands in no parenthesis."""
    part: list[Token] = []
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == sign and depth == 0:
            yield part
            part = []
        else:
            part.append(token)
    yield part


def statements_of(sql: str) -> list[str]:
    """Cut a script into its statements."""
    return [text_of(part) for part in split(tokens_of(sql), ";") if code(part)]


class Reader:
    """Reads the tokens of a statement one by one, and says where it can't go on."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self.tokens = code(tokens)
        self.at = 0

    def __bool__(self) -> bool:
        return self.at < len(self.tokens)

    def peek(self, ahead: int = 0) -> Token:
        """Return a token that comes, without taking it."""
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else END

    def next(self) -> Token:
        """Take the next token."""
        if not self:
            raise self.error()
        self.at += 1
        return self.tokens[self.at - 1]

    def comes(self, *words: str) -> bool:
        """Tell whether these words come next."""
        return all(self.peek(ahead).word == word for ahead, word in enumerate(words))

    def skip(self, *words: str) -> bool:
        """Take these words if they come, and tell whether they did."""
        if found := self.comes(*words):
            self.at += len(words)
        return found

    def expect(self, *words: str) -> None:
        """Take these words, or refuse the statement."""
        for word in words:
            if not self.skip(word):
                raise self.error()

    def one_of(self, words: Iterable[str]) -> str | None:
        """Take the next word if it is one of these."""
        word = self.peek().word
        return self.next().word if word in words else None

    def name(self) -> str:
        """Take a name, which may have a schema, as it is spelt."""
        if self.peek().kind not in ("word", "quoted"):
            raise self.error()
        parts = [self.next().text]
        while self.skip("."):
            parts.append(self.next().text)
        return ".".join(parts)

    def string(self) -> str:
        """Take a string and return what it says."""
        if self.peek().kind not in ("string", "dollar"):
            raise self.error()
        return self.next().value

    def group(self) -> list[Token]:
        """Take a parenthesis and return what is in it."""
        if not self.comes("("):
            raise self.error()
        start, depth = self.at + 1, 0
        while True:
            depth += {"(": 1, ")": -1}.get(self.next().text, 0)
            if depth == 0:
                return self.tokens[start : self.at - 1]

    def names(self) -> list[str]:
        """Take a list of column names in parentheses."""
        return [Reader(part).next().name for part in split(self.group(), ",")]

    def rest(self) -> list[Token]:
        """Take all that is left."""
        rest, self.at = self.tokens[self.at :], len(self.tokens)
        return rest

    def error(self) -> Refused:
        """Return the error for what comes here."""
        if not self:
            return Refused("syntax error at end of input")
        return Refused(f'syntax error at or near "{self.peek().text}"')
