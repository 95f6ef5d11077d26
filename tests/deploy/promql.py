"""What a query of Prometheus asks for: the series by name, and the labels that it names."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import promql_parser

from tests.support.documents import table

# What Prometheus, or whoever finds its targets, puts on every series.
OF_TARGETS: Final = frozenset({"job", "instance", "namespace", "pod"})
_VARIABLES: Final = {"$__rate_interval": "1m", "$__range": "1h", "$__interval": "15s"}


def filled(query: str, **variables: str) -> str:
    """As Grafana would send it: `model="x"` stands for $model, all of it for others."""
    for name, value in (
        _VARIABLES | {f"${key}": value for key, value in variables.items()}
    ).items():
        query = query.replace(name, value)
    return re.sub(r'"\$\w+"', '".*"', query)


def known_series() -> dict[str, frozenset[str]]:
    """Labels by name, of all that docs/observe.md has; that is what the code has."""
    known = {"up": frozenset[str]()}
    for name, (kind, labels, *_) in table("docs/observe.md", "Metrics").items():
        found = frozenset(filter(None, labels.split(", ")))
        if kind == "histogram":
            known |= {f"{name}_bucket": found | {"le"}, f"{name}_sum": found}
            known[f"{name}_count"] = found
        else:
            known[name] = found
    return known


def mistakes(query: str, known: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Why it can never find what it asks for. Raises `ValueError` where it is not a query."""
    yield from _of(promql_parser.parse(filled(query)), known)


def _of(expression: Any, known: Mapping[str, frozenset[str]]) -> Iterator[str]:
    named = set[str]()
    for part in _parts(expression):
        if isinstance(part, promql_parser.VectorSelector):
            name = str(part.name)
            if name not in known:
                yield f"there is not any {name}"
                continue
            named |= known[name]
            asked = {each.name for each in part.matchers.matchers}
            yield from (f"{name} has no label {each}" for each in asked - known[name] - OF_TARGETS)
    for part in _parts(expression):
        for labels in _grouped(part):
            yield from (f"nothing here has a label {each}" for each in labels - named - OF_TARGETS)


def _parts(expression: Any) -> list[Any]:
    found: list[Any] = []
    promql_parser.walk(expression, found.append)
    return found


def _grouped(part: Any) -> Iterator[set[str]]:
    modifier = getattr(part, "modifier", None)
    if isinstance(part, promql_parser.AggregateExpr) and modifier is not None:
        yield set(modifier.labels)
    if isinstance(part, promql_parser.BinaryExpr) and modifier is not None:
        if modifier.matching is not None:
            yield set(modifier.matching.labels)
        yield set(modifier.group_labels or ())
