"""Whether rows of the data are answered alone as they are beside others.

What is measured is worth nothing to whoever sends one row, if the answer to it is another one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from service.contract.alike import alike
from service.errors import InvalidInput, PredictionFailed
from service.validation.quality.answering import AskVersion, ProcessesGone
from service.validation.quality.evaluation_data import EvaluationData

MOST_DRAWN: Final = 16
# As `service.validation.smoke.smoke_tests` has it for the rows of an example.
_ALIKE: Final = 1e-5

RowsApart = Literal["alike", "unsteady", "dependent"]
"""`unsteady`: a row alone is not answered twice alike, so that nothing can be compared."""


def drawn(rows: Sequence[int]) -> Sequence[int]:
    """Some of the rows, evenly, each in the middle of its part; the same ones each time."""
    count = min(len(rows), MOST_DRAWN)
    return [rows[(2 * part + 1) * len(rows) // (2 * count)] for part in range(count)]


def rows_apart(predict: AskVersion, data: EvaluationData, answered: Mapping[int, Any]) -> RowsApart:
    """By some of the rows that were answered together; one that fails alone is dependent, too."""
    for row in drawn(sorted(answered)):
        try:
            alone = predict(*data.request([row]))
            if alike(alone, [answered[row]], _ALIKE):
                continue
            again = predict(*data.request([row]))
        except (InvalidInput, PredictionFailed, ProcessesGone):
            return "dependent"
        return "dependent" if alike(again, alone, _ALIKE) else "unsteady"
    return "alike"
