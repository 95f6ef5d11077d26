"""A signature as MLmodel stores it becomes plain values, or is named a fault of the version.

What is read and what is refused follows mlflow/types/schema.py: `Schema.from_json`,
`ColSpec.from_json_dict`, `TensorInfo.from_json_dict`, `ParamSpec.from_json_dict`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from service.contract.size import MAX_DEPTH, too_deep
from service.contract.types.declared import NotRead, NotSupported, Object, Type, read_type
from service.contract.types.nested import enforced
from service.contract.types.scalars import SCALARS, TENSOR_TYPES
from service.errors import VersionFault

_COLUMN_KEYS: Final = frozenset({"name", "type", "required"})

Name = str | int | None


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column. MLflow names columns by integers when it was shown a DataFrame without names."""

    name: Name
    type: Type
    required: bool = True


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One tensor; -1 in its shape is any length."""

    name: Name
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One param: a single value, or a list of them; an object is never listed."""

    name: str
    type: str | Object
    default: Any
    is_list: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """Columns or tensors, never both; all of them named, or none."""

    columns: tuple[ColumnSpec, ...]
    tensors: tuple[TensorSpec, ...]
    params: tuple[ParamSpec, ...] | None

    @property
    def named(self) -> bool:
        """Whether the inputs have names."""
        specs: Sequence[ColumnSpec | TensorSpec] = self.columns or self.tensors
        return specs[0].name is not None


def read_signature(texts: Mapping[str, str | None]) -> Signature:
    """The signature whose `inputs` and `params` are these JSON texts; raises `VersionFault`."""
    entries = read_entries(texts.get("inputs"), "inputs")
    if not entries:
        message = (
            "The model's signature has no inputs: log the model again with the inputs' schema."
        )
        raise _fault("no_inputs", message, "")
    tensors = [entry for entry in entries if entry.get("type") == "tensor"]
    if tensors and len(tensors) != len(entries):
        raise _bad("columns and tensors stand side by side")
    signature = Signature(
        columns=() if tensors else tuple(map(_column, entries)),
        tensors=tuple(map(_tensor, tensors)),
        params=read_params(texts.get("params")),
    )
    names = [column.name for column in signature.columns]
    names += [tensor.name for tensor in signature.tensors]
    _check_names(names, tensors=bool(tensors))
    if not signature.named and not all(column.required for column in signature.columns):
        raise _bad("an unnamed column is optional")
    return signature


def check_hinted(signature: Signature) -> None:
    """Raises `VersionFault` unless it has the one column that MLflow infers from a type hint.

    (mlflow/types/type_hints.py, `_infer_schema_from_list_type_hint`)
    """
    if len(signature.columns) != 1 or signature.named:
        raise _bad("its type hint asks for a single unnamed column, which it does not have")


def read_entries(text: str | None, part: str) -> Sequence[Mapping[str, Any]]:
    """One part of a signature as a list of objects, empty if there is none."""
    if not text:
        return ()
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad(f"{part}: no JSON") from error
    if type(entries) is not list or not all(type(entry) is dict for entry in entries):
        raise _bad(f"{part}: no list of objects")
    if too_deep(entries, MAX_DEPTH):
        raise _unsupported(f"{part}: nested more than {MAX_DEPTH} deep")
    _require_showable(entries, part)
    return entries


def _require_showable(entries: Sequence[Mapping[str, Any]], part: str) -> None:
    # Python reads lone surrogates and endless integers, which no page could show.
    try:
        orjson.dumps(entries)
    except TypeError as error:
        raise _bad(f"{part}: no JSON") from error


def _column(entry: Mapping[str, Any]) -> ColumnSpec:
    name = entry.get("name")
    try:
        type_ = read_type(entry)
    except NotRead as error:
        raise _bad(f"column {name!r}: {error}") from error
    except NotSupported as error:
        raise _unsupported(f"column {name!r} is {error}") from error
    if isinstance(type_, str):
        return _scalar_column(entry, name, type_)
    # Without a word MLflow takes a nested column for optional; unnamed ones are always required.
    required = entry.get("required")
    if type(required) not in (bool, type(None)):
        raise _bad(f"column {name!r} is neither required nor optional")
    return ColumnSpec(name, type_, required is True or (name is None and required is None))


def _scalar_column(entry: Mapping[str, Any], name: Name, type_: str) -> ColumnSpec:
    required = entry.get("required", True)
    if type(required) not in (bool, type(None)):
        raise _bad(f"column {name!r} is neither required nor optional")
    if not entry.keys() <= _COLUMN_KEYS:
        raise _bad(f"column {name!r} has keys that MLflow 3 does not know")
    return ColumnSpec(name, type_, required is True or (name is None and required is None))


def _tensor(entry: Mapping[str, Any]) -> TensorSpec:
    name, info = entry.get("name"), entry.get("tensor-spec")
    dtype, shape = (info.get("dtype"), info.get("shape")) if type(info) is dict else (None, None)
    if type(dtype) is not str or type(shape) is not list:
        raise _bad(f"tensor {name!r}")
    if not all(type(length) is int and length >= -1 for length in shape):
        raise _bad(f"the shape of tensor {name!r}")
    if dtype not in TENSOR_TYPES:
        raise _unsupported(f"tensor {name!r} is of dtype {dtype}")
    return TensorSpec(name, dtype, tuple(shape))


def read_params(text: str | None) -> tuple[ParamSpec, ...] | None:
    """The params of a signature, None if it has none; raises `VersionFault`."""
    params = tuple(map(_param, read_entries(text, "params")))
    if len({param.name for param in params}) != len(params):
        raise _bad("two params of one name")
    return params or None


def _param(entry: Mapping[str, Any]) -> ParamSpec:
    if "name" not in entry or "default" not in entry:
        raise _bad(f"param {entry.get('name')!r}")
    name, shape = str(entry["name"]), entry.get("shape")
    if shape not in (None, [-1]):
        raise _bad(f"the shape of param {name!r}")
    type_, default = _param_type(entry, name), entry["default"]
    if isinstance(type_, Object) and shape is not None:
        raise _bad(f"param {name!r} is a list of objects")
    if not _is_default(type_, default, is_list=shape is not None):
        raise _bad(f"the default of param {name!r}")
    return ParamSpec(name, type_, default, is_list=shape is not None)


def _param_type(entry: Mapping[str, Any], name: str) -> str | Object:
    word = entry.get("type") or entry.get("dtype")
    try:
        type_ = read_type({**entry, "type": word})
    except NotRead as error:
        raise _bad(f"param {name!r}: {error}") from error
    except NotSupported as error:
        raise _unsupported(f"param {name!r} is {error}") from error
    if isinstance(type_, Object) or (isinstance(type_, str) and SCALARS[type_].defaults):
        return type_
    raise _bad(f"param {name!r} is of type {word}")


def _is_default(type_: str | Object, default: Any, *, is_list: bool) -> bool:
    if isinstance(type_, Object):
        return enforced(type_, required=True).convert((default,)) is not None
    types = SCALARS[type_].defaults | {type(None)}
    if is_list:
        return type(default) is list and all(type(each) in types for each in default)
    return type(default) in types


def _check_names(names: Sequence[Name], *, tensors: bool) -> None:
    if any(type(name) not in {str, int, type(None)} or name == "" for name in names):
        raise _bad("a name that is neither text nor an integer")
    unnamed = names.count(None)
    if unnamed not in (0, len(names)) or (tensors and unnamed > 1):
        raise _bad("some inputs have names and some have none")
    if not unnamed and len(set(map(str, names))) != len(names):
        raise _bad("two inputs of one name")
    if 0 in names[1:]:
        # MLflow takes it for unnamed there (mlflow/types/schema.py, `input_names`), and then misses
        # it in every request.
        raise _unsupported("an input that is not the first is named by the integer 0")


def _bad(detail: str) -> VersionFault:
    message = (
        "The model's signature cannot be read; the log says which part. Log the model again with "
        "one that MLflow infers."
    )
    return _fault("bad_signature", message, detail)


def _unsupported(detail: str) -> VersionFault:
    message = "The model's signature has an input type that is not supported; the log says which."
    return _fault("unsupported_signature", message, detail)


def _fault(reason: str, message: str, detail: str) -> VersionFault:
    return VersionFault("contract", reason, message, detail)
