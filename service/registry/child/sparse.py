"""A sparse matrix, as MLflow stores one, with its zeros written out."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

# A matrix of a text model has some hundred thousand columns; its first rows are enough.
_MOST_CELLS: Final = 2**19


class NotSparse(Exception):
    """It is no such matrix, or one row of it is too long; the message says which."""


def dense(stored: object, *, by_rows: bool) -> list[list[float]]:
    """Its first rows, as many as are half a million cells; raises `NotSparse`.

    `stored` is `{"data", "indices", "indptr", "shape"}`, compressed by rows or by columns
    (scipy.sparse.csr_matrix, csc_matrix).
    """
    if not isinstance(stored, Mapping):
        raise _malformed()
    try:
        return _dense(stored, by_rows=by_rows)
    except (KeyError, IndexError, TypeError, ValueError):
        raise _malformed() from None


def _malformed() -> NotSparse:
    return NotSparse("it is not a sparse matrix as MLflow stores one")


def _dense(stored: Mapping[str, Any], *, by_rows: bool) -> list[list[float]]:
    rows, columns = stored["shape"]
    if type(rows) is not int or type(columns) is not int or min(rows, columns) < 0:
        raise _malformed()
    if columns > _MOST_CELLS:
        raise NotSparse(f"a row of its sparse matrix has more than {_MOST_CELLS} cells")
    kept = min(rows, _MOST_CELLS // max(columns, 1))
    zero = _zero(stored["data"])
    matrix = [[zero] * columns for _ in range(kept)]
    lines = min(rows if by_rows else columns, kept if by_rows else columns)
    for line, place, value in _cells(stored, lines, columns if by_rows else rows):
        row, column = (line, place) if by_rows else (place, line)
        if row < kept:
            # What is given twice is added up, as scipy does.
            there = matrix[row][column]
            matrix[row][column] = value if there == zero else there + value
    return matrix


def _cells(stored: Mapping[str, Any], lines: int, length: int) -> Iterator[tuple[int, int, Any]]:
    data, indices, starts = stored["data"], stored["indices"], stored["indptr"]
    for line in range(lines):
        for number in range(starts[line], starts[line + 1]):
            place = indices[number]
            if not 0 <= place < length:
                raise _malformed()
            yield line, place, data[number]


def _zero(data: list[Any]) -> Any:
    kinds = {type(value) for value in data if value is not None}
    if not kinds <= {int, float, bool}:
        raise _malformed()
    if kinds == {bool}:
        return False
    return 0 if kinds == {int} else 0.0
