"""The Open Inference Protocol's message by gRPC: tensors with typed contents, or raw bytes of all.

Typed numbers become raw bytes, too: so they are looked at by one rule, and range is checked at
once. What is wrong is noted as of JSON; only what is no message at all is refused by itself.
"""

import sys
from array import array
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Final

from google.protobuf.message import DecodeError

from service.contract.findings import BODY, INPUTS, Findings, Loc, refuse
from service.contract.model_input import RequestedOutput, TensorReply
from service.contract.tensors.datatypes import DATATYPES, Datatype
from service.contract.tensors.open_inference_pb2 import (
    InferParameter,
    InferTensorContents,
    ModelInferRequest,
)
from service.contract.tensors.tensor_input import SentTensor
from service.contract.tensors.tensor_message import TensorMessage

_OUTPUTS: Final[Loc] = (*BODY, "outputs")
_CONTENTS: Final[Mapping[str, str]] = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
# An input takes microseconds, however empty it is; nobody has models of more columns.
_MOST_TENSORS: Final = 20_000
_MOST_DIMENSIONS: Final = 32
_NOT_DONE: Final = ("shared_memory_region", "classification")


def read_protobuf(body: bytes, findings: Findings) -> TensorMessage:
    """What the message says; raises `InvalidInput` where it is none, or has no inputs."""
    message = ModelInferRequest()
    try:
        message.ParseFromString(body)
    except DecodeError:
        raise refuse(BODY, "must be a ModelInferRequest", "format") from None
    if not 0 < len(message.inputs) <= _MOST_TENSORS:
        raise refuse(INPUTS, f"must be 1 to {_MOST_TENSORS} tensors", "format")
    raw = _raw(message, findings)
    tensors = [
        _tensor(each, None if raw is None else raw[at], (*INPUTS, at), findings)
        for at, each in enumerate(message.inputs)
    ]
    reply = TensorReply(message.id or None, _outputs(message, findings), binary=True)
    return TensorMessage(tensors, _parameters(message.parameters), reply)


def _raw(message: ModelInferRequest, findings: Findings) -> Sequence[bytes] | None:
    raw = list(message.raw_input_contents)
    if raw and len(raw) != len(message.inputs):
        findings.add((*BODY, "raw_input_contents"), "must be as many as the inputs", "shape")
        raise findings.error()
    return raw or None


def _tensor(
    sent: ModelInferRequest.InferInputTensor,
    raw: bytes | None,
    loc: Loc,
    findings: Findings,
) -> SentTensor | None:
    parameters = _parameters(sent.parameters)
    _note_not_done(parameters, loc, findings)
    datatype, shape = DATATYPES.get(sent.datatype), tuple(sent.shape)
    if datatype is None:
        text = "must be one of " + ", ".join(DATATYPES)
        findings.add((*loc, "datatype"), text, "type" if sent.datatype else "missing")
        return None
    if len(shape) > _MOST_DIMENSIONS or any(length < 0 for length in shape):
        text = f"must be at most {_MOST_DIMENSIONS} whole numbers, 0 or more"
        findings.add((*loc, "shape"), text, "shape")
        return None
    content_type = parameters.get("content_type")
    if type(content_type) not in (str, type(None)):
        findings.add((*loc, "parameters", "content_type"), "must be a string", "type")
        content_type = None
    if raw is not None:
        if sent.HasField("contents"):
            text = "must not be there beside raw_input_contents"
            findings.add((*loc, "contents"), text, "format")
        return SentTensor(sent.name, datatype, shape, None, raw, content_type)
    values = _typed(sent.contents, datatype, prod(shape), (*loc, "contents"), findings)
    if values is None:
        return None
    if isinstance(values, bytes):
        return SentTensor(sent.name, datatype, shape, None, values, content_type)
    return SentTensor(sent.name, datatype, shape, values, None, content_type)


def _typed(
    contents: InferTensorContents, datatype: Datatype, count: int, loc: Loc, findings: Findings
) -> bytes | list[bytes] | None:
    """Raw bytes of numbers, or texts."""
    field = _CONTENTS.get(datatype.name)
    if field is None:
        findings.add(loc, "must be left out: this datatype has raw_input_contents alone", "format")
        return None
    if any(each.name != field for each, _ in contents.ListFields()):
        findings.add(loc, f"must be {field} alone", "type")
        return None
    values = getattr(contents, field)
    if len(values) != count:
        findings.add((*loc, field), "must be as many as the shape says", "shape")
        return None
    if datatype.name == "BYTES":
        return list(values)
    try:
        numbers: array[Any] = array(datatype.typecode, values)
    except OverflowError:
        findings.add((*loc, field), f"must be of {datatype.name}", "out_of_range")
        return None
    if sys.byteorder != "little":
        numbers.byteswap()
    return numbers.tobytes()


def _outputs(message: ModelInferRequest, findings: Findings) -> tuple[RequestedOutput, ...] | None:
    if not message.outputs:
        return None
    for at, each in enumerate(message.outputs[:_MOST_TENSORS]):
        if each.parameters:
            _note_not_done(_parameters(each.parameters), (*_OUTPUTS, at), findings)
    names = [each.name for each in message.outputs]
    if len(set(names)) < len(names):
        findings.add(_OUTPUTS, "must not name an output a second time", "duplicate_column")
    return tuple(RequestedOutput(name, binary=True) for name in names)


def _parameters(sent: Mapping[str, InferParameter]) -> Mapping[str, Any]:
    found = dict[str, Any]()
    for key, parameter in sent.items():
        choice = parameter.WhichOneof("parameter_choice")
        if choice is not None:
            found[key] = getattr(parameter, choice)
    return found


def _note_not_done(parameters: Mapping[str, Any], loc: Loc, findings: Findings) -> None:
    for key in _NOT_DONE:
        if key in parameters:
            findings.add((*loc, "parameters", key), "must not be there: it is not done", "format")
