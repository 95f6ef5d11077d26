"""JSON schema of a request body, in the dialect of OpenAPI 3.1, for people and generated clients.

Every body that it admits is laid out as the contract asks. It says less than the contract checks
where JSON schema cannot say it: that rows are as long as `columns`, or nested lists regular.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from service.contract.formats.chat import CHAT_KEYS, PARAMS
from service.contract.formats.table_formats import FORMATS
from service.contract.signature import ColumnSpec, ParamSpec, Signature, TensorSpec
from service.contract.types.declared import AnyType, Array, Object
from service.contract.types.nested import enforced, hinted
from service.contract.types.scalars import COLUMN_TYPES, TENSOR_TYPES

Schema = Mapping[str, Any]

_NAMES: Final[Schema] = {"type": "array", "items": {"type": ["string", "number"]}}
# Any plain value, for an index and for columns that have no names.
_LABELS: Final[Schema] = {
    "type": "array",
    "items": {"type": ["string", "number", "boolean", "null"]},
}


def request_schema(signature: Signature, *, from_type_hint: bool = False) -> Schema:
    """An object with exactly one of the formats, and the params of the signature."""
    formats: Mapping[str, Schema]
    if from_type_hint:
        formats = {"inputs": _list(hinted(signature.columns[0].type).schema)}
    else:
        formats = _of_columns(signature) if signature.columns else _of_tensors(signature)
    properties = dict(formats)
    params = {spec.name: _param(spec) for spec in signature.params or ()}
    if params:
        properties[PARAMS] = _params(params)
    ways: list[Schema] = [{"required": [form]} for form in formats]
    if not from_type_hint and takes_chats(signature):
        properties |= _chat_values(signature) | params
        ways.append(_chat(signature))
    return {"type": "object", "properties": properties, "oneOf": ways}


def unsigned_request_schema(params: Sequence[ParamSpec] | None) -> Schema:
    """The same for a model without a signature: what MLflow makes of a body shows when it is read.

    `params` are the signature's, where it has no more than these.
    """
    values: dict[str, Schema] = {
        **_formats(_object({"data": {"type": "array"}}, ["data"]), {"type": "array"}, {}, {}),
        **{key: {} for key in CHAT_KEYS},
    }
    if params:
        values[PARAMS] = _params({spec.name: _param(spec) for spec in params})
    ways: list[Schema] = [{"required": [form]} for form in FORMATS]
    ways.append({"anyOf": [{"required": [key]} for key in CHAT_KEYS]})
    return {"type": "object", "properties": values, "oneOf": ways}


def takes_chats(signature: Signature) -> bool:
    """Whether a body with the columns at its top is a request."""
    # A column that is called like a format cannot be told from it in a body.
    names = {column.name for column in signature.columns}
    return not names.isdisjoint(CHAT_KEYS) and names.isdisjoint((*FORMATS, PARAMS))


def _chat_values(signature: Signature) -> dict[str, Schema]:
    rows = any(isinstance(column.type, Array | Object) for column in signature.columns)
    return {
        str(column.name): _column(column) if rows else _one_value(column)
        for column in signature.columns
    }


def _one_value(column: ColumnSpec) -> Schema:
    # Other lists than of text are columns, unless some column is made of lists or objects.
    schema = _column(column)
    if not isinstance(column.type, AnyType):
        return schema
    single = {"type": ["string", "number", "boolean", "null", "object"]}
    return {**schema, "anyOf": [single, _list({"type": "string"})]}


def _chat(signature: Signature) -> Schema:
    needed = [str(column.name) for column in signature.columns if column.required]
    schema: Schema = {"required": needed, "not": {"required": [PARAMS]}}
    if not set(needed).isdisjoint(CHAT_KEYS):
        return schema
    known = {column.name for column in signature.columns}
    return {**schema, "anyOf": [{"required": [key]} for key in CHAT_KEYS if key in known]}


def _of_columns(signature: Signature) -> Mapping[str, Schema]:
    columns = list(signature.columns)
    values = [_column(column) for column in columns]
    rows = _list({"type": "array", "items": _any_of(values)})
    if not signature.named:
        wide = {"type": "array", "items": _any_of(values), "minItems": len(values)}
        listed = _any_of(_unnamed(columns, values, _list(wide)))
        return _formats(_split(rows), _list(wide), listed, listed)
    names = [str(column.name) for column in columns]
    required = [str(column.name) for column in columns if column.required]
    records = _list(_object(dict(zip(names, values, strict=True)), required))
    one_row = any(isinstance(column.type, Array | Object) for column in columns)
    spread = values if one_row else [_any_of([_list(value), value]) for value in values]
    either = [records, _object(dict(zip(names, spread, strict=True)), required)]
    if len(values) == 1:
        either.append(values[0] if isinstance(columns[0].type, Array) else _list(values[0]))
    listed = _any_of(either)
    return _formats(_split(rows, [column.name for column in columns]), records, listed, listed)


def _of_tensors(signature: Signature) -> Mapping[str, Schema]:
    tensors = signature.tensors
    elements = _any_of([TENSOR_TYPES[tensor.dtype].schema for tensor in tensors])
    cell = _any_of([elements, _list(elements)])
    split = _split(_list(_list(cell)), [tensor.name for tensor in tensors])
    if not signature.named:
        nested = _nested(tensors[0], tensors[0].shape)
        return _formats(_split(_list(_list(cell))), _list(_list(cell)), nested, nested)
    names = [str(tensor.name) for tensor in tensors]
    whole = _object({str(t.name): _nested(t, t.shape) for t in tensors}, names)
    single = [_nested(tensors[0], tensors[0].shape)] if len(tensors) == 1 else []
    by_row = _list(_object({str(t.name): _nested(t, t.shape[1:]) for t in tensors}, names))
    records = _list(_object(dict.fromkeys(names, cell), names))
    listed = _any_of([whole, by_row, *single])
    return _formats(split, records, listed, listed)


def _formats(
    split: Schema, records: Schema, instances: Schema, inputs: Schema
) -> dict[str, Schema]:
    return {
        "dataframe_split": split,
        "dataframe_records": records,
        "instances": instances,
        "inputs": inputs,
    }


def _split(rows: Schema, names: Sequence[str | int | None] = ()) -> Schema:
    columns = {**_NAMES, "examples": [list(names)]} if names else _LABELS
    required = ["columns", "data"] if any(type(name) is str for name in names) else ["data"]
    if "columns" not in required:
        columns = {**columns, "type": ["array", "null"]}
    properties = {"columns": columns, "index": {**_LABELS, "type": ["array", "null"]}, "data": rows}
    return {**_object(properties, required), "additionalProperties": False}


def _unnamed(
    columns: Sequence[ColumnSpec], values: Sequence[Schema], wide: Schema
) -> Sequence[Schema]:
    if len(values) > 1:
        return [wide]
    if isinstance(columns[0].type, str):
        return [wide, _list(values[0]), values[0]]
    return [_list(values[0])]


def _column(column: ColumnSpec) -> Schema:
    if not isinstance(column.type, str):
        return enforced(column.type, required=column.required).schema
    checker = COLUMN_TYPES[column.type]
    schema = {**checker.schema, "title": column.type}
    if not column.required and checker.nullable:
        schema["type"] = [schema["type"], "null"]
    return schema


def _nested(tensor: TensorSpec, shape: Sequence[int]) -> Schema:
    schema: Schema = {**TENSOR_TYPES[tensor.dtype].schema, "title": tensor.dtype}
    for length in reversed(shape):
        schema = _list(schema) if length == -1 else _list(schema, length)
    return schema


def _param(param: ParamSpec) -> Schema:
    if isinstance(param.type, Object):
        return {**enforced(param.type, required=True).schema, "default": param.default}
    schema = {**COLUMN_TYPES[param.type].schema, "title": param.type}
    schema["type"] = [schema["type"], "null"]
    whole = _list(schema) if param.is_list else schema
    return {**whole, "default": param.default}


def _list(items: Schema, length: int | None = None) -> Schema:
    if length is None:
        return {"type": "array", "items": items}
    return {"type": "array", "items": items, "minItems": length, "maxItems": length}


def _params(properties: Mapping[str, Schema]) -> Schema:
    """Null stands for none of them."""
    return {**_object(properties), "type": ["object", "null"]}


def _object(properties: Mapping[str, Schema], required: Sequence[str] = ()) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


def _any_of(schemas: Iterable[Schema]) -> Schema:
    # By their text: to compare each of a thousand with all others takes half a second.
    different = list({repr(schema): schema for schema in schemas}.values())
    return different[0] if len(different) == 1 else {"anyOf": different}
