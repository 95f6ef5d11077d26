"""Values of nested types, as exact as scalars, a column at a time.

Each level is flattened into one list for the level below, so that leaves are checked at the speed
of columns, and rebuilt from what comes back.

====== ============================================ ==============================================
type   taken                                        refused
====== ============================================ ==============================================
array  a list; for an optional one null [1]_        other types, with a place in the list each
object a JSON object with every required property   properties that the signature does not have
map    a JSON object with any keys                  other types, with the key's position as place
any    all of JSON, null too                        100 lists and objects within each other;
                                                    integers beyond 64 bits [2]_
====== ============================================ ==============================================

.. [1] Null in an array of float, double or datetime is NaN or NaT, as MLflow has it; an array of
   another scalar type takes none, since MLflow would make text or false of it. Any other value in
   an array or a map may be null where the array or map itself is optional, and a property where the
   property is. An optional object may also be empty. All this is MLflow's
   (mlflow/models/utils.py, `_enforce_array`, `_enforce_object`, `_enforce_map`).
.. [2] MLflow hands them on as they are; here numbers have 64 bits. Of those beyond -2**63 and
   2**64 - 1 none becomes a double, unless a point or an exponent says that it is one.

A scalar in an array is refused where it ends with NUL: MLflow takes it through numpy, which drops
those. A model whose signature comes from a type hint has its input checked by the hint, which
knows no null but for optional properties.

`enforced` and `hinted` make of a type of the signature what checks its values.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final, Protocol

from service.contract.findings import Findings, Loc
from service.contract.formats.json_body import WITHIN_64_BITS, LongInteger
from service.contract.reading import Checker
from service.contract.size import MAX_DEPTH, free_of, too_deep
from service.contract.types.declared import AnyType, Array, Map, Object, Type
from service.contract.types.scalars import ARRAY_TYPES, COLUMN_TYPES, EXACT_TYPES, SCALARS

_LISTS: Final = {list}
_RECORDS: Final = {dict}
_CHUNK: Final = 256


def _words(type_: str, title: str, description: str) -> Mapping[str, Any]:
    return {"type": type_, "title": title, "description": description}


_LIST: Final = _words("array", "array", "A list whose items are all of one type")
_MAP: Final = _words("object", "map", "An object with any keys, its values all of one type")
_OBJECT: Final = _words("object", "object", "An object with these properties and no others")


class Node(Protocol):
    """Checks values of one type, whatever is in them."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON schema of one value."""

    def convert(self, values: Sequence[Any]) -> list[Any] | None:
        """The values as a model input has them, or None if any of them does not fit."""

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Notes what is wrong with one value, if anything."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar."""

    name: str
    checker: Checker

    @property
    def schema(self) -> Mapping[str, Any]:
        """The scalar's, with MLflow's name for it."""
        return {**self.checker.schema, "title": self.name}

    def convert(self, values: Sequence[Any]) -> list[Any] | None:
        """The scalars as Python has them, booleans and rounded numbers too."""
        converted = self.checker.convert(values)
        if converted is None or type(converted) is list:
            return converted
        return list(SCALARS[self.name].plain(converted))

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """As the scalar's checker does."""
        self.checker.examine(value, loc, findings)


@dataclass(frozen=True, slots=True)
class Nullable:
    """Null, or what the node within takes."""

    node: Node

    @property
    def schema(self) -> Mapping[str, Any]:
        """Null is one more type; a schema without any admits it already."""
        schema = self.node.schema
        return {**schema, "type": [schema["type"], "null"]} if "type" in schema else schema

    def convert(self, values: Sequence[Any]) -> list[Any] | None:
        """Nulls stay where they are."""
        if None not in values:
            return self.node.convert(values)
        converted = self.node.convert([value for value in values if value is not None])
        if converted is None:
            return None
        found = iter(converted)
        return [None if value is None else next(found) for value in values]

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Null is never wrong."""
        if value is not None:
            self.node.examine(value, loc, findings)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A JSON array whose items are all of one type."""

    items: Node

    @property
    def schema(self) -> Mapping[str, Any]:
        """A JSON array."""
        return {**_LIST, "items": self.items.schema}

    def convert(self, values: Sequence[Any]) -> list[Any] | None:
        """Lists of converted items."""
        if not set(map(type, values)) <= _LISTS:
            return None
        converted = self.items.convert(list(chain.from_iterable(values)))
        if converted is None:
            return None
        found = iter(converted)
        return [list(islice(found, len(value))) for value in values]

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Every item that does not fit, at its position."""
        if _is(list, value, "a list", loc, findings):
            _examine_each(self.items, value, loc, findings)


@dataclass(frozen=True, slots=True)
class MapOf:
    """A JSON object whose values are all of one type."""

    values: Node

    @property
    def schema(self) -> Mapping[str, Any]:
        """A JSON object."""
        return {**_MAP, "additionalProperties": self.values.schema}

    def convert(self, values: Sequence[Any]) -> list[Any] | None:
        """Objects with the same keys in the same order."""
        if not set(map(type, values)) <= _RECORDS:
            return None
        each = chain.from_iterable(value.values() for value in values)
        converted = self.values.convert(list(each))
        if converted is None:
            return None
        found = iter(converted)
        return [dict(zip(value, found, strict=False)) for value in values]

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Every value that does not fit, at its position: keys are the client's own."""
        if _is(dict, value, "an object", loc, findings):
            _examine_each(self.values, list(value.values()), loc, findings)


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """A JSON object with these properties.

    Attributes:
        properties: by name.
        required: names of those that have to be there.
        may_be_empty: whether none of them has to be, if none is.
        may_have_defaults: whether even required ones may be left out, because a type hint checks
            the object once more and knows their defaults, which the signature does not.
    """

    properties: Mapping[str, Node]
    required: frozenset[str]
    may_be_empty: bool
    may_have_defaults: bool = False

    @property
    def schema(self) -> Mapping[str, Any]:
        """A JSON object without any other properties; what may have a default is not required."""
        schema = {
            **_OBJECT,
            "properties": {name: node.schema for name, node in self.properties.items()},
            "additionalProperties": False,
        }
        required = {"required": sorted(self._needed)}
        if self.may_be_empty and self.required:
            return {**schema, "anyOf": [required, {"maxProperties": 0}]}
        return {**schema, **required}

    def convert(self, values: Sequence[Any]) -> list[Any] | None:
        """Objects with the properties that were there, in the same order."""
        if not set(map(type, values)) <= _RECORDS or not all(map(self._fits, values)):
            return None
        found: dict[str, Iterator[Any]] = {}
        for name, node in self.properties.items():
            converted = node.convert([value[name] for value in values if name in value])
            if converted is None:
                return None
            found[name] = iter(converted)
        return [{name: next(found[name]) for name in value} for value in values]

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """What is missing, what is unknown, and every property that does not fit."""
        if not _is(dict, value, "an object", loc, findings):
            return
        if not value.keys() <= self.properties.keys():
            text = "must have no properties but the signature's"
            findings.add(loc, text, "unknown_property")
        for name, node in self.properties.items():
            if name in value:
                node.examine(value[name], (*loc, name), findings)
            elif name in self._needed and (value or not self.may_be_empty):
                findings.add((*loc, name), "is required", "missing")

    def _fits(self, value: Mapping[str, Any]) -> bool:
        keys = value.keys()
        if not keys and self.may_be_empty:
            return True
        return self._needed <= keys <= self.properties.keys()

    @property
    def _needed(self) -> frozenset[str]:
        return frozenset() if self.may_have_defaults else self.required


@dataclass(frozen=True, slots=True)
class Anything:
    """Whatever JSON can say, but not nested without end."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """Every value."""
        return {"title": "any", "description": f"Any JSON, nested at most {MAX_DEPTH} deep"}

    def convert(self, values: Sequence[Any]) -> list[Any] | None:
        """The values themselves."""
        return list(values) if free_of(LongInteger, values) else None

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Wrong is only what is nested too deep, and integers of more than 64 bits."""
        if too_deep((value,)):
            findings.add(loc, f"must not be nested more than {MAX_DEPTH} deep", "nesting")
        elif not free_of(LongInteger, (value,)):
            words = "must lie" if type(value) is LongInteger else "must have integers"
            findings.add(loc, f"{words} {WITHIN_64_BITS}", "out_of_range")


def suspects(node: Node, values: Sequence[Any]) -> Iterator[int]:
    """Positions of the values that do not fit, and perhaps of some that do.

    Among very many values a few that do not fit are found at the speed of the others.
    """
    if len(values) == 1:
        yield 0
        return
    for start in range(0, len(values), _CHUNK):
        chunk = values[start : start + _CHUNK]
        if node.convert(chunk) is None:
            yield from range(start, start + len(chunk))


def _is(wanted: type, value: Any, words: str, loc: Loc, findings: Findings) -> bool:
    if value is None:
        findings.add(loc, "must not be null", "null")
    elif type(value) is not wanted:
        findings.add(loc, f"must be {words}", "type")
    return type(value) is wanted


def _examine_each(node: Node, values: Sequence[Any], loc: Loc, findings: Findings) -> None:
    for position in suspects(node, values):
        if findings.full:
            return
        node.examine(values[position], (*loc, position), findings)


def enforced(type_: Type, *, required: bool) -> Node:
    """Takes what MLflow's enforcement takes and leaves unchanged, in any column of the type.

    Calls itself for each level, as all of it does.
    """
    inner = None if isinstance(type_, str | Object | AnyType) else _inner_type(type_)
    bare = _enforced(type_, required=required)
    return bare if required and not isinstance(inner, AnyType) else Nullable(bare)


def _enforced(type_: Type, *, required: bool) -> Node:
    match type_:
        case Array(str(name)):
            # MLflow has NaN and NaT for null in an array of these, and for no others what null is.
            element = Leaf(name, ARRAY_TYPES[name])
            return ListOf(Nullable(element) if SCALARS[name].null_is_a_value else element)
        case Array(items):
            return ListOf(enforced(items, required=required))
        case Map(values):
            return MapOf(enforced(values, required=required))
        case Object(properties):
            nodes = {each.name: enforced(each.type, required=each.required) for each in properties}
            names = frozenset(each.name for each in properties if each.required)
            return ObjectOf(nodes, names, may_be_empty=not required)
        case AnyType():
            return Anything()
    return Leaf(type_, COLUMN_TYPES[type_])


def hinted(type_: Type, *, required: bool = True) -> Node:
    """Takes what a type hint takes of which MLflow has inferred the type.

    (mlflow/types/type_hints.py, `_infer_colspec_type_from_type_hint`,
    `_validate_data_against_type_hint`)
    """
    bare = _hinted(type_)
    return bare if required else Nullable(bare)


def _hinted(type_: Type) -> Node:
    match type_:
        case Array(items):
            return ListOf(hinted(items))
        case Map(values):
            return MapOf(hinted(values))
        case Object(properties):
            nodes = {each.name: hinted(each.type, required=each.required) for each in properties}
            names = frozenset(each.name for each in properties if each.required)
            return ObjectOf(nodes, names, may_be_empty=False, may_have_defaults=True)
        case AnyType():
            return Anything()
    return Leaf(type_, EXACT_TYPES[type_])


def _inner_type(type_: Array | Map) -> Type:
    return type_.items if isinstance(type_, Array) else type_.values
