"""How deep JSON is nested, found without a call for each level."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

# Of signatures, and of values whose type is `any`: together less than the 254 that orjson writes,
# and few enough for MLflow's enforcement, which takes three calls for each level.
MAX_DEPTH: Final = 100

_CONTAINERS: Final = frozenset({list, dict})


def too_deep(values: Sequence[Any], limit: int = MAX_DEPTH) -> bool:
    """Whether any of the values is nested more than `limit` lists and objects deep."""
    level: Sequence[Any] = values
    for _ in range(limit):
        if _CONTAINERS.isdisjoint(map(type, level)):
            return False
        level = _below(level)
    return not _CONTAINERS.isdisjoint(map(type, level))


def free_of(unwanted: type, values: Sequence[Any]) -> bool:
    """Whether the values are not too deep, and none in them is of that type."""
    level: Sequence[Any] = values
    for _ in range(MAX_DEPTH + 1):
        types = set(map(type, level))
        if unwanted in types:
            return False
        if _CONTAINERS.isdisjoint(types):
            return True
        level = _below(level)
    return False


def _below(level: Sequence[Any]) -> list[Any]:
    below = list(chain.from_iterable(each for each in level if type(each) is list))
    below += chain.from_iterable(each.values() for each in level if type(each) is dict)
    return below
