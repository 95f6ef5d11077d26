"""What `dataframe_split` says about its rows and columns: names and an index."""

from typing import Any, Final

from service.contract.findings import Findings, Loc
from service.contract.long_integers import WITHIN_64_BITS, LongInteger

_SCALARS: Final = frozenset({str, int, LongInteger, float, bool, type(None)})


def labels_fit(header: Any, base: Loc, findings: Findings) -> bool:
    """Whether `columns` is a list of different plain values."""
    loc = (*base, "columns")
    if not _plain(header, loc, findings):
        return False
    first = {label: place for place, label in reversed(list(enumerate(header)))}
    again = [place for place, label in enumerate(header) if first[label] != place]
    places = ((*loc, place) for place in again)
    findings.add_all(places, "must not name a column a second time", "duplicate_column")
    return not again


def index_fits(index: Any, rows: int, base: Loc, findings: Findings) -> bool:
    """Whether `index` is a list of plain values, one a row."""
    loc = (*base, "index")
    if not _plain(index, loc, findings):
        return False
    if long := [place for place, label in enumerate(index) if type(label) is LongInteger]:
        places = ((*loc, place) for place in long)
        findings.add_all(places, f"must lie {WITHIN_64_BITS}", "out_of_range")
        return False
    if len(index) != rows:
        findings.add(loc, "must have as many values as there are rows", "shape")
    return len(index) == rows


def _plain(values: Any, loc: Loc, findings: Findings) -> bool:
    if type(values) is not list:
        findings.add(loc, "must be a list", "type")
        return False
    wrong = [place for place, value in enumerate(values) if type(value) not in _SCALARS]
    findings.add_all(((*loc, place) for place in wrong), "must be a string or a number", "type")
    return not wrong
