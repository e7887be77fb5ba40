"""Mermaid text, as GitHub and many others draw it from Markdown: https://mermaid.js.org."""

from __future__ import annotations

from collections.abc import Mapping
from re import sub

_SHAPES = {"file": '[/"{}"/]', "query": '(["{}"])'}
_TABLE = '[("{}")]'
_CLASSES = {
    "file": "fill:#f1f3f5,stroke:#868e96,color:#212529",
    "staging": "fill:#fff3d6,stroke:#b87700,color:#212529",
    "dimension": "fill:#dcecfb,stroke:#0b6bb5,color:#212529",
    "fact": "fill:#d5f2e6,stroke:#007a5a,color:#212529",
    "ledger": "fill:#f3e3ee,stroke:#a3487e,color:#212529",
    "query": "fill:#ffffff,stroke:#495057,color:#212529",
}


def flowchart(
    nodes: Mapping[str, str],
    links: Mapping[tuple[str, str], str],
    rows: Mapping[str, list[str]] | None = None,
) -> str:
    """Return a flowchart from left to right.

    Args:
        nodes: the kind of each node by its name.
        links: the label of each link, by the names that it joins.
        rows: the lines beneath the name of a node.

    >>> print(flowchart({"a": "fact", "b": "query"}, {("a", "b"): "1"}))
    flowchart LR
        a[("a")]:::fact
        b(["b"]):::query
        a -- 1 --> b
        classDef fact fill:#d5f2e6,stroke:#007a5a,color:#212529
        classDef query fill:#ffffff,stroke:#495057,color:#212529
    """
    lines = []
    for name, kind in nodes.items():
        label = "<br/>".join([name, *(rows or {}).get(name, [])])
        lines.append(f"{_id(name)}{_SHAPES.get(kind, _TABLE).format(_text(label))}:::{kind}")
    for (source, target), label in links.items():
        arrow = f"-- {_text(label)} -->" if label else "-->"
        lines.append(f"{_id(source)} {arrow} {_id(target)}")
    used = [kind for kind in _CLASSES if kind in nodes.values()]
    lines += [f"classDef {kind} {_CLASSES[kind]}" for kind in used]
    return "\n".join(["flowchart LR", *(f"    {line}" for line in lines)])


def _id(name: str) -> str:
    return sub(r"\W+", "_", name)


def _text(label: str) -> str:
    return label.replace('"', "#quot;")
