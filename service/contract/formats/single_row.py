"""Under `inputs`, `instances` and in chats: whether lists hold a value for each row, or are values.

For scalar columns a list is a column. Where any column is an array or an object, an object is one
row and what it holds are that row's values; so is a plain list for a single array column. A column
of any type is between the two: a list of texts alone is one value, if no list stands beside it that
is a column, and every other list is a column.

That is what MLflow's scoring server does (mlflow/models/utils.py, `_enforce_schema`). It fails, or
takes an object's keys for rows, where an object holds a map; here a map is a value like any other.

In a chat-style body, which MLflow leaves unparsed before that, a list of texts alone is always one
value, which only an array or a column of any type can hold.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_ROWS: Final = frozenset({"array", "object"})
_NESTED: Final = _ROWS | {"map", "any"}


class ListLayout:
    """What lists mean for one signature.

    Args:
        keys: of the columns.
        types: MLflow's words for the columns' types; empty for tensors.
    """

    def __init__(self, keys: Sequence[str], types: Sequence[str]) -> None:
        self.nested = not _NESTED.isdisjoint(types)
        self._always_one = not _ROWS.isdisjoint(types)
        self._is_array = list(types) == ["array"]
        pairs = zip(keys, types, strict=False)
        self._any = frozenset(key for key, type_ in pairs if type_ == "any")
        self._keys = frozenset(keys)

    def is_one_row(self, payload: Mapping[str, Any]) -> bool:
        """Whether an object is one row, although it holds lists."""
        if self._always_one or not self._any:
            return self._always_one
        if not payload.keys() <= self._keys:
            return False
        return all(self._is_flat(key, value) for key, value in payload.items())

    def is_one_chat(self, payload: Mapping[str, Any]) -> bool:
        """Whether a chat-style body is one row, although it holds lists."""
        return self._always_one or all(map(_is_one, payload.values()))

    def is_one_value(self, values: list[Any]) -> bool:
        """Whether a list is one value of the only column."""
        return self._is_array or (bool(self._any) and _all_text(values))

    def _is_flat(self, key: str, value: Any) -> bool:
        if type(value) is list:
            return key in self._any and _all_text(value)
        return type(value) is not dict


def _is_one(value: Any) -> bool:
    return type(value) is not list or _all_text(value)


def _all_text(values: list[Any]) -> bool:
    return set(map(type, values)) <= {str}
