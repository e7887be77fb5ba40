"""Policies of IAM, judged: who may do what with what, on which conditions.

moto judges requests by users, and takes an unmet condition for a denial. Here a statement whose
conditions aren't met says nothing, and a denial outweighs all else:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any


def _is_like(pattern: str, value: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringLike": _is_like,
    "ArnEquals": _is_like,
    "ArnLike": _is_like,
}


@dataclass(frozen=True)
class Request:
    """What is wanted: an action, on a resource, by a service; with the keys for conditions."""

    action: str
    resource: str | None = None
    service: str | None = None
    context: Mapping[str, str] = field(default_factory=dict)


def is_allowed(documents: Iterable[str], request: Request) -> bool:
    """Tell whether policies, as documents of JSON, allow a request together."""
    effects = {
        statement["Effect"]
        for document in documents
        for statement in _statements(document)
        if _applies(statement, request)
    }
    return effects == {"Allow"}


def _statements(document: str) -> Iterator[dict[str, Any]]:
    found = json.loads(document)["Statement"]
    yield from found if isinstance(found, list) else [found]


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    services = statement.get("Principal", {}).get("Service", [])
    return (
        _matches(statement, "Action", request.action.lower(), str.lower)
        and (request.resource is None or _matches(statement, "Resource", request.resource))
        and (request.service is None or request.service in _listed(services))
        and all(
            _holds(operator, key, wanted, request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _matches(
    statement: Mapping[str, Any], what: str, value: str, spell: Callable[[str], str] = str
) -> bool:
    if f"Not{what}" in statement:
        return not any(_is_like(spell(each), value) for each in _listed(statement[f"Not{what}"]))
    return any(_is_like(spell(each), value) for each in _listed(statement.get(what, [])))


def _holds(operator: str, key: str, wanted: Any, context: Mapping[str, str]) -> bool:
    """Tell whether a condition is met; a key that the request hasn't meets none."""
    meets = _OPERATORS[operator]
    return key in context and any(meets(each, context[key]) for each in _listed(wanted))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
