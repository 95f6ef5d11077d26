"""Differences between two signatures' columns, types and shapes: what each means for clients.

Which scalar holds all values of another is asked of the very objects that check requests. So
`long` holds `integer`, and `double` holds `float` and `integer`; but `double` does not hold `long`,
since 2**53 + 1 is refused for it, nor `float` `integer`, for 2**24 + 1.

`any` holds everything, and passes it on as JSON has it. Dates and binaries are another matter:
what was a time or bytes before would reach the model as text.
"""

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.contract.reading import Checker
from service.contract.types.numeric import Floating, Integral
from service.contract.types.scalars import COLUMN_TYPES, SCALARS, TENSOR_TYPES

SchemaPath = tuple[str | int, ...]


class Severity(enum.Enum):
    """What a difference does, the worst first."""

    BREAKS_CLIENTS = "breaks_clients"
    COMPATIBLE = "compatible"
    OUTPUT_ONLY = "output_only"


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference between two signatures.

    Attributes:
        severity: what it does to clients that worked before.
        place: where: `inputs`, `params` or `outputs`, then names and positions.
        sentence: for people, a clause about what is and what was.
        code: for programs, stable; `comparison` lists them.
    """

    severity: Severity
    place: SchemaPath
    sentence: str
    code: str


def breaking(code: str, place: SchemaPath, sentence: str) -> Finding:
    """A difference for which some request is refused, or read otherwise, that was taken before."""
    return Finding(Severity.BREAKS_CLIENTS, place, sentence, code)


def compatible(code: str, place: SchemaPath, sentence: str) -> Finding:
    """A difference that no request is refused for."""
    return Finding(Severity.COMPATIBLE, place, sentence, code)


TypeEntry = Mapping[str, Any]

_NESTED: Final = frozenset({"array", "object", "map", "any"})
_INNER: Final[Mapping[str, str]] = {"array": "items", "map": "values"}
_INNER_NOUN: Final[Mapping[str, str]] = {"array": "each item", "map": "each value"}

_WORDS: Final = 8


def type_differences(
    old: TypeEntry, new: TypeEntry, subject: str, place: SchemaPath
) -> Iterator[Finding]:
    """Everything that differs between two types, and in whether a value must be there.

    Whether null is taken needs no look of its own: where a type of the same requirement holds all
    values of the other, it takes null wherever that does.

    Args:
        old: a column, property, or what is in an array or map, as MLmodel has it.
        new: the same.
        subject: begins the sentences.
        place: of the subject.
    """
    yield from _requirement(old, new, subject, place)
    was, is_ = old["type"], new["type"]
    if was == is_ and is_ in _INNER:
        key, inner = _INNER[is_], f"{_INNER_NOUN[is_]} of {subject}"
        yield from type_differences(old[key], new[key], inner, (*place, key))
    elif was == is_ == "object":
        yield from _object_differences(old["properties"], new["properties"], subject, place)
    elif is_ == "any" and was != "any":
        yield _become_any(old, subject, place)
    elif was in COLUMN_TYPES and is_ in COLUMN_TYPES and was != is_:
        yield from scalar_differences(was, is_, COLUMN_TYPES, subject, place)
    elif was != is_:
        code = "type_narrowed" if was == "any" else "type_changed"
        sentence = f"{subject} is of type {type_text(new)} and was of type {type_text(old)}"
        yield breaking(code, place, sentence)


def scalar_differences(
    old: str, new: str, types: Mapping[str, Checker], subject: str, place: SchemaPath
) -> Iterator[Finding]:
    """What it means that one scalar has become another."""
    sentence = f"{subject} is of type {new} and was of type {old}"
    before, after = types[old], types[new]
    if _holds(after, before):
        yield compatible("type_widened", place, f"{sentence}: every value still fits")
    elif isinstance(before, Integral | Floating) and isinstance(after, Integral | Floating):
        yield breaking("type_narrowed", place, f"{sentence}: not every value still fits")
    else:
        yield breaking("type_changed", place, sentence)


def type_text(entry: TypeEntry) -> str:
    """A type in words, `array of long`; also of one that nobody has read yet, and never long."""
    words: list[str] = []
    inner: Any = entry
    while isinstance(inner, Mapping) and len(words) < _WORDS:
        name = inner.get("type")
        if name == "tensor":
            info = inner.get("tensor-spec") or {}
            name = f"tensor of {info.get('dtype')} of shape {info.get('shape')}"
        words.append(str(name))
        inner = inner.get(_INNER.get(str(name), ""))
    return " of ".join(words)


def is_required(entry: TypeEntry) -> bool:
    """Whether a column or property must be there; what is in an array or map is.

    A named column of a nested type is optional in MLflow where nothing is said (`ColSpec`'s
    `from_json_dict`), everything else required.
    """
    nested_column = entry.get("name") is not None and entry["type"] in _NESTED
    said = entry.get("required")
    return said is True or (said is None and not nested_column)


def _requirement(
    old: TypeEntry, new: TypeEntry, subject: str, place: SchemaPath
) -> Iterator[Finding]:
    if is_required(new) and not is_required(old):
        yield breaking("made_required", place, f"{subject} is required and was optional")
    elif is_required(old) and not is_required(new):
        yield compatible("made_optional", place, f"{subject} is optional and was required")


def _object_differences(
    old: TypeEntry, new: TypeEntry, subject: str, place: SchemaPath
) -> Iterator[Finding]:
    for name, entry in new.items():
        inner, at = f"property `{name}` of {subject}", (*place, name)
        if name in old:
            yield from type_differences(old[name], entry, inner, at)
        elif is_required(entry):
            sentence = f"{inner} is required and was not there before"
            yield breaking("property_added", at, sentence)
        else:
            yield compatible("optional_property", at, f"{inner} is new and optional")
    for name in old:
        if name not in new:
            sentence = f"property `{name}` of {subject} is gone, and refused where it is sent"
            yield breaking("property_removed", (*place, name), sentence)


def _become_any(old: TypeEntry, subject: str, place: SchemaPath) -> Finding:
    sentence = f"{subject} is of any type and was of type {type_text(old)}"
    if _has_text_reading(old):
        return breaking("type_changed", place, f"{sentence}; its text is no longer decoded")
    return compatible("type_widened", place, sentence)


def _holds(new: Checker, old: Checker) -> bool:
    match old, new:
        case Integral(), Integral():
            return new.low <= old.low and old.high <= new.high
        case Integral(), Floating():
            return max(-old.low, old.high) <= 1 << new.digits
        case Floating(), Floating():
            return old.bits <= new.bits
        case _:
            return old == new


def _has_text_reading(entry: TypeEntry) -> bool:
    name = entry["type"]
    if name in _INNER:
        return _has_text_reading(entry[_INNER[name]])
    if name == "object":
        return any(map(_has_text_reading, entry["properties"].values()))
    return name in SCALARS and SCALARS[name].is_decoded


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


# By name or position.
Columns = Mapping[Any, Mapping[str, Any]]

_PLACE: Final[SchemaPath] = ("inputs",)
# The rule of `Layout`, which is MLflow's.
_ROW_ALONE: Final = frozenset({"array", "object"})


def table_differences(old: Columns, new: Columns) -> Iterator[Finding]:
    """What breaks because of all columns, beside what differs in each of them."""
    yield from _none_in_common(old, new)
    yield from _plain_lists(old, new)
    yield from _layout(old, new)


def _none_in_common(old: Columns, new: Columns) -> Iterator[Finding]:
    sure = {key for key, entry in old.items() if is_required(entry)}
    if not any(map(is_required, new.values())) and old.keys() - new and not sure & new.keys():
        sentence = (
            "at least one column must be sent, and none is left that every request had before"
        )
        yield breaking("none_in_common", _PLACE, sentence)


def _plain_lists(old: Columns, new: Columns) -> Iterator[Finding]:
    (before, *others), (after, *_) = old.values(), new.values()
    if len(new) > 1 and not others:
        sentence = f"column {_shown(before)} is no longer the only one, so that a plain list cannot"
        yield breaking("plain_list_lost", _PLACE, f"{sentence} stand for it")
    if len(new) == 1 and others and type(after["name"]) is int:
        sentence = f"column {_shown(after)} is the only one now, so that a list of rows stands for"
        yield breaking("plain_list_gained", _PLACE, f"{sentence} its values")


def _layout(old: Columns, new: Columns) -> Iterator[Finding]:
    were_values, are_values = _rows_alone(old), _rows_alone(new)
    if were_values != are_values:
        units = ("one row", "columns") if are_values else ("columns", "one row")
        sentence = "an object under `inputs` or `instances` is {} now and was {}".format(*units)
        yield breaking("layout_changed", _PLACE, sentence)
    elif not are_values:
        yield from _lists_of_texts(old, new)


def _lists_of_texts(old: Columns, new: Columns) -> Iterator[Finding]:
    """A list of texts is one value of a column of any type, if all that is sent is known."""
    free = {key for key, entry in new.items() if entry["type"] == "any"}
    was_free = {key for key, entry in old.items() if entry["type"] == "any"}
    if (free - was_free) & old.keys():
        sentence = "a list of texts may be one value of a column of any type now, and was rows"
        yield breaking("layout_changed", _PLACE, sentence)
    elif was_free and old.keys() - new:
        sentence = "a list of texts for a column of any type is rows now where it was one value, if"
        yield breaking("layout_changed", _PLACE, f"{sentence} a column that is gone is still sent")


def _rows_alone(columns: Columns) -> bool:
    return any(entry["type"] in _ROW_ALONE for entry in columns.values())


def _shown(entry: Mapping[str, Any]) -> str:
    name = entry["name"]
    return str(name) if type(name) is int else f"`{name}`"
