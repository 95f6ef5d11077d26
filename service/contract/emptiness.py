"""Whether a body holds anything that a model could predict for."""

from collections.abc import Iterable, Iterator
from typing import Any


def holds_a_value(payload: Any) -> bool:
    """Whether there is anything in it but nulls, empty lists and empty objects."""
    levels: list[Iterator[Any]] = [iter((payload,))]
    while levels:
        inner = _first_of_use(levels[-1])
        if inner is None:
            levels.pop()
        elif type(inner) is list:
            levels.append(iter(inner))
        elif type(inner) is dict:
            levels.append(iter(inner.values()))
        else:
            return True
    return False


def _first_of_use(values: Iterable[Any]) -> Any:
    return next((each for each in values if each is not None), None)
