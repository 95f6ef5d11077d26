"""The two ports of a contract: what checks values of one type, and what reads a payload."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from service.contract.findings import Findings, Loc
from service.contract.model_input import Column, Kind, Values


class Checker(Protocol):
    """Takes JSON values as they are, or as a lossless cast makes them; refuses all others.

    Valid columns cost a few passes that never enter Python code for each value. Only a column in
    which something is wrong is looked at value by value, to name every one that is.
    """

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON schema of one value that is not null."""

    @property
    def nullable(self) -> bool:
        """Whether MLflow can hand a model a null of this type."""

    def convert(self, values: Sequence[Any]) -> Values | None:
        """The column as a model input has it, or None if any of the values does not fit."""

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Notes what is wrong with one value, if anything; null is always wrong here."""


class Reading(NamedTuple):
    """The parts of a model input; `join_mark` is None if it may only ever stand alone."""

    kind: Kind
    columns: tuple[Column, ...]
    rows: int
    row_index: Sequence[Any] | None
    join_mark: Hashable | None


class TakenTensor(NamedTuple):
    """What was sent for one input as a tensor.

    Attributes:
        values: in C order, as JSON would have had them; an `array` is checked already.
        shape: as sent; that of a column is (rows) or (rows, 1).
    """

    values: Sequence[Any]
    shape: tuple[int, ...]


class InputReader(Protocol):
    """Reads what stands under one of the four formats, or named tensors, for one signature."""

    def read(self, form: str, payload: Any, findings: Findings) -> Reading | None:
        """The valid inputs; None once anything has been added to the findings."""

    def take(self, tensors: Sequence[TakenTensor | None], findings: Findings) -> Reading | None:
        """The same from named tensors, in the signature's order; None for one that is not there.

        Columns have as many rows each.
        """

    def take_block(self, sent: Any) -> Reading | None:
        """All of a table in one pass, from what stands under `inputs` in the protocol's JSON.

        None for anything else than required columns of numbers of one type, as they are announced
        and in their order, which has to be looked at one by one.
        """
