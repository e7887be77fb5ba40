"""Functions that the engines spell each in its own way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.functions import GenericFunction


def constant(value: Any) -> ColumnElement[Any]:
    """Return a value as part of the statement's text, not as a parameter.

    A planner sees it, and DuckDB doesn't import pandas, as it does to convert a parameter.

    >>> from sqlalchemy import select
    >>> query = select(constant("NextSong").label("page"))
    >>> print(query.compile(compile_kwargs={"render_postcompile": True}))
    SELECT 'NextSong' AS page
    """
    return literal(value, literal_execute=True)


class byte_length(GenericFunction[int]):  # noqa: N801 - the name of the function in SQL
    """How many bytes of UTF-8 a text takes, as the width of a VARCHAR counts them.

    >>> from musicbee_warehouse import SongDim
    >>> print(byte_length(SongDim.title))
    octet_length(song_dim.title)
    """

    type = Integer()
    inherit_cache = True


@compiles(byte_length)
def _octets(function: byte_length, compiler: SQLCompiler, **options: Any) -> str:
    return f"octet_length{compiler.function_argspec(function, **options)}"


@compiles(byte_length, "duckdb")
def _octets_on_duckdb(function: byte_length, compiler: SQLCompiler, **options: Any) -> str:
    return f"strlen{compiler.function_argspec(function, **options)}"
