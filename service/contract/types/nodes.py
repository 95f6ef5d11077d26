"""From a type of the signature to what checks its values."""

from service.contract.types.declared import AnyType, Array, Map, Object, Type
from service.contract.types.nested import Anything, Leaf, ListOf, MapOf, Node, Nullable, ObjectOf
from service.contract.types.scalars import ARRAY_TYPES, COLUMN_TYPES, EXACT_TYPES, SCALARS


def enforced(type_: Type, *, required: bool) -> Node:
    """Takes what MLflow's enforcement takes and leaves unchanged, in any column of the type.

    Calls itself for each level, as all of it does.
    """
    inner = None if isinstance(type_, str | Object | AnyType) else _inner(type_)
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


def _inner(type_: Array | Map) -> Type:
    return type_.items if isinstance(type_, Array) else type_.values
