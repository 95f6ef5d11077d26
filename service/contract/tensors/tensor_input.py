"""One input of a signature as a named tensor: how it is announced, and what its elements become.

A tensor of another datatype than it is announced with is taken where each of its values is one of
the signature's, as JSON's numbers are; NaN is null.
"""

import base64
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final, Literal, NamedTuple

import orjson

from service.contract.findings import INPUTS, Findings, Hole, Loc
from service.contract.formats.json_body import NO_MEMORY, with_long_integers
from service.contract.signature import ColumnSpec, TensorSpec
from service.contract.tensors.datatypes import BYTES, DATATYPES, Datatype, RawBytes
from service.contract.types.scalars import SCALARS, TENSOR_TYPES

Elements = Literal["np", "str", "base64", "datetime", "json"]
"""What they are: MLServer's words for it, or texts of JSON."""

_OF_TENSORS: Final[Mapping[str, str]] = {"bool": "BOOL", "str": "BYTES"}
# What MLServer's words may say of each; the first say no more than the datatype does.
_TEXTS_OF_JSON: Final = "pd_json"
_SAYING_NOTHING: Final = frozenset({None, "np", "pd"})
_FITTING: Final[Mapping[Elements, frozenset[str | None]]] = {
    "np": _SAYING_NOTHING,
    "str": _SAYING_NOTHING | {"str", _TEXTS_OF_JSON},
    "datetime": _SAYING_NOTHING | {"str", "datetime", _TEXTS_OF_JSON},
    "base64": _SAYING_NOTHING | {"base64", _TEXTS_OF_JSON},
    "json": _SAYING_NOTHING | {"str", _TEXTS_OF_JSON},
}
_JSON: Final[Mapping[str, Any]] = {
    "type": "string",
    "contentMediaType": "application/json",
    "description": "A text of JSON",
}


class SentTensor(NamedTuple):
    """One input as its client sent it; datatype and shape are known, values not looked at yet.

    Attributes:
        name: as sent.
        datatype: its own.
        shape: lengths of 0 and more.
        values: as many as the shape says, in C order: numbers and booleans as Python has them,
            BYTES as text (JSON) or bytes, None for null; None where it came as `raw`.
        raw: its raw bytes, of any length; looked at, never kept.
        content_type: MLServer's word for what its elements are; None: nothing is said.
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    values: Sequence[Any] | None
    raw: RawBytes | None = None
    content_type: str | None = None


class TensorInfo(NamedTuple):
    """An input or output as it is announced.

    Attributes:
        name: requests and replies name it so.
        datatype: the protocol's word.
        shape: -1 for any length.
        content_type: MLServer's word for what its elements are; None: there is none.
        optional: whether it may be left out.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    content_type: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class TensorInput:
    """One input.

    Attributes:
        info: as it is announced.
        key: its name in errors.
        kind: what its elements are.
        own: the datatype that it is announced with.
        schema: JSON schema of an element.
    """

    info: TensorInfo
    key: str | int
    kind: Elements
    own: Datatype
    schema: Mapping[str, Any]

    @classmethod
    def of_column(cls, place: int, spec: ColumnSpec) -> "TensorInput":
        """A column, an element a row."""
        kind: Elements = "json"
        own, schema = BYTES, _JSON
        if isinstance(spec.type, str):
            traits = SCALARS[spec.type]
            kind, own = traits.content_type, DATATYPES[traits.datatype]
            schema = traits.column.schema
        shown = "str" if kind == "json" else kind
        info = TensorInfo(_called(place, spec.name), own.name, (-1,), shown, not spec.required)
        return cls(info, _key(place, spec.name), kind, own, schema)

    @classmethod
    def of_tensor(cls, place: int, spec: TensorSpec) -> "TensorInput":
        """A tensor as it is."""
        own = DATATYPES[_OF_TENSORS.get(spec.dtype) or _number_of(spec.dtype)]
        kind: Elements = "str" if own is BYTES else "np"
        info = TensorInfo(_called(place, spec.name), own.name, spec.shape, kind)
        schema = TENSOR_TYPES[spec.dtype].schema
        return cls(info, _key(place, spec.name), kind, own, schema)

    def at(self, *more: str | int) -> Loc:
        """A place in it."""
        return (*INPUTS, self.key, *more)

    def elements(self, sent: SentTensor, findings: Findings) -> Sequence[Any] | None:
        """The values, to be checked by the signature's type; an `array` is checked already.

        `Hole`s stand for what was noted; None: nothing can be made of any.
        """
        if not self._takes(sent, findings):
            return None
        raw = None
        if sent.raw is not None:
            raw = sent.datatype.raw(sent.raw, prod(sent.shape), self.at("data"), findings)
            if raw is None:
                return None
        if sent.datatype is BYTES:
            texts = sent.values if raw is None else raw
            return self._texts(texts or (), sent.content_type, findings)
        if raw is None:
            return self._declared(sent.datatype, sent.values or (), findings)
        return self._numbers(sent.datatype, raw)

    def _takes(self, sent: SentTensor, findings: Findings) -> bool:
        fits = _group(sent.datatype) == _group(self.own)
        if not fits:
            text = f"must be {self.own.name}"
            if _group(self.own) == "numbers":
                text += ", or another of numbers"
            findings.add(self.at("datatype"), text, "type")
        if sent.content_type in _FITTING[self.kind]:
            return fits
        text = "must be one of the signature's type, or be left out"
        findings.add(self.at("parameters", "content_type"), text, "type")
        return False

    def _declared(
        self, datatype: Datatype, values: Sequence[Any], findings: Findings
    ) -> Sequence[Any] | None:
        # What is declared as FP32 and announced as FP64 is rounded to 32 bits, as in raw bytes.
        checker = datatype.checker
        if datatype is self.own or checker is None:
            return values
        converted = checker.convert([value for value in values if value is not None])
        if converted is None:
            for place, value in enumerate(values):
                if value is not None:
                    checker.examine(value, self.at("data", place), findings)
            return None
        found = iter(datatype.plain(converted))
        return [None if value is None else next(found) for value in values]

    def _numbers(self, datatype: Datatype, values: Sequence[Any]) -> Sequence[Any]:
        nan = _holds_nan(values)
        if datatype is self.own and type(values) is array and not nan:
            return values
        plain = datatype.plain(values)
        return [None if _is_nan(value) else value for value in plain] if nan else plain

    def _texts(
        self, values: Sequence[Any], content_type: str | None, findings: Findings
    ) -> Sequence[Any] | None:
        if content_type == _TEXTS_OF_JSON:
            return self._of_json(values, findings)
        if self.kind == "base64":
            return [_as_base64(value, encoded=content_type == "base64") for value in values]
        if self.kind == "json":
            return self._of_json(values, findings)
        return [self._text(value, place, findings) for place, value in enumerate(values)]

    def _of_json(self, values: Sequence[Any], findings: Findings) -> Sequence[Any] | None:
        parsed = []
        for place, value in enumerate(values):
            if findings.full:
                return None
            text = self._text(value, place, findings)
            parsed.append(self._parsed(text, place, findings))
        return parsed

    def _text(self, value: Any, place: int, findings: Findings) -> Any:
        if type(value) is not bytes:
            return value
        try:
            return value.decode()
        except UnicodeDecodeError:
            findings.add(self.at("data", place), "must be text in UTF-8", "type")
            return Hole.REPORTED

    def _parsed(self, text: Any, place: int, findings: Findings) -> Any:
        if text is None or text is Hole.REPORTED:
            return text
        if type(text) is not str:
            findings.add(self.at("data", place), "must be a string of JSON", "type")
            return Hole.REPORTED
        encoded = text.encode()
        try:
            return with_long_integers(orjson.loads(encoded), encoded)
        except orjson.JSONDecodeError as error:
            if error.msg.startswith(NO_MEMORY):
                raise MemoryError from None
            findings.add(self.at("data", place), "must be a text of JSON", "json_invalid")
            return Hole.REPORTED


def _key(place: int, name: str | int | None) -> str | int:
    return place if name is None else name


def _called(place: int, name: str | int | None) -> str:
    return f"input-{place}" if name is None else str(name)


def _number_of(dtype: str) -> str:
    return dtype.upper().replace("FLOAT", "FP")


def _group(datatype: Datatype) -> str:
    return datatype.name if datatype.name in {"BYTES", "BOOL"} else "numbers"


def _is_nan(value: Any) -> bool:
    return bool(value != value)  # noqa: PLR0124 - NaN alone is not itself


def _holds_nan(values: Sequence[Any]) -> bool:
    # The sum is NaN where one of them is, and where infinities of both signs meet.
    return (
        bool(values)
        and type(values[0]) is float
        and _is_nan(sum(values))
        and any(map(_is_nan, values))
    )


def _as_base64(value: Any, *, encoded: bool) -> Any:
    if type(value) is not bytes:
        return value
    return value.decode("latin-1") if encoded else base64.b64encode(value).decode()
