"""A signature as named tensors: what is announced, and what tensors mean for it.

A column is a tensor of shape (n) or (n, 1); a tensor of the signature is one as it is. Numbers and
booleans have their own datatypes; text, ISO 8601 dates and bytes are BYTES, and so are nested
values, each as a text of JSON. Where the signature has no names, inputs are `input-0`, `input-1`
and so on. A model whose signature comes from a type hint has one, `input-0`, an element a row.

Refused are inputs that the signature does not have: a name that is misspelt would otherwise count
as a column that is left out.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Final

from service.contract.findings import INPUTS, Findings
from service.contract.reading import InputReader, Reading, TakenTensor
from service.contract.signature import Signature
from service.contract.tensors.tensor_input import SentTensor, TensorInfo, TensorInput
from service.contract.tensors.tensor_schema import message_schema

# Of a tensor without elements: numpy multiplies its other lengths.
_MOST_EMPTY: Final = 1 << 31


class NamedTensors:
    """Announces a signature's inputs, and reads them.

    Args:
        signature: of the model.
        reader: takes what they hold.
        max_rows: of one request.
    """

    def __init__(self, signature: Signature, reader: InputReader, max_rows: int) -> None:
        columns = [TensorInput.of_column(*each) for each in enumerate(signature.columns)]
        tensors = [TensorInput.of_tensor(*each) for each in enumerate(signature.tensors)]
        self._as_columns = bool(columns)
        self._inputs = columns or tensors
        self._places = {each.info.name: place for place, each in enumerate(self._inputs)}
        self._reader = reader
        self._max_rows = max_rows

    @property
    def infos(self) -> Sequence[TensorInfo]:
        """The inputs, in the signature's order."""
        return [each.info for each in self._inputs]

    def schema(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Of a request, with the schemas of the model's params."""
        return message_schema(self._inputs, params)

    def read(self, sent: Sequence[SentTensor | None], findings: Findings) -> Reading | None:
        """The valid inputs; None once anything has been added to the findings.

        None among them stands for what was noted already.
        """
        found = {
            place: tensor
            for place, tensor in self._named(sent, findings).items()
            if self._has_shape(self._inputs[place], tensor.shape, findings)
        }
        if self._as_columns and len({tensor.shape[0] for tensor in found.values()}) > 1:
            findings.add(INPUTS, "must have as many rows in each input", "shape")
            return None
        taken: list[TakenTensor | None] = [None] * len(self._inputs)
        for place, tensor in found.items():
            values = self._inputs[place].elements(tensor, findings)
            if values is not None:
                taken[place] = TakenTensor(values, tensor.shape)
            elif findings.full:
                break
        return self._reader.take(taken, findings)

    def _named(
        self, sent: Sequence[SentTensor | None], findings: Findings
    ) -> Mapping[int, SentTensor]:
        """By place in the signature."""
        named = dict[int, SentTensor]()
        for position, tensor in enumerate(sent):
            if tensor is None:
                continue
            loc, place = (*INPUTS, position, "name"), self._places.get(tensor.name)
            if place is None:
                findings.add(loc, "must name an input of the model", "unknown_property")
            elif place in named:
                findings.add(loc, "must not name an input a second time", "duplicate_column")
            else:
                named[place] = tensor
        # One of those that cannot be read may be what is missing.
        for place, each in () if None in sent else enumerate(self._inputs):
            if place not in named and not each.info.optional:
                findings.add(each.at(), "is required", "missing")
        return named

    def _has_shape(self, wanted: TensorInput, shape: tuple[int, ...], findings: Findings) -> bool:
        loc, most = wanted.at("shape"), self._max_rows
        if not self._fits(wanted.info.shape, shape):
            findings.add(loc, self._expected(wanted.info.shape), "shape")
        elif shape and shape[0] > most:
            findings.add(loc, f"must have at most {most} rows", "too_many_rows")
        elif 0 in shape and prod(filter(None, shape)) > _MOST_EMPTY:
            findings.add(loc, "must have no length beyond 2147483648 beside one of 0", "shape")
        else:
            return True
        return False

    def _fits(self, wanted: tuple[int, ...], shape: tuple[int, ...]) -> bool:
        if self._as_columns:
            return len(shape) == 1 or shape[1:] == (1,)
        return len(wanted) == len(shape) and all(
            want in (-1, length) for want, length in zip(wanted, shape, strict=True)
        )

    def _expected(self, wanted: tuple[int, ...]) -> str:
        if self._as_columns:
            return "must be [rows], or [rows, 1]"
        lengths = ", ".join("any" if length == -1 else str(length) for length in wanted)
        return f"must be [{lengths}]"
