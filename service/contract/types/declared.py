"""MLflow's column types as plain values: a scalar by its name, or nested ones.

What is read and what is refused follows mlflow/types/schema.py: `Array.from_json_dict`,
`Object.from_json_dict`, `Property.from_json_dict`, `Map.from_json_dict`, `ColSpec.from_json_dict`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, Union

from service.contract.types.scalars import COLUMN_TYPES

_SPARK: Final = "sparkml_vector"
# MLflow hands names on as keyword arguments of a class method (`Property.from_json_dict`).
_UNREADABLE: Final = "cls"


@dataclass(frozen=True, slots=True)
class Array:
    """A list of values of one type."""

    items: "Type"


@dataclass(frozen=True, slots=True)
class Property:
    """What an object has, or may have, under one name."""

    name: str
    type: "Type"
    required: bool = True


@dataclass(frozen=True, slots=True)
class Object:
    """These properties and no others; sorted by name, as MLflow sorts them."""

    properties: tuple[Property, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """Any keys, and values of one type."""

    values: "Type"


@dataclass(frozen=True, slots=True)
class AnyType:
    """Whatever JSON can say."""


NestedType: TypeAlias = Array | Object | Map | AnyType
Type: TypeAlias = Union[str, "NestedType"]


class NotRead(Exception):
    """MLflow could not read the type either."""


class NotSupported(Exception):
    """A type of MLflow's that the contract does not take."""


def read_type(entry: Mapping[str, Any]) -> Type:
    """The type in a column, a property, `items` or `values`; keys that say nothing are passed over.

    Calls itself for each level: the caller sees to it that there are few. Raises `NotRead` or
    `NotSupported`.
    """
    name = entry.get("type")
    if type(name) is not str:
        raise NotRead("a type that is not text")
    if name == _SPARK:
        raise NotSupported(f"of type {name}")
    if name in COLUMN_TYPES:
        return name
    match name:
        case "array":
            return Array(_inner(entry, "items"))
        case "map":
            return Map(_inner(entry, "values"))
        case "object":
            return Object(_properties(entry.get("properties")))
        case "any":
            return AnyType()
    raise NotRead("a type that MLflow does not know")


def type_name(type_: Type) -> str:
    """The word that MLflow has for it, whatever is in it."""
    if isinstance(type_, str):
        return type_
    return "any" if isinstance(type_, AnyType) else type(type_).__name__.lower()


def holds_any(type_: Type) -> bool:
    """Whether it is, or has within, a type that takes whatever JSON can say."""
    match type_:
        case Array(inner) | Map(inner):
            return holds_any(inner)
        case Object(properties):
            return any(holds_any(each.type) for each in properties)
    return isinstance(type_, AnyType)


def type_entry(type_: Type) -> dict[str, Any]:
    """The type as MLmodel writes it."""
    named: dict[str, Any] = {"type": type_name(type_)}
    match type_:
        case Array(items):
            return {**named, "items": type_entry(items)}
        case Map(values):
            return {**named, "values": type_entry(values)}
        case Object(properties):
            each = {
                one.name: {**type_entry(one.type), "required": one.required} for one in properties
            }
            return {**named, "properties": each}
    return named


def _inner(entry: Mapping[str, Any], key: str) -> Type:
    inner = entry.get(key)
    if type(inner) is not dict:
        raise NotRead(f"`{key}` is not an object")
    return read_type(inner)


def _properties(entries: Any) -> tuple[Property, ...]:
    if type(entries) is not dict or not entries:
        raise NotRead("an object without properties")
    return tuple(_property(name, entries[name]) for name in sorted(entries))


def _property(name: str, entry: Any) -> Property:
    if type(entry) is not dict:
        raise NotRead("a property that is not an object")
    if name == _UNREADABLE:
        raise NotRead(f"a property named `{name}`")
    required = entry.get("required", True)
    if type(required) not in (bool, type(None)):
        raise NotRead("a property that is neither required nor optional")
    return Property(name, read_type(entry), required is True)
