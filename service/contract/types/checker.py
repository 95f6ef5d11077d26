"""A type of a signature, as one object that works on a whole column at the speed of C."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from service.contract.findings import Findings, Loc
from service.contract.model_input import Values


class Checker(Protocol):
    """Takes JSON values as they are, or as a lossless cast makes them; refuses all others.

    Valid columns cost a few passes that never enter Python code for each value. Only a column in
    which something is wrong is looked at value by value, to name every one that is.
    """

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON schema of one value that is not null."""
        ...

    @property
    def nullable(self) -> bool:
        """Whether MLflow can hand a model a null of this type."""
        ...

    def convert(self, values: Sequence[Any]) -> Values | None:
        """The column as a model input has it, or None if any of the values does not fit."""
        ...

    def examine(self, value: Any, loc: Loc, findings: Findings) -> None:
        """Notes what is wrong with one value, if anything; null is always wrong here."""
        ...
