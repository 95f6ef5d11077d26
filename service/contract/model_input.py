"""One valid request, by column: what the contract yields and what hosts are sent.

Neither numpy nor pandas: this is made in the front, by the thousand every second.
"""

from array import array
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple, TypeAlias, Union

Kind = Literal["table", "block", "tensor", "tensors", "list"]
# In quotes, because Python 3.11's `array` takes no type arguments when it runs.
Values = Union["array[Any]", list[Any]]


class Nested(NamedTuple):
    """How a column's values are nested.

    Attributes:
        type: MLflow's type as MLmodel writes it.
        arrays: whether lists become numpy's arrays, where those hold the same values: under
            `inputs` and `instances` MLflow makes arrays of them, elsewhere it leaves them.
    """

    type: Mapping[str, Any]
    arrays: bool = False


class Column(NamedTuple):
    """One column of a table, or one tensor; or a block, all columns of a table at once.

    A named tuple, because a request makes one for each column: it takes 0.2 us, a frozen dataclass
    0.55, and four of those are a fifth of what a row of iris costs.

    Attributes:
        name: as the signature has it (MLflow takes integers from a DataFrame without names); None
            for an unnamed column or the only, unnamed tensor.
        dtype: MLflow's type (`double`) for a column, numpy's (`float64`) for a tensor.
        values: in row order, a tensor's flattened in C order. An `array` for numbers without nulls
            (typecodes: boolean `B`, integer `i`, long `q`, float `f`, double `d`, datetime `q`,
            nanoseconds since 1970 in UTC; a tensor's by its width). A list otherwise: `str`,
            `bytes`, and None for null; numbers beside nulls stay `bool`, `int` and `float`.
            Nested ones are lists and dictionaries of such values.
        has_null: whether any value is null, however nested ones are within.
        shape: of a tensor; None for a column; rows and columns of a block, whose values are in row
            order.
        names: of a block's columns.
        nested: of `array`, `object`, `map` and `any`, and of all values in a `list`.
    """

    name: str | int | None
    dtype: str
    values: Values
    has_null: bool = False
    shape: tuple[int, ...] | None = None
    nested: Nested | None = None
    names: tuple[str, ...] | None = None


class RequestedOutput(NamedTuple):
    """An output that a client of tensors asks for by its name, and whether as raw bytes."""

    name: str
    binary: bool


class TensorReply(NamedTuple):
    """What a client of tensors asks of its reply: named outputs instead of MLflow's JSON.

    Attributes:
        id: the client's own, given back to it.
        outputs: those asked for, in that order; None: all.
        binary: whether outputs that are not named come as raw bytes.
        seconds: the request's own time limit.
    """

    id: str | None = None
    outputs: tuple[RequestedOutput, ...] | None = None
    binary: bool = False
    seconds: float | None = None

    def dump(self) -> list[Any]:
        """As JSON can hold it."""
        outputs = None if self.outputs is None else [tuple(each) for each in self.outputs]
        return [self.id, outputs, self.binary, self.seconds]

    @classmethod
    def load(cls, listed: Sequence[Any]) -> "TensorReply":
        """What `dump` has made."""
        if listed == _NOTHING_ASKED:
            return _ANY_REPLY
        request_id, outputs, binary, seconds = listed
        named = None if outputs is None else tuple(RequestedOutput(*each) for each in outputs)
        return cls(request_id, named, binary, seconds)


_NOTHING_ASKED: Final = [None, None, False, None]
_ANY_REPLY: Final = TensorReply()


@dataclass(frozen=True, slots=True)
class ModelInput:
    """Rows that fit the signature exactly, in the signature's order; absent columns are left out.

    Attributes:
        kind: `table` for column signatures, or `block` where all of a table is numbers of one
            type: its one column holds all of it. `tensor` for one unnamed tensor, `tensors` for
            named, `list` for models whose signature comes from a type hint: they take a plain list.
        columns: those present.
        rows: how many; of tensors the length of the first dimension.
        params: the model's params with defaults filled in, or None when the signature has none.
        index: the index of `dataframe_split`, if one was sent.
        join_key: inputs with equal keys may stand in one batch (equal params, columns present and
            resulting dtypes); None: only ever alone.
        bare: whether MLflow's protocol answers with the predictions alone, not wrapped.
        reply: asks for named outputs; None: for MLflow's JSON.
    """

    kind: Kind
    columns: tuple[Column, ...]
    rows: int
    params: Mapping[str, Any] | None
    index: Sequence[Any] | None
    join_key: Hashable | None
    bare: bool = False
    reply: TensorReply | None = None

    def by_column(self) -> "ModelInput":
        """The same, a block as the table that it stands for: to be joined with a table."""
        if self.kind != "block":
            return self
        (block,) = self.columns
        names = block.names or ()
        columns = (
            Column(name, block.dtype, block.values[place :: len(names)])
            for place, name in enumerate(names)
        )
        return replace(self, kind="table", columns=tuple(columns))


Layout = Literal[
    "dataframe_split", "dataframe_records", "instances", "inputs", "chat", "csv", "parquet"
]


@dataclass(frozen=True, slots=True)
class Document:
    """A body for a model without a signature: hosts read it by MLflow's own functions.

    Attributes:
        layout: what the body was found to be.
        body: as it was sent; CSV without a byte order mark.
        rows: how many, where that shows; 1 otherwise; 0 where it holds no value at all.
        params: as in `ModelInput`; empty, not None, where MLflow drops some or has none in a chat.
        bare: as in `ModelInput`.
        join_key: None: it only ever stands alone.
        reply: None: MLflow's JSON.
    """

    layout: Layout
    body: bytes
    rows: int
    params: Mapping[str, Any] | None
    bare: bool = False
    join_key: None = None
    reply: None = None


@dataclass(frozen=True, slots=True)
class EncodedInput:
    """The same, encoded for hosts already: who hands it on need not look into it.

    Attributes:
        rows: as in `ModelInput`.
        head: of a batch of this request alone (`service.host.wire.encode_batch`).
        body: of that batch.
        bare: as in `ModelInput`.
        slices: where it was encoded in slices instead, the rows, the head and the length of each;
            the body holds all of theirs, one after the other, and the head is empty.
        join_key: None: it only ever stands alone.
        reply: as in `ModelInput`.
    """

    rows: int
    head: bytes
    body: bytes | bytearray
    bare: bool = False
    slices: tuple[tuple[int, bytes, int], ...] = ()
    join_key: None = None
    reply: TensorReply | None = None


ValidInput: TypeAlias = ModelInput | Document | EncodedInput
