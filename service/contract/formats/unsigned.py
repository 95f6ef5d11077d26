"""Models without a signature: bodies are looked at, and left to MLflow's own functions in the host.

What can be checked is checked here: the media type, that the text is JSON or CSV, the one format,
that it is not null, nesting, rows, and that MLflow would not make far more of a body than it holds.
The rest is MLflow's, with all that it casts: `service.host.documents`. A body without a single
value is handed on too, as one without rows: whether a model takes that, it alone can tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from service.contract.contract import RequestLimits
from service.contract.findings import BODY, Findings
from service.contract.formats.chat import CHAT_KEYS, PARAMS
from service.contract.formats.csv_body import CSV, CSV_BASE, csv_charset, is_csv, read_sheet
from service.contract.formats.json_body import JSON, check_media_type, read_object
from service.contract.formats.parquet_body import PARQUET, PARQUET_BASE, ReadParquet
from service.contract.model_input import Document, Layout
from service.contract.params import ParamsReader
from service.contract.request_example import unsigned_request_example
from service.contract.request_schema import unsigned_request_schema
from service.contract.signature import read_entries, read_params
from service.contract.size import MAX_DEPTH, holds_a_value, note_size, note_table, too_deep
from service.contract.tensors.tensor_input import TensorInfo
from service.contract.tensors.tensor_message import BodyForm, TensorForm
from service.errors import UnsupportedMediaType

_LAYOUTS: Final[Mapping[str, Layout]] = {
    "dataframe_split": "dataframe_split",
    "dataframe_records": "dataframe_records",
    "instances": "instances",
    "inputs": "inputs",
}
_SPLIT: Final = "dataframe_split"
_NO_TENSORS: Final = (
    "The model has no signature, which says what named tensors would mean; send MLflow's JSON."
)
_NOT_ALL_NULL: Final = f"must have something else than null under {' or '.join(CHAT_KEYS)}"
_ONE_FORMAT: Final = (
    f"must have exactly one of {', '.join(_LAYOUTS)}, or else {' or '.join(CHAT_KEYS)}"
)


@dataclass(frozen=True, slots=True)
class UnsignedContract:
    """What a version without a signature takes. Has no state, like `Contract`."""

    request_schema: Mapping[str, Any]
    request_example: Mapping[str, Any]
    _description: Mapping[str, Any]
    _params: ParamsReader | None
    _limits: RequestLimits

    @property
    def media_types(self) -> tuple[str, ...]:
        """What requests may come as, JSON first."""
        return (JSON, CSV, PARQUET)

    def describe(self) -> Mapping[str, Any]:
        """The signature as far as there is one, and `unsigned`, which is true."""
        return self._description

    @property
    def tensors(self) -> tuple[TensorInfo, ...]:
        """None: what the model takes is not known."""
        return ()

    def parse(self, body: bytes, media_type: BodyForm) -> Document:
        """The body, as far as it can be checked; raises as `Contract.parse` does."""
        if isinstance(media_type, TensorForm):
            raise UnsupportedMediaType(_NO_TENSORS)
        findings = Findings(self._limits.max_errors)
        if is_csv(media_type):
            return self._csv(body, csv_charset(media_type), findings)
        check_media_type(media_type)
        return self._json(body, findings)

    def _json(self, body: bytes, findings: Findings) -> Document:
        document = read_object(body)
        if too_deep((document,)):
            findings.add(BODY, f"must not be nested more than {MAX_DEPTH} deep", "nesting")
            raise findings.error()
        forms = [form for form in _LAYOUTS if form in document]
        chat = not document.keys().isdisjoint(CHAT_KEYS)
        if chat and not forms:
            return self._chat(body, document, findings)
        if chat or len(forms) != 1:
            findings.add(BODY, _ONE_FORMAT, "format")
            raise findings.error()
        form = forms[0]
        payload = document[form]
        if payload is None:
            findings.add((*BODY, form), "must not be null", "null")
            raise findings.error()
        rows = note_size(form, payload, self._limits.max_rows, findings)
        # Of a split, columns and index are not what is predicted for.
        values = payload.get("data") if form == _SPLIT and type(payload) is dict else payload
        params = self._read_params(document.get(PARAMS), findings)
        found = Document(_LAYOUTS[form], body, rows if holds_a_value(values) else 0, params)
        return _found(found, findings)

    def _chat(self, body: bytes, document: Mapping[str, Any], findings: Findings) -> Document:
        said = [document[key] for key in CHAT_KEYS if key in document]
        if all(each is None for each in said):
            findings.add(BODY, _NOT_ALL_NULL, "null")
        rows = int(holds_a_value(said))
        if self._params is None:
            return _found(Document("chat", body, rows, {}, bare=True), findings)
        names = self._params.names
        sent = {key: value for key, value in document.items() if key in names}
        params = self._params.read(sent, findings, BODY)
        return _found(Document("chat", body, rows, params, bare=True), findings)

    def _csv(self, body: bytes, charset: str, findings: Findings) -> Document:
        sheet = read_sheet(body, charset, self._limits.max_rows)
        lengths = list(map(len, sheet.rows))
        width = max(len(sheet.header), max(lengths, default=0))
        note_table(width, len(lengths), sum(lengths), CSV_BASE, findings)
        params = self._read_params(None, findings)
        rows = len(sheet.rows) if any(map(any, sheet.rows)) else 0
        return _found(Document("csv", body, rows, params), findings)

    def parse_parquet(self, body: bytes, read: ReadParquet) -> Document:
        """The same for Parquet, which is read once here to see that it can be."""
        findings = Findings(self._limits.max_errors)
        table = read(body, self._limits.max_rows, lambda *_: None, findings)
        width, rows = len(table.header), table.rows
        note_table(width, rows, width * rows, PARQUET_BASE, findings)
        params = self._read_params(None, findings)
        return _found(Document("parquet", body, rows if width else 0, params), findings)

    def _read_params(self, sent: Any, findings: Findings) -> Mapping[str, Any] | None:
        if self._params is not None:
            return self._params.read(sent, findings)
        # MLflow drops them, and says so to nobody but the model, which gets empty ones.
        return None if sent is None else {}


def compile_unsigned(
    signature: Mapping[str, str | None], limits: RequestLimits
) -> UnsignedContract:
    """The contract of a model whose signature has no inputs; it may have params all the same.

    Raises `VersionFault` as `compile_contract` does.
    """
    params = read_params(signature.get("params"))
    description: dict[str, Any] = {
        part: list(read_entries(signature.get(part), part)) or None
        for part in ("inputs", "outputs", "params")
    }
    return UnsignedContract(
        unsigned_request_schema(params),
        unsigned_request_example(params),
        # orjson writes NaN, which a default may be, as null.
        {**orjson.loads(orjson.dumps(description)), "unsigned": True},
        None if params is None else ParamsReader(params),
        limits,
    )


def _found(document: Document, findings: Findings) -> Document:
    if findings:
        raise findings.error()
    return document
