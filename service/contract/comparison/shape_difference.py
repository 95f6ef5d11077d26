"""What a change of a tensor's dtype or shape means for clients."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.contract.comparison.difference import Finding, SchemaPath, breaking, compatible
from service.contract.comparison.type_difference import scalar_differences
from service.contract.types.tensor_types import TENSOR_TYPES


def tensor_differences(
    old: Mapping[str, Any], new: Mapping[str, Any], subject: str, place: SchemaPath
) -> Iterator[Finding]:
    """Everything that differs between two `tensor-spec`s."""
    if old["dtype"] != new["dtype"]:
        yield from scalar_differences(old["dtype"], new["dtype"], TENSOR_TYPES, subject, place)
    before, after = old["shape"], new["shape"]
    if before == after:
        return
    shapes = f"{subject} has the shape {_text(after)} and had {_text(before)}"
    if not _covers(after, before):
        yield breaking("shape_narrowed", place, shapes)
    elif _fits_tables(before) and not _fits_tables(after):
        sentence = f"{shapes}, which columns of a table cannot fill"
        yield breaking("shape_tables_lost", place, sentence)
    else:
        yield compatible("shape_widened", place, shapes)


def _covers(new: Sequence[int], old: Sequence[int]) -> bool:
    return len(new) == len(old) and all(
        after in (-1, before) for before, after in zip(old, new, strict=True)
    )


def _fits_tables(shape: Sequence[int]) -> bool:
    # The rule of `TensorColumn.read_cells`, which is MLflow's.
    return list(shape[:1]) == [-1] and -1 not in shape[1:]


def _text(shape: Sequence[int]) -> str:
    return "({})".format(", ".join("any" if length == -1 else str(length) for length in shape))
