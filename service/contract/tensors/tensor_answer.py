"""A host's answer as named tensors, taken apart: its JSON, and the raw bytes behind it.

`service.host.output_tensors` writes it: four bytes of length, `{"outputs": [...]}`, raw bytes in
the order of the outputs that have a `binary_data_size`.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any, Final, NamedTuple

import orjson

from service.contract.findings import BODY, Findings
from service.contract.tensors.datatypes import DATATYPES

_LENGTH_BYTES: Final = 4


class TensorAnswer(NamedTuple):
    """Views of an answer, which is not copied.

    Attributes:
        json: `{"outputs": [...]}`.
        raw: what stands behind it.
    """

    json: memoryview
    raw: memoryview

    @classmethod
    def of(cls, answer: bytes | bytearray) -> "TensorAnswer":
        """Its two parts."""
        view = memoryview(answer)
        end = _LENGTH_BYTES + int.from_bytes(view[:_LENGTH_BYTES], "little")
        return cls(view[_LENGTH_BYTES:end], view[end:])

    def outputs(self) -> Iterator[tuple[Mapping[str, Any], memoryview | None]]:
        """What is said of each output, and its raw bytes; None where it has its data in JSON."""
        start = 0
        for output in orjson.loads(self.json)["outputs"]:
            size = output.get("parameters", {}).get("binary_data_size")
            if size is None:
                yield output, None
            else:
                yield output, self.raw[start : start + size]
                start += size


def as_predictions(answer: bytes | bytearray) -> bytes:
    """What it says as JSON of predictions, row by row: to be compared, and read by people.

    Of one output its rows, of several objects of theirs; of outputs that are not as long as each
    other one object. Raises ValueError for what no host writes.
    """
    named = {}
    for output, raw in TensorAnswer.of(answer).outputs():
        named[output["name"]] = _rows(_values(output, raw), output["shape"])
    if len(named) == 1:
        return orjson.dumps(next(iter(named.values())), default=_text)
    if len(set(map(len, named.values()))) != 1:
        return orjson.dumps(named, default=_text)
    rows = zip(*named.values(), strict=True)
    return orjson.dumps([dict(zip(named, row, strict=True)) for row in rows], default=_text)


def _values(output: Mapping[str, Any], raw: memoryview | None) -> Sequence[Any]:
    if raw is None:
        data: list[Any] = output["data"]
        return data
    findings, datatype = Findings(1), DATATYPES[output["datatype"]]
    values = datatype.raw(raw, prod(output["shape"]), BODY, findings)
    if values is None:
        raise ValueError("raw bytes that are not of their datatype and shape")
    return datatype.plain(values)


def _rows(values: Sequence[Any], shape: Sequence[int]) -> list[Any]:
    listed = list(values)
    for length in reversed(shape[1:]):
        listed = [listed[at : at + length] for at in range(0, len(listed), length or 1)]
    return listed


def _text(value: Any) -> str:
    return bytes(value).decode(errors="replace")
