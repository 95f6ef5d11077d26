"""Of what kind a column's values are, so that nothing is compared with another kind in vain."""

from decimal import Decimal
from numbers import Number
from typing import Any, Final

import numpy as np
import pandas as pd

_NAMES: Final = {"b": "booleans", "i": "numbers", "u": "numbers", "f": "numbers", "M": "times"}
# What pandas compares with a time by reading it.
_FITTING: Final = {"times": frozenset({"text", "times"})}


def kinds_of(column: "pd.Series[Any]") -> frozenset[str]:
    """The kinds of its values that are not null; a column of objects may have several."""
    kind = getattr(column.dtype, "kind", "O")
    if kind in _NAMES:
        return frozenset({_NAMES[kind]})
    return frozenset(kind_of(value) for value in column.dropna())


def kind_of(value: Any) -> str:
    """Of one value, in the plural."""
    if isinstance(value, bool | np.bool_):
        return "booleans"
    if isinstance(value, Number | Decimal):
        return "numbers"
    return "text" if isinstance(value, str) else "other things"


def misfit(name: str, column: "pd.Series[Any]", value: Any) -> str | None:
    """Why no value of the column can be that one; None where one might be."""
    kinds, asked = kinds_of(column), kind_of(value)
    if not kinds or any(asked in _FITTING.get(kind, {kind}) for kind in kinds):
        return None
    return f"column {name} holds {' and '.join(sorted(kinds))}, and is compared with {asked}"
