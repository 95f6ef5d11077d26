"""What a cell of CSV means for a column: the JSON value that says the same, or just its text.

======== =========================================== ==============================================
type     a cell                                      MLflow's reader takes as well
======== =========================================== ==============================================
boolean  true, false in any case; 1 and 0            other numbers, as true
integer, 5, +5, 007, 5.0, .5, 1e2; blanks around     2**53+1 for a double and 2**24+1 for a float,
long,                                                rounded; 1e300 for a float, as infinity; inf;
float,                                               true for a float, as 1
double
string   its text                                    NA, null, None, nan and their like, as null
binary   base64                                      any text, which the model gets undecoded
datetime ISO 8601, as in JSON                        none: its reader knows no times
======== =========================================== ==============================================

An empty cell is null, with quotes or without, and so is NA and its like (pandas,
`_libs.parsers.STR_NA_VALUES`) where a number or a boolean is asked for. What does not read as the
type is left as text, for the checker of the column to refuse in JSON's words.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, Final

from service.contract.findings import Hole
from service.contract.types.scalars import SCALARS

Cell = str | Hole

_NULLS: Final = frozenset(
    [
        *("", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NULL", "null", "None"),
        *("NaN", "nan", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
    ]
)
_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "1": True, "false": False, "0": False}
# What the inner groups match makes it no integer. Every part matches in one way only.
_NUMBER: Final = re.compile(
    r"[ \t]*+([+-]?(?:\d++((?:\.\d*+)?(?:[eE][+-]?\d++)?+)|(\.\d++(?:[eE][+-]?\d++)?+)))[ \t]*+",
    re.ASCII,
)
# Of many cells with a comma after each but the last; possessive, so that no match is tried twice.
_FRACTIONS: Final = re.compile(r"(?:[+-]?\d+\.\d*(?:[eE][+-]?\d+)?(?:,|\Z))*+", re.ASCII)
# Beyond 64 bits JSON's readers take a double, and so does the contract.
_LEAST, _GREATEST, _LONGEST = -(1 << 63), (1 << 64) - 1, 40
_SURELY_64_BITS: Final = 18


def texts(cells: Sequence[Cell]) -> Sequence[Any]:
    """Cells that are text."""
    return [None if cell == "" else cell for cell in cells] if "" in cells else cells


def booleans(cells: Sequence[Cell]) -> Sequence[Any]:
    """Cells that are true or false."""
    return [_boolean(cell) if type(cell) is str else cell for cell in cells]


def numbers(cells: Sequence[Cell]) -> Sequence[Any]:
    """Cells that are numbers."""
    values = _all_digits(cells) or _all_fractions(cells)
    return values or [_number(cell) if type(cell) is str else cell for cell in cells]


_READ: Final = {"boolean": booleans, "number": numbers, "text": texts}
READERS: Final[Mapping[str, Callable[[Sequence[Cell]], Sequence[Any]]]] = {
    name: _READ[traits.csv] for name, traits in SCALARS.items()
}


def _all_digits(cells: Sequence[Any]) -> Sequence[int] | None:
    """The cells if all of them are short and of digits alone."""
    if not cells or type(cells[0]) is not str or not cells[0].isdigit():
        return None
    try:
        joined = "".join(cells)
        if joined.isascii() and joined.isdigit() and max(map(len, cells)) <= _SURELY_64_BITS:
            return list(map(int, cells))
    except (TypeError, ValueError):
        pass
    return None


def _all_fractions(cells: Sequence[Any]) -> Sequence[float] | None:
    """The cells if all of them are written with a point, as most columns of doubles are."""
    if not cells or type(cells[0]) is not str or "." not in cells[0]:
        return None
    try:
        if _FRACTIONS.fullmatch(",".join(cells)):
            values = list(map(float, cells))
            return values if all(map(isfinite, values)) else None
    except (TypeError, ValueError):
        pass
    return None


def _boolean(cell: str) -> bool | str | None:
    return None if cell in _NULLS else _BOOLEANS.get(cell.lower(), cell)


def _number(cell: str) -> float | str | None:
    found = _NUMBER.fullmatch(cell)
    if found is None:
        return None if cell in _NULLS else cell
    text, fraction = found[1], found[2] or found[3]
    if not fraction and len(text) <= _LONGEST:
        whole = int(text)
        return whole if _LEAST <= whole <= _GREATEST else float(whole)
    value = float(text)
    return value if isfinite(value) else cell
