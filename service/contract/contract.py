"""A version's signature, compiled once: bytes in, a valid model input or every error out."""

import math
from array import array
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.contract.findings import BODY, INPUTS, Findings, Hole, Loc
from service.contract.formats.chat import CHAT_KEYS, PARAMS, ChatReader
from service.contract.formats.csv_body import CSV, csv_charset, is_csv
from service.contract.formats.csv_reader import CsvReader, csv_reader
from service.contract.formats.json_body import (
    JSON,
    check_media_type,
    has_floats_for_index,
    read_object,
    with_long_integers,
)
from service.contract.formats.parquet_body import PARQUET, FindColumn, ReadParquet, finder
from service.contract.formats.table_formats import FORMATS
from service.contract.formats.table_reader import TableReader
from service.contract.formats.tensor_reader import TensorReader
from service.contract.model_input import Column, ModelInput, Nested, TensorReply
from service.contract.params import ParamsReader
from service.contract.reading import InputReader, Reading, TakenTensor
from service.contract.request_example import request_example
from service.contract.request_schema import request_schema
from service.contract.signature import (
    ColumnSpec,
    ParamSpec,
    Signature,
    check_hinted,
    read_entries,
    read_signature,
)
from service.contract.tensors.json_message import (
    PARAMETERS,
    TIMEOUT,
    read_asked,
    read_document,
    read_message,
    read_timeout,
)
from service.contract.tensors.named_tensors import NamedTensors
from service.contract.tensors.tensor_input import TensorInfo
from service.contract.tensors.tensor_message import BodyForm, TensorForm, TensorMessage
from service.contract.types.declared import Type, holds_any, type_entry, type_name
from service.contract.types.nested import hinted, suspects
from service.contract.types.scalars import SCALARS
from service.errors import UnsupportedMediaType

_NOT_AS_CSV = "CSV cannot carry this model's inputs; send application/json in UTF-8."
_NOT_AS_PARQUET = "Parquet cannot carry this model's inputs; send application/json in UTF-8."
# As nearly every client writes it, or leaves it out.
_COMMON = frozenset({"application/json", ""})
_ONE_FORMAT = "must have exactly one of " + ", ".join(FORMATS)
_OR_A_CHAT = f"{_ONE_FORMAT}, or else {' or '.join(CHAT_KEYS)}"
_FORMATS = frozenset(FORMATS)
_WORDS = {*FORMATS, *CHAT_KEYS}


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """How much of one request is looked at.

    Attributes:
        max_rows: rows of one request.
        max_errors: field errors that are listed; more are only counted.
    """

    max_rows: int
    max_errors: int = 100


@dataclass(frozen=True, slots=True)
class Contract:
    """What one version takes. Has no state: may be used from anywhere, any number of times."""

    request_schema: Mapping[str, Any]
    request_example: Mapping[str, Any] | None
    tensors: Sequence[TensorInfo]
    _description: Mapping[str, Any]
    _inputs: InputReader
    _tensors: NamedTensors
    _csv: CsvReader | None
    _parquet: FindColumn | None
    _params: ParamsReader | None
    _chat: ChatReader | None
    _limits: RequestLimits
    _has_any: bool

    def parse(self, body: bytes, media_type: BodyForm) -> ModelInput:
        """The request as the signature has it, without loss: from JSON, CSV or named tensors.

        Raises `InvalidInput` with everything that is wrong with inputs and params at once, or
        `UnsupportedMediaType`. Keys of the body that no format knows are ignored, and `params`
        too where the signature has none: the model gets empty ones then, as from MLflow.
        """
        if media_type not in _COMMON:
            if isinstance(media_type, TensorForm):
                return self._parse_tensors(body, media_type)
            if is_csv(media_type):
                return self._parse_csv(body, csv_charset(media_type))
            check_media_type(media_type)
        document = read_object(body)
        if self._has_any or has_floats_for_index(document):
            document = with_long_integers(document, body)
        findings = Findings(self._limits.max_errors)
        words = _WORDS.intersection(document)
        form = words.pop() if len(words) == 1 else None
        reading = None
        if form in _FORMATS:
            reading = self._inputs.read(form, document[form], findings)
        elif self._chat is not None and (form or words) and words.isdisjoint(FORMATS):
            return _alone(*self._chat.read(document, findings), findings)
        else:
            findings.add(BODY, _ONE_FORMAT if self._chat is None else _OR_A_CHAT, "format")
        params: Mapping[str, Any] | None = None
        if self._params is not None:
            params = self._params.read(document.get(PARAMS), findings)
        elif document.get(PARAMS) is not None:
            params = {}
        return _joined(reading, params, findings)

    def _parse_csv(self, body: bytes, charset: str) -> ModelInput:
        if self._csv is None:
            raise UnsupportedMediaType(_NOT_AS_CSV)
        findings = Findings(self._limits.max_errors)
        reading = self._csv.read(body, charset, findings)
        params = None if self._params is None else self._params.read(None, findings)
        return _joined(reading, params, findings)

    def parse_parquet(self, body: bytes, read: ReadParquet) -> ModelInput:
        """The same from Parquet, where the library for it is; raises as `parse` does."""
        if self._parquet is None:
            raise UnsupportedMediaType(_NOT_AS_PARQUET)
        findings = Findings(self._limits.max_errors)
        payload = read(body, self._limits.max_rows, self._parquet, findings)
        reading = self._inputs.read("parquet", payload, findings)
        params = None if self._params is None else self._params.read(None, findings)
        return _joined(reading, params, findings)

    def _parse_tensors(self, body: bytes, form: TensorForm) -> ModelInput:
        findings = Findings(self._limits.max_errors)
        if form.protobuf:
            # Its library is there where somebody speaks gRPC.
            from service.contract.tensors.protobuf_message import read_protobuf

            return self.read_tensors(read_protobuf(body, findings), findings)
        read = read_document(body, form)
        block = None if read.raw else self._inputs.take_block(read.json.get("inputs"))
        if block is None:
            return self.read_tensors(read_message(read, findings), findings)
        return self._read(block, read_asked(read.json, findings), findings)

    def read_tensors(self, message: TensorMessage, findings: Findings) -> ModelInput:
        """The same from named tensors, whatever has brought them; raises `InvalidInput`.

        The findings may hold what was noted of the message before.
        """
        return self._read(self._tensors.read(message.tensors, findings), message, findings)

    def _read(
        self, reading: Reading | None, message: TensorMessage, findings: Findings
    ) -> ModelInput:
        params: Mapping[str, Any] | None = None
        own: Collection[str] = ()
        if self._params is not None:
            own = self._params.names
            params = self._params.read(message.parameters, findings, PARAMETERS)
        reply = message.reply
        if TIMEOUT in message.parameters and TIMEOUT not in own:
            reply = reply._replace(seconds=read_timeout(message.parameters, findings))
        return _joined(reading, params, findings, reply)

    @property
    def tensor_schema(self) -> Mapping[str, Any]:
        """JSON schema of a request of named tensors."""
        params = self.request_schema["properties"].get(PARAMS, {})
        return self._tensors.schema(params.get("properties", {}))

    @property
    def media_types(self) -> tuple[str, ...]:
        """What requests may come as, JSON first."""
        others = ((CSV, self._csv), (PARQUET, self._parquet))
        return (JSON, *(name for name, reader in others if reader is not None))

    def describe(self) -> Mapping[str, Any]:
        """The signature's `inputs`, `outputs` and `params` as lists that JSON can hold, or None.

        And `from_type_hint`, which is true, where a plain list is taken for that.
        """
        return self._description


def compile_contract(
    signature: Mapping[str, str | None], limits: RequestLimits, *, from_type_hint: bool = False
) -> Contract:
    """The contract of a signature whose parts are JSON texts, as MLmodel stores them.

    `from_type_hint` is MLmodel's `is_signature_from_type_hint`: such a model takes a plain list,
    under `inputs` alone. Raises `VersionFault` of stage `contract`, with the reason `no_inputs`,
    `bad_signature` (MLflow could not read it either) or `unsupported_signature` (its detail names
    the input).
    """
    read = read_signature(signature)
    if from_type_hint:
        check_hinted(read)
    inputs = _reader(read, limits.max_rows, from_type_hint=from_type_hint)
    description: dict[str, Any] = {
        part: _finite(list(read_entries(signature.get(part), part))) or None
        for part in ("inputs", "outputs", "params")
    }
    if from_type_hint:
        description["from_type_hint"] = True
    params = None if read.params is None else ParamsReader(read.params)
    schema = request_schema(read, from_type_hint=from_type_hint)
    as_csv = None if from_type_hint else csv_reader(read.columns, limits.max_rows)
    as_parquet = None if from_type_hint else _finder(read)
    names = [column.name for column in read.columns]
    chat = ChatReader(inputs, names, params) if names and not from_type_hint else None
    tensors = NamedTensors(read, inputs, limits.max_rows)
    has_any = _has_any(read)
    return Contract(
        schema,
        request_example(read, from_type_hint=from_type_hint),
        tensors.infos,
        description,
        inputs,
        tensors,
        as_csv,
        as_parquet,
        params,
        chat,
        limits,
        has_any,
    )


def _has_any(signature: Signature) -> bool:
    specs: Sequence[ColumnSpec | ParamSpec] = (*signature.columns, *(signature.params or ()))
    return any(holds_any(spec.type) for spec in specs)


def _finder(signature: Signature) -> FindColumn:
    if signature.columns:
        columns = signature.columns
        names, types = [column.name for column in columns], [column.type for column in columns]
        return finder(names, types, open_width=False)
    tensors = signature.tensors
    dtypes = [tensor.dtype for tensor in tensors]
    return finder([tensor.name for tensor in tensors], dtypes, open_width=not signature.named)


def _reader(signature: Signature, max_rows: int, *, from_type_hint: bool) -> InputReader:
    if from_type_hint:
        return ListReader(signature.columns[0].type, max_rows)
    if signature.columns:
        return TableReader(signature.columns, max_rows)
    return TensorReader(signature.tensors, max_rows)


def _joined(
    reading: Reading | None,
    params: Mapping[str, Any] | None,
    findings: Findings,
    reply: TensorReply | None = None,
) -> ModelInput:
    if reading is None or findings:
        raise findings.error()
    kind, columns, rows, index, mark = reading
    return ModelInput(kind, columns, rows, params, index, _join_key(mark, params), reply=reply)


def _alone(reading: Reading | None, params: Mapping[str, Any], findings: Findings) -> ModelInput:
    if reading is None or findings:
        raise findings.error()
    kind, columns, rows, index, _ = reading
    return ModelInput(kind, columns, rows, params, index, None, bare=True)


def _join_key(mark: Hashable | None, params: Mapping[str, Any] | None) -> Hashable | None:
    if mark is None or params is None:
        return mark
    # The order is the signature's, and Python writes every value that params may have exactly.
    return (mark, repr(params))


def _finite(value: Any) -> Any:
    # MLmodel's JSON knows NaN and infinities as defaults of params; the web's does not.
    if type(value) is float and not math.isfinite(value):
        return None
    if type(value) is list:
        return list(map(_finite, value))
    return {key: _finite(item) for key, item in value.items()} if type(value) is dict else value


class ListReader:
    """Reads requests for a signature from a type hint: a plain list of the hint's type.

    MLflow's scoring server takes only `inputs` for these, hands the list on as it is, and leaves it
    to the hint to check it (mlflow/pyfunc/scoring_server/__init__.py, `_parse_json_data`). Here it
    is checked against the signature, which MLflow has inferred from the hint.
    """

    def __init__(self, type_: Type, max_rows: int) -> None:
        self._node = hinted(type_)
        self._type = type_name(type_)
        self._nested = Nested(type_entry(type_))
        self._max_rows = max_rows

    def read(self, form: str, payload: Any, findings: Findings) -> Reading | None:
        """The valid list; None once anything has been added to the findings."""
        base = (*BODY, form)
        if form != "inputs":
            findings.add(BODY, "must have `inputs`, the only format of this model", "format")
        elif type(payload) is not list:
            findings.add(base, "must be a list", "type")
        elif len(payload) > self._max_rows:
            findings.add(base, f"must have at most {self._max_rows} rows", "too_many_rows")
        else:
            return self._checked(payload, base, findings)
        return None

    def take(self, tensors: Sequence[TakenTensor | None], findings: Findings) -> Reading | None:
        """The same from one tensor, an element a row."""
        (tensor,) = tensors
        if tensor is None:
            return None
        values = tensor.values
        if isinstance(values, array):  # of a scalar type
            values = list(SCALARS[self._type].plain(values))
        reading = self._checked(list(values), (*INPUTS, 0, "data"), findings)
        return None if findings else reading

    @staticmethod
    def take_block(_sent: Any) -> None:
        """There is none."""

    def _checked(self, values: list[Any], base: Loc, findings: Findings) -> Reading | None:
        converted = self._node.convert(values)
        if converted is None:
            for position in suspects(self._node, values):
                if findings.full:
                    break
                if values[position] is not Hole.REPORTED:
                    self._node.examine(values[position], (*base, position), findings)
            return None
        column = Column(None, self._type, converted, None in converted, None, self._nested)
        return Reading("list", (column,), len(values), None, () if values else None)
