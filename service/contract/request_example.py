"""A request made of a signature alone, to be shown and tried where a version has no example.

In the format that MLflow stores a model's own example in: `dataframe_split` for columns, `inputs`
for tensors and type hints, and a chat for columns of which one is called like that of a chat and
any is nested. The contract of the signature takes it; what a model makes of it nobody can know.
There is none where tensors are large, as images are: nobody reads such a one.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from service.contract.findings import Findings
from service.contract.formats.chat import CHAT_KEYS, PARAMS
from service.contract.params import ParamsReader
from service.contract.request_schema import takes_chats
from service.contract.signature import ColumnSpec, ParamSpec, Signature, TensorSpec
from service.contract.types.declared import AnyType, Array, Map, Object, Property, Type
from service.contract.types.scalars import SCALARS

ExampleBody = dict[str, Any]

# Of tensors: numpy's names.
_ELEMENTS: Final[Mapping[str, Any]] = {
    "bool": True,
    "str": "text",
    **dict.fromkeys(("float16", "float32", "float64"), 0.0),
}
# So many values are still read by people.
_MOST_VALUES: Final = 1000
# Who speaks in a chat: MLflow's own classes take no other text there.
_SPEAKER: Final = "role"


def request_example(signature: Signature, *, from_type_hint: bool) -> ExampleBody | None:
    """A body of JSON with one row, every column, and the params' defaults; None: too long a one."""
    params = _defaults(signature.params or ())
    if from_type_hint:
        return {"inputs": [_value(signature.columns[0].type)], **_under_their_name(params)}
    if signature.tensors:
        if sum(_values(tensor) for tensor in signature.tensors) > _MOST_VALUES:
            return None
        return {"inputs": _inputs(signature.tensors), **_under_their_name(params)}
    if _is_chat(signature):
        return {**_turn(signature.columns), **params}
    return {"dataframe_split": _split(signature), **_under_their_name(params)}


def unsigned_request_example(params: Sequence[ParamSpec] | None) -> ExampleBody:
    """The same where nobody has said what the inputs are."""
    return {"inputs": [0.0], **_under_their_name(_defaults(params or ()))}


def _is_chat(signature: Signature) -> bool:
    nested = any(not isinstance(column.type, str) for column in signature.columns)
    return nested and takes_chats(signature)


def _turn(columns: Sequence[ColumnSpec]) -> ExampleBody:
    needed = [column for column in columns if column.required]
    if not any(column.name in CHAT_KEYS for column in needed):
        needed.append(next(column for column in columns if column.name in CHAT_KEYS))
    return {str(column.name): _value(column.type) for column in needed}


def _split(signature: Signature) -> ExampleBody:
    names = {"columns": [column.name for column in signature.columns]} if signature.named else {}
    return {**names, "data": [[_value(column.type) for column in signature.columns]]}


def _inputs(tensors: Sequence[TensorSpec]) -> Any:
    if tensors[0].name is None:
        return _filled(tensors[0])
    return {str(tensor.name): _filled(tensor) for tensor in tensors}


def _values(tensor: TensorSpec) -> int:
    return math.prod(1 if length == -1 else length for length in tensor.shape)


def _filled(tensor: TensorSpec) -> Any:
    value: Any = _ELEMENTS.get(tensor.dtype, 0)
    for length in reversed(tensor.shape):
        value = [value] * (1 if length == -1 else length)
    return value


def _value(type_: Type) -> Any:
    """Calls itself for each level, of which there are few."""
    match type_:
        case Array(items):
            return [_value(items)]
        case Map(values):
            return {"key": _value(values)}
        case Object(properties):
            return {each.name: _of_property(each) for each in properties if each.required}
        case AnyType():
            return "text"
    return SCALARS[type_].example


def _of_property(property_: Property) -> Any:
    return (
        "user"
        if (property_.name, property_.type) == (_SPEAKER, "string")
        else _value(property_.type)
    )


def _under_their_name(params: ExampleBody) -> ExampleBody:
    return {PARAMS: params} if params else {}


def _defaults(params: Sequence[ParamSpec]) -> ExampleBody:
    """Those that a client could send: a default may be NaN, or of more digits than its type has."""
    shown = {}
    for param in params:
        findings = Findings(1)
        ParamsReader([param]).read({param.name: param.default}, findings)
        if not findings and _is_finite(param.default):
            shown[param.name] = param.default
    return shown


def _is_finite(value: Any) -> bool:
    if isinstance(value, list | dict):
        return all(map(_is_finite, value.values() if isinstance(value, dict) else value))
    return type(value) is not float or math.isfinite(value)
