"""Short ways to send CSV, and to look at what the contract says."""

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Any

import pytest

from service.contract.contract import Contract
from service.contract.findings import Loc
from service.contract.model_input import ModelInput
from service.errors import InvalidInput

TYPES = ["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"]


def read(made: Contract, text: str | bytes, media_type: str = "text/csv") -> ModelInput:
    """What the contract makes of CSV that is valid."""
    return made.parse(text if isinstance(text, bytes) else text.encode(), media_type)


def cells(made: Contract, text: str | bytes) -> list[list[Any]]:
    """The values of valid CSV, by column."""
    return [list(each.values) for each in read(made, text).columns]


def places(made: Contract, text: str | bytes) -> list[tuple[Loc, str]]:
    """Where something is wrong with CSV, and of which type."""
    with pytest.raises(InvalidInput) as caught:
        read(made, text)
    return [(error.loc[1:], error.type) for error in caught.value.errors]


def written(rows: Sequence[Sequence[Any]]) -> str:
    """Rows as Python's own writer has them, quoting what must be."""
    text = StringIO()
    csv.writer(text).writerows([["" if each is None else each for each in row] for row in rows])
    return text.getvalue()
