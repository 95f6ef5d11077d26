"""What two versions answered to the same request, row by row: equal, close or different.

Replies are compared as what they are for clients, JSON: a number is a number, whatever its type was
in the model.
"""

import math
import sys
from collections.abc import Iterator
from typing import Any, Final

import orjson

from service.rollout.tally import Label, Likeness, RowTally

TOLERANCE: Final = 1e-6
"""Numbers that differ by no more than this, as a part or as such, are close."""
LONGEST_LABEL: Final = 64
"""A longer text is no label."""
_LARGEST_LABEL: Final = 2**53


def compare(served: bytes, heard: bytes, rows: int) -> RowTally:
    """What the two replies come to; both are JSON texts of predictions for so many rows.

    Where they are not both lists of that length the whole replies are compared, as one answer that
    stands for all rows. Raises ValueError for what is not JSON.
    """
    left, right = orjson.loads(served), orjson.loads(heard)
    if _is_by_row(left, rows) and _is_by_row(right, rows):
        return _tally(zip(left, right, strict=True), 1)
    return _tally(iter([(left, right)]), max(rows, 1))


def all_equal(rows: int) -> RowTally:
    """What two replies come to that are the same to the byte."""
    tally = RowTally()
    tally.equal = max(rows, 1)
    return tally


def _is_by_row(reply: Any, rows: int) -> bool:
    return isinstance(reply, list) and len(reply) == rows > 0


def _tally(pairs: Iterator[tuple[Any, Any]], weight: int) -> RowTally:
    tally = RowTally()
    for left, right in pairs:
        match _note(left, right, tally):
            case Likeness.EQUAL:
                tally.equal += weight
            case Likeness.CLOSE:
                tally.close += weight
            case Likeness.DIFFERENT:
                tally.different += weight
    return tally


def _note(left: Any, right: Any, tally: RowTally) -> Likeness:
    """How alike the two are; the numbers and labels in them that differ are noted."""
    if _is_number(left) and _is_number(right):
        return _note_numbers(left, right, tally)
    if isinstance(left, list) and isinstance(right, list):
        inner = [_note(a, b, tally) for a, b in zip(left, right, strict=False)]
        return _of_all(inner, alike=len(left) == len(right))
    if isinstance(left, dict) and isinstance(right, dict):
        inner = [_note(left[key], right[key], tally) for key in left.keys() & right.keys()]
        return _of_all(inner, alike=left.keys() == right.keys())
    if type(left) is type(right) and left == right:
        return Likeness.EQUAL
    _note_labels(left, right, tally)
    return Likeness.DIFFERENT


def _of_all(inner: list[Likeness], *, alike: bool) -> Likeness:
    return max(inner, default=Likeness.EQUAL) if alike else Likeness.DIFFERENT


def _note_numbers(left: float, right: float, tally: RowTally) -> Likeness:
    if left == right:
        return Likeness.EQUAL
    tally.differences.note(_distance(left, right))
    if math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
        return Likeness.CLOSE
    _note_labels(left, right, tally)
    return Likeness.DIFFERENT


def _distance(left: float, right: float) -> float:
    try:
        return float(abs(left - right))
    except OverflowError:  # of integers that no float holds
        return sys.float_info.max


def _note_labels(left: Any, right: Any, tally: RowTally) -> None:
    if _is_label(left) and _is_label(right):
        tally.labels.note(_label(left), _label(right))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_label(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_LABEL
    if isinstance(value, float):
        return value.is_integer() and abs(value) <= _LARGEST_LABEL
    return value is None or (isinstance(value, int) and abs(value) <= _LARGEST_LABEL)


def _label(value: Any) -> Label:
    # As many models write a class of 1 as one of 1.0.
    return int(value) if isinstance(value, float) else value
