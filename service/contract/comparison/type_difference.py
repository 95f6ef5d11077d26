"""What a change of a type means for clients: whether everything that fitted fits still.

Which scalar holds all values of another is asked of the very objects that check requests. So
`long` holds `integer`, and `double` holds `float` and `integer`; but `double` does not hold `long`,
since 2**53 + 1 is refused for it, nor `float` `integer`, for 2**24 + 1.

`any` holds everything, and passes it on as JSON has it. Dates and binaries are another matter:
what was a time or bytes before would reach the model as text.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from service.contract.comparison.difference import Finding, SchemaPath, breaking, compatible
from service.contract.types.checker import Checker
from service.contract.types.numeric import Floating, Integral
from service.contract.types.scalars import COLUMN_TYPES

TypeEntry = Mapping[str, Any]

_NESTED: Final = frozenset({"array", "object", "map", "any"})
_READ_FROM_TEXT: Final = frozenset({"binary", "datetime"})
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
        yield compatible("type_widened", place, f"{sentence}, whose values it takes all")
    elif isinstance(before, Integral | Floating) and isinstance(after, Integral | Floating):
        yield breaking("type_narrowed", place, f"{sentence}, whose values it does not take all")
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
        return breaking("type_changed", place, f"{sentence}, whose text is no longer decoded")
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
    return name in _READ_FROM_TEXT
