"""The Open Inference Protocol's body by HTTP: JSON, and raw bytes of tensors behind it.

`{"id", "inputs": [{"name", "shape", "datatype", "data", "parameters"}], "outputs", "parameters"}`.
`data` is nested as the shape says, or flat. An input whose parameters have a `binary_data_size`
has so many raw bytes behind the JSON instead, in the order of the inputs (Triton's extension
`binary_tensor_data`). Keys that are null count as left out; `model_name` and `model_version` may
stand at the top, where some clients write them.

Everything that is wrong is noted: values of an input that can be read are looked at even where
another one cannot.
"""

from collections.abc import Collection, Mapping, Sequence
from math import prod
from typing import Any, Final, NamedTuple

from service.contract.findings import BODY, INPUTS, Findings, Loc, refuse
from service.contract.formats.json_body import read_object
from service.contract.formats.tensor_reader import flatten
from service.contract.model_input import RequestedOutput, TensorReply
from service.contract.tensors.datatypes import DATATYPES, Datatype
from service.contract.tensors.tensor_input import SentTensor
from service.contract.tensors.tensor_message import TensorForm, TensorMessage

PARAMETERS: Final[Loc] = (*BODY, "parameters")
TIMEOUT: Final = "timeout"
"""Microseconds that a request may take, among its parameters, as Triton has it."""
_OUTPUTS: Final[Loc] = (*BODY, "outputs")
_TOP: Final = frozenset({"id", "inputs", "outputs", "parameters", "model_name", "model_version"})
_OF_INPUTS: Final = frozenset({"name", "shape", "datatype", "data", "parameters"})
_OF_OUTPUTS: Final = frozenset({"name", "parameters"})
_SIZE: Final = "binary_data_size"
# What changes where tensors lie, or what outputs mean, and is not done here.
_NOT_DONE: Final = ("shared_memory_region", "classification")
_MOST_DIMENSIONS: Final = 32
_NOTHING: Final = TensorReply()
_MICROSECONDS: Final = 1_000_000
_WHOLE: Final = "must be a whole number, 0 or more"


class TensorDocument(NamedTuple):
    """A body's JSON, and the raw bytes behind it; None where none may be."""

    json: dict[str, Any]
    raw: memoryview | None


def read_document(body: bytes, form: TensorForm) -> TensorDocument:
    """Its two parts; raises `InvalidInput` where it is not a JSON object."""
    if form.json_bytes is None:
        return TensorDocument(read_object(body), None)
    if form.json_bytes > len(body):
        text = "must be as long as Inference-Header-Content-Length says of its JSON"
        raise refuse(BODY, text, "format")
    view = memoryview(body)
    return TensorDocument(read_object(bytes(view[: form.json_bytes])), view[form.json_bytes :])


def read_asked(document: Mapping[str, Any], findings: Findings) -> TensorMessage:
    """All of it but its inputs."""
    _note_others(document, _TOP, BODY, findings)
    parameters = _parameters(document, BODY, findings)
    return TensorMessage((), parameters, _reply(document, parameters, findings))


def read_message(read: TensorDocument, findings: Findings) -> TensorMessage:
    """What it says; raises `InvalidInput` where it has no inputs."""
    document = read.json
    asked = read_asked(document, findings)
    listed = document.get("inputs")
    if type(listed) is not list or not listed:
        findings.add(INPUTS, "must be a list of one tensor at least", "format")
        raise findings.error()
    raw = _RawBytes(read.raw or memoryview(b""), there=read.raw is not None)
    tensors = list[SentTensor | None]()
    for at, each in enumerate(listed):
        if findings.full:
            # A small body can be wrong in very many places.
            raise findings.error()
        tensors.append(_tensor(each, (*INPUTS, at), raw, findings))
    raw.note_rest(findings)
    return asked._replace(tensors=tensors)


def read_timeout(parameters: Mapping[str, Any], findings: Findings) -> float | None:
    """The request's own time limit in seconds; None: it has none."""
    sent = parameters.get(TIMEOUT)
    if sent is None:
        return None
    if type(sent) is not int or sent < 0:
        findings.add((*PARAMETERS, TIMEOUT), f"{_WHOLE}: of microseconds", "type")
        return None
    return sent / _MICROSECONDS if sent else None


class _RawBytes:
    """What stands behind the JSON, taken piece by piece."""

    def __init__(self, data: memoryview, *, there: bool) -> None:
        self._data = data
        self._there = there
        self._taken = 0
        self._lost = False

    def take(self, size: Any, loc: Loc, findings: Findings) -> memoryview | None:
        """The next so many bytes."""
        if type(size) is not int or size < 0:
            findings.add(loc, _WHOLE, "type")
            self._lost = True
            return None
        start, self._taken = self._taken, self._taken + size
        if not self._there:
            text = "needs raw bytes behind the JSON, and Inference-Header-Content-Length"
            findings.add(loc, text, "format")
            self._lost = True
            return None
        if self._taken > len(self._data):
            findings.add(loc, "must not be more bytes than there are behind the JSON", "shape")
            self._lost = True
            return None
        return self._data[start : self._taken]

    def note_rest(self, findings: Findings) -> None:
        """Bytes that are no tensor's."""
        if not self._lost and self._taken < len(self._data):
            text = "must have no more raw bytes than the inputs' binary_data_size say"
            findings.add(BODY, text, "format")


def _tensor(sent: Any, loc: Loc, raw: _RawBytes, findings: Findings) -> SentTensor | None:
    if type(sent) is not dict:
        findings.add(loc, "must be an object", "type")
        return None
    _note_others(sent, _OF_INPUTS, loc, findings)
    parameters = _parameters(sent, loc, findings)
    _note_not_done(parameters, loc, findings)
    name, datatype = _name(sent, loc, findings), _datatype(sent, loc, findings)
    shape = _shape(sent, loc, findings)
    content_type = _content_type(parameters, loc, findings)
    values, piece = None, None
    if parameters.get(_SIZE) is not None:
        piece = raw.take(parameters[_SIZE], (*loc, "parameters", _SIZE), findings)
        if sent.get("data") is not None:
            text = "must not be there beside a binary_data_size"
            findings.add((*loc, "data"), text, "format")
    elif shape is not None:
        values = _values(sent.get("data"), shape, (*loc, "data"), findings)
    if name is None or datatype is None or shape is None or (values is None and piece is None):
        return None
    return SentTensor(name, datatype, shape, values, piece, content_type)


def _content_type(parameters: Mapping[str, Any], loc: Loc, findings: Findings) -> str | None:
    content_type = parameters.get("content_type")
    if type(content_type) is str:
        return content_type
    if content_type is not None:
        findings.add((*loc, "parameters", "content_type"), "must be a string", "type")
    return None


def _name(sent: Mapping[str, Any], loc: Loc, findings: Findings) -> str | None:
    name = sent.get("name")
    if type(name) is str:
        return name
    findings.add((*loc, "name"), "must be a string", "missing" if name is None else "type")
    return None


def _datatype(sent: Mapping[str, Any], loc: Loc, findings: Findings) -> Datatype | None:
    name = sent.get("datatype")
    datatype = DATATYPES.get(name) if type(name) is str else None
    if datatype is None:
        text = "must be one of " + ", ".join(DATATYPES)
        findings.add((*loc, "datatype"), text, "missing" if name is None else "type")
    return datatype


def _shape(sent: Mapping[str, Any], loc: Loc, findings: Findings) -> tuple[int, ...] | None:
    shape = sent.get("shape")
    if type(shape) is list and len(shape) <= _MOST_DIMENSIONS and all(map(_is_length, shape)):
        return tuple(shape)
    text = f"must be a list of at most {_MOST_DIMENSIONS} whole numbers, 0 or more"
    findings.add((*loc, "shape"), text, "missing" if shape is None else "shape")
    return None


def _is_length(length: Any) -> bool:
    return type(length) is int and length >= 0


def _values(
    data: Any, shape: tuple[int, ...], loc: Loc, findings: Findings
) -> Sequence[Any] | None:
    if type(data) is not list:
        findings.add(loc, "must be a list", "missing" if data is None else "type")
        return None
    if len(shape) > 1 and list in map(type, data):
        found = flatten(data, len(shape))
        if found is not None and found[0] == shape:
            return found[1]
    elif len(data) == prod(shape):
        return data
    findings.add(loc, "must have as many values as the shape says, nested so or flat", "shape")
    return None


def _parameters(sent: Mapping[str, Any], loc: Loc, findings: Findings) -> Mapping[str, Any]:
    found = sent.get("parameters")
    if type(found) is dict:
        return found
    if found is not None:
        findings.add((*loc, "parameters"), "must be an object", "type")
    return {}


def _reply(
    document: Mapping[str, Any], parameters: Mapping[str, Any], findings: Findings
) -> TensorReply:
    sent, listed = document.get("id"), document.get("outputs")
    if sent is None and listed is None and not parameters:
        return _NOTHING
    if type(sent) not in (str, type(None)):
        findings.add((*BODY, "id"), "must be a string", "type")
    binary = _is_binary(parameters, "binary_data_output", PARAMETERS, findings, default=False)
    if listed is not None and type(listed) is not list:
        findings.add(_OUTPUTS, "must be a list", "type")
    if type(listed) is not list or not listed:
        return TensorReply(sent, None, binary)
    found = [_output(each, (*_OUTPUTS, at), binary, findings) for at, each in enumerate(listed)]
    outputs = tuple(each for each in found if each is not None)
    _note_twice(outputs, findings)
    return TensorReply(sent, outputs, binary)


def _output(sent: Any, loc: Loc, binary: bool, findings: Findings) -> RequestedOutput | None:  # noqa: FBT001 - as the client has it for all
    if type(sent) is not dict:
        findings.add(loc, "must be an object", "type")
        return None
    _note_others(sent, _OF_OUTPUTS, loc, findings)
    parameters = _parameters(sent, loc, findings)
    _note_not_done(parameters, loc, findings)
    at = (*loc, "parameters")
    binary = _is_binary(parameters, "binary_data", at, findings, default=binary)
    name = _name(sent, loc, findings)
    return None if name is None else RequestedOutput(name, binary)


def _is_binary(
    parameters: Mapping[str, Any], key: str, loc: Loc, findings: Findings, *, default: bool
) -> bool:
    sent = parameters.get(key)
    if type(sent) is bool:
        return sent
    if sent is not None:
        findings.add((*loc, key), "must be true or false", "type")
    return default


def _note_twice(outputs: Collection[RequestedOutput], findings: Findings) -> None:
    if len({each.name for each in outputs}) < len(outputs):
        findings.add(_OUTPUTS, "must not name an output a second time", "duplicate_column")


def _note_not_done(parameters: Mapping[str, Any], loc: Loc, findings: Findings) -> None:
    for key in _NOT_DONE:
        if parameters.get(key) is not None:
            findings.add((*loc, "parameters", key), "must not be there: it is not done", "format")


def _note_others(
    sent: Mapping[str, Any], known: frozenset[str], loc: Loc, findings: Findings
) -> None:
    # What is misspelt would count as left out.
    if not sent.keys() <= known:
        text = "must have no keys but " + ", ".join(sorted(known))
        findings.add(loc, text, "unknown_property")
