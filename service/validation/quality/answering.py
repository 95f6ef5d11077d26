"""What a version answers to every row, asked by requests as an application would send them.

A request that is refused or fails is asked again in halves, down to the rows that are the cause, so
that one row costs no other its answer.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from service.errors import FieldError, InvalidInput, PredictionFailed, ServiceError
from service.validation.quality.evaluation_data import EvaluationData

_BATCH: Final = 200
# A model that fails on every row, or ends its process by it, is not asked for each.
_MOST_FAILING: Final = 20
_MOST_REFUSED: Final = 1000
_NO_COLUMN: Final = "the request"


class ProcessesGone(ServiceError):
    """Nobody is left to answer, for the version ends its processes again and again."""


class AskVersion(Protocol):
    """One version, through its contract and a host of its own."""

    def __call__(self, body: bytes, media_type: str) -> Any:
        """What the reply has as `predictions`, read from its JSON.

        Raises `service.errors.ServiceError`: `InvalidInput` for what the contract refuses,
        `PredictionFailed` for what the model fails on, `ProcessesGone` where it has done so too
        often to be asked more. Anything else ends the validation.
        """
        ...


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of every row.

    Attributes:
        by_row: the answer to each row that has one, by its position.
        refused: rows that the contract refuses.
        columns: how many of these by column, in the signature's names.
        failing: rows on which the model fails, or gives not one answer for each.
        reasons: how many of these by the error's code.
        together: requests that fail although none of their rows does by itself.
        whole: whether every row was asked; else there are more that are refused or fail.
        gone: whether not every row was asked because the version ends its processes.
    """

    by_row: Mapping[int, Any]
    refused: Sequence[int]
    columns: Mapping[str, int]
    failing: Sequence[int]
    reasons: Mapping[str, int]
    together: int
    whole: bool
    gone: bool = False

    @property
    def broken(self) -> bool:
        """Whether the version has failed so often by itself that it was asked no more."""
        return not self.whole and (bool(self.failing) or self.gone)


def answers(
    predict: AskVersion,
    data: EvaluationData,
    told: Callable[[int], None] = lambda _: None,
    batch: int = _BATCH,
    admitted: int = 0,
) -> Answers:
    """Asks for every row; `told` hears how many have been, after each request.

    `admitted`: so many rows may be refused, so that the others are asked for all the same.
    """
    asking = _Asking(predict, data, max(_MOST_REFUSED, admitted + 1))
    for first in range(0, data.rows, batch):
        asking.ask(range(first, min(first + batch, data.rows)))
        told(min(first + batch, data.rows))
        if asking.enough:
            break
    return asking.found()


@dataclass
class _Asking:
    predict: AskVersion
    data: EvaluationData
    most_refused: int
    by_row: dict[int, Any] = field(default_factory=dict)
    refused: list[int] = field(default_factory=list)
    columns: Counter[str] = field(default_factory=Counter)
    failing: list[int] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    together: int = 0
    skipped: bool = False
    gone: bool = False

    @property
    def enough(self) -> bool:
        failing, refused = len(self.failing), len(self.refused)
        return self.gone or failing >= _MOST_FAILING or refused >= self.most_refused

    def ask(self, rows: Sequence[int]) -> None:
        if self.enough:
            self.skipped = True
            return
        try:
            found = self.predict(*self.data.request(rows))
        except InvalidInput as refusal:
            self._refuse(rows, refusal.errors)
        except PredictionFailed as failure:
            self._fail(rows, failure.code)
        except ProcessesGone:
            self.gone = True
        else:
            self._take(rows, found)

    def _take(self, rows: Sequence[int], found: Any) -> None:
        if isinstance(found, list) and len(found) == len(rows):
            self.by_row.update(zip(rows, found, strict=True))
        else:
            # Not in halves: the right number of answers for fewer rows would be chance.
            self.failing += rows
            self.reasons["not_by_row"] += len(rows)

    def _halves(self, rows: Sequence[int]) -> None:
        middle = len(rows) // 2
        self.ask(rows[:middle])
        self.ask(rows[middle:])

    def _refuse(self, rows: Sequence[int], errors: Sequence[FieldError]) -> None:
        if len(rows) > 1:
            self._halves(rows)
            return
        self.refused.append(rows[0])
        self.columns.update({_column(each) for each in errors})

    def _fail(self, rows: Sequence[int], code: str) -> None:
        if len(rows) > 1:
            before = len(self.failing) + len(self.refused)
            self._halves(rows)
            self.together += before == len(self.failing) + len(self.refused)
            return
        self.failing.append(rows[0])
        self.reasons[code] += 1

    def found(self) -> Answers:
        return Answers(
            self.by_row,
            self.refused,
            self.columns,
            self.failing,
            self.reasons,
            self.together,
            whole=not self.skipped and self.asked == self.data.rows,
            gone=self.gone,
        )

    @property
    def asked(self) -> int:
        return len(self.by_row) + len(self.refused) + len(self.failing)


def _column(error: FieldError) -> str:
    """The column of a place such as `body, dataframe_split, data, 3, age`."""
    last = error.loc[3:] if error.loc[1:2] == ("dataframe_split",) else error.loc[2:]
    names = [str(part) for part in last if isinstance(part, str)]
    return names[0] if names and names[0] != "columns" else ".".join(names[1:]) or _NO_COLUMN
