"""What columns decide together, whatever each of them is: how requests may be laid out."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from service.contract.comparison.difference import Finding, SchemaPath, breaking
from service.contract.comparison.type_difference import is_required

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
        sentence = "no column is left that every request has had, and one at least must be there"
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
