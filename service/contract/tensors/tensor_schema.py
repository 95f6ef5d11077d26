"""JSON schemas of requests and replies of named tensors, in the dialect of OpenAPI 3.1.

As of a request's schema elsewhere: every body that it admits is laid out as the contract asks, and
it says less than the contract checks; of datatypes it names the announced one alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from service.contract.tensors.tensor_input import TensorInfo, TensorInput

_TEXT: Final = {"type": "string"}
_OUTPUT: Final = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "parameters": {"type": "object", "properties": {"binary_data": {"type": "boolean"}}},
    },
    "required": ["name"],
    "additionalProperties": False,
}


def message_schema(inputs: Sequence[TensorInput], params: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request with these inputs and params."""
    tensors = [_input(each) for each in inputs]
    needed = [each for each in inputs if not each.info.optional]
    listed = {
        "type": "array",
        "items": tensors[0] if len(tensors) == 1 else {"anyOf": tensors},
        "minItems": max(1, len(needed)),
        "maxItems": len(inputs),
    }
    parameters = {"binary_data_output": {"type": "boolean"}, **params}
    properties = {
        "id": _TEXT,
        "inputs": listed,
        "outputs": {"type": "array", "items": _OUTPUT},
        "parameters": {"type": "object", "properties": parameters},
    }
    return {
        "type": "object",
        "properties": properties,
        "required": ["inputs"],
        "additionalProperties": False,
    }


def _input(tensor: TensorInput) -> Mapping[str, Any]:
    info = tensor.info
    shape = {"type": "array", "items": {"type": "integer", "minimum": 0}}
    lengths = {"minItems": len(info.shape), "maxItems": len(info.shape)}
    fixed = [{"const": length} if length >= 0 else {} for length in info.shape]
    properties = {
        "name": {"const": info.name},
        "datatype": {"const": info.datatype},
        "shape": {**shape, **lengths, "prefixItems": fixed},
        "data": {"type": "array", "items": _nested(tensor.schema, len(info.shape))},
        "parameters": {"type": "object"},
    }
    return {
        "type": "object",
        "title": info.name,
        "properties": properties,
        "required": ["name", "datatype", "shape", "data"],
        "additionalProperties": False,
    }


def _nested(element: Mapping[str, Any], dimensions: int) -> Mapping[str, Any]:
    # As nested as the shape, or flat.
    return element if dimensions < 2 else {"anyOf": [element, {"type": "array"}]}  # noqa: PLR2004


def answer_schema(outputs: Sequence[TensorInfo]) -> Mapping[str, Any]:
    """A reply with these outputs, or some of them; none: whatever there is."""
    named = [_announced(each) for each in outputs]
    items = named[0] if len(named) == 1 else {"anyOf": named} if named else {"type": "object"}
    properties = {
        "model_name": _TEXT,
        "model_version": _TEXT,
        "id": _TEXT,
        "outputs": {"type": "array", "items": items},
    }
    return {
        "type": "object",
        "properties": properties,
        "required": ["model_name", "model_version", "outputs"],
    }


def _announced(info: TensorInfo) -> Mapping[str, Any]:
    properties = {
        "name": {"const": info.name},
        "datatype": {"const": info.datatype},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "data": {"type": "array"},
        "parameters": {"type": "object"},
    }
    required = ["name", "datatype", "shape"]
    return {"type": "object", "title": info.name, "properties": properties, "required": required}
