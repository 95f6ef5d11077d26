"""What a request's inputs came to, before params are added."""

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, Protocol

from service.contract.findings import Findings
from service.contract.model_input import Column, Kind


class Reading(NamedTuple):
    """The parts of a model input; `join_mark` is None if it may only ever stand alone."""

    kind: Kind
    columns: tuple[Column, ...]
    rows: int
    row_index: Sequence[Any] | None
    join_mark: Hashable | None


class InputReader(Protocol):
    """Reads what stands under one of the four formats, for one signature."""

    def read(self, form: str, payload: Any, findings: Findings) -> Reading | None:
        """The valid inputs; None once anything has been added to the findings."""
        ...
