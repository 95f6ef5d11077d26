"""One tensor of a signature: nested lists of one shape become a flat column."""

from collections.abc import Callable, Sequence
from itertools import chain
from math import prod
from typing import Any, Final

from service.contract.findings import Findings, Loc
from service.contract.model_input import Column
from service.contract.signature import TensorSpec
from service.contract.types.tensor_types import TENSOR_TYPES

# From the indices of an element to its place in the body.
Locate = Callable[[tuple[int, ...]], Loc]

_LISTS: Final = {list}


class TensorColumn:
    """Checks one tensor of the signature."""

    def __init__(self, spec: TensorSpec) -> None:
        self.name = spec.name
        self.shape = spec.shape
        self._dtype = spec.dtype
        self._checker = TENSOR_TYPES[spec.dtype]
        lengths = ", ".join("any" if length == -1 else str(length) for length in spec.shape)
        self._expected = f"must be nested lists of shape ({lengths})"

    def read(self, value: Any, locate: Locate, findings: Findings) -> Column | None:
        """The tensor from nested lists, or None after noting what does not fit."""
        found = flatten(value, len(self.shape))
        if found is None or not _matches(found[0], self.shape):
            self._note_shape(value, locate, findings)
            return None
        return self._column(found[1], found[0], found[0], locate, findings)

    def read_cells(self, cells: Sequence[Any], locate: Locate, findings: Findings) -> Column | None:
        """The tensor from one cell a row, or None after noting what does not fit.

        Raises nothing for shapes that cells cannot have: those are noted as well.
        """
        rest = self.shape[1:]
        size = prod(rest)
        if not self.shape or self.shape[0] != -1 or -1 in rest:
            findings.add(locate(()), self._expected + ", not columns of a table", "shape")
            return None
        found = flatten(list(cells), 2 if list in map(type, cells) else 1)
        if found is None or found[0][1:] not in _cell_shapes(size):
            wrong = [locate((row,)) for row, cell in enumerate(cells) if _size(cell) != size]
            text = f"must have {size} values in each cell"
            findings.add_all(wrong or [locate(())], text, "shape")
            return None
        return self._column(found[1], found[0], (len(cells), *rest), locate, findings)

    def _column(
        self,
        flat: list[Any],
        sent: tuple[int, ...],
        shape: tuple[int, ...],
        locate: Locate,
        findings: Findings,
    ) -> Column | None:
        values = self._checker.convert(flat)
        if values is not None:
            return Column(self.name, self._dtype, values, shape=shape)
        for position, value in enumerate(flat):
            loc = locate(_indices(position, sent))
            if type(value) is list:
                findings.add(loc, self._expected, "shape")
            else:
                self._checker.examine(value, loc, findings)
        return None

    def _note_shape(self, value: Any, locate: Locate, findings: Findings) -> None:
        # Where rows are free in number, those at fault can be told from the others.
        rows = value if type(value) is list and self.shape[:1] == (-1,) else []
        rest = self.shape[1:]
        wrong = [locate((row,)) for row, part in enumerate(rows) if not _fits(part, rest)]
        findings.add_all(wrong or [locate(())], self._expected, "shape")


def flatten(value: Any, rank: int) -> tuple[tuple[int, ...], list[Any]] | None:
    """Shape and elements in C order of lists nested `rank` deep, or None if they are irregular.

    The elements may be lists again.
    """
    shape: list[int] = []
    level = [value]
    for _ in range(rank):
        if set(map(type, level)) != _LISTS:
            return None
        lengths = set(map(len, level))
        if len(lengths) != 1:
            return None
        shape.append(lengths.pop())
        level = list(chain.from_iterable(level))
    return tuple(shape), level


def _size(cell: Any) -> int:
    return len(cell) if type(cell) is list else 1


def _cell_shapes(size: int) -> tuple[tuple[int, ...], ...]:
    # numpy reshapes scalars to (-1, 1) as well.
    flat: tuple[int, ...] = (size,)
    return ((), flat) if size == 1 else (flat,)


def _matches(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return all(want in (-1, length) for want, length in zip(wanted, shape, strict=True))


def _fits(value: Any, wanted: tuple[int, ...]) -> bool:
    found = flatten(value, len(wanted))
    return found is not None and _matches(found[0], wanted) and list not in map(type, found[1])


def _indices(position: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    indices: list[int] = []
    for length in reversed(shape):
        position, index = divmod(position, length)
        indices.append(index)
    return tuple(reversed(indices))
