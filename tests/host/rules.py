"""Cases by the rule of docs/requests.md that they belong to, for pytest."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest


def cases(*tables: Mapping[str, Iterable[tuple[Any, ...]]]) -> list[Any]:
    """Every case of every rule, named after its rule."""
    return [
        pytest.param(*case, id=f"{rule}-{number}")
        for table in tables
        for rule, listed in table.items()
        for number, case in enumerate(listed)
    ]
