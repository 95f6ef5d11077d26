"""One loaded version, in the host: load, warm up, predict a batch."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import mlflow.pyfunc
import numpy as np

from service.hosting import outputs
from service.hosting.documents import InputRefused
from service.hosting.failures import failure_of
from service.hosting.inputs import Batch, ModelData, take
from service.hosting.nameless import Nameless, nameless
from service.hosting.wire import Failure, Outcome

# Further apart than this and a row's answer depends on more than the row (P16).
_TOLERANCE: Final = 1e-9
# An input example may hold a whole training set; this many rows tell as much.
_ROWS_COMPARED: Final = 32


@dataclass(frozen=True, slots=True)
class RowWise:
    """Whether the version was shown to answer each row by itself, and one sentence why."""

    shown: bool
    reason: str


class LoadedModel:
    """A version that was loaded as MLflow loads it.

    `config` overrides what it was logged with as its `model_config`.
    `joinable` is whether its requests may be joined if warm-up shows no harm. If it does, every
    answer must have one element a row from then on, that of a lone request too: MLflow's server
    would pass on any number, but a version whose answers are split by rows must not begin to lie
    only where somebody can tell.
    """

    def __init__(
        self, path: str, config: dict[str, Any] | None = None, *, joinable: bool = False
    ) -> None:
        # Its warnings are of requirements, for which it reads what all installed packages say of
        # themselves: 0.9 of the 1.0 seconds that a load takes. Podium compares them in a gate.
        self._model = mlflow.pyfunc.load_model(path, suppress_warnings=True, model_config=config)
        self._joinable = joinable
        self._by_row = False
        self._nameless: Nameless | None = None

    @property
    def matrix_of(self) -> Sequence[str] | None:
        """The columns of which `predict` takes a matrix as well as a DataFrame, if any."""
        return None if self._nameless is None else self._nameless.names

    def warm_up(self, build: Callable[..., Batch]) -> RowWise:
        """Predicts the example whole, then row by row; raises what the model raises.

        `build` makes the batch afresh each time, with a matrix of the columns that it is given, if
        it has these alone.
        """
        found = self._look_at_rows(build())
        self._by_row = self._joinable and found.shown
        self._nameless = self._shown_nameless(build)
        return found

    def _shown_nameless(self, build: Callable[..., Batch]) -> Nameless | None:
        found = nameless(self._model)
        if found is None:
            return None
        matrix = build(found.names).data
        if not isinstance(matrix, np.ndarray):
            return None
        for rows in {min(1, len(matrix)), len(matrix)}:
            framed = self._one_call(build(), 0, rows)
            if not outputs.identical(found.predict(matrix[:rows].copy(order="K")), framed):
                return None
        return found

    def _look_at_rows(self, example: Batch) -> RowWise:
        if example.whole:
            outputs.encode(self._call(example))
            return RowWise(shown=False, reason="without a signature there is no telling rows apart")
        whole = self._one_call(example, 0, sum(example.rows))
        outputs.encode(whole)
        rows = min(sum(example.rows), _ROWS_COMPARED)
        if rows < 2:  # noqa: PLR2004 - one row has no neighbour
            return RowWise(shown=False, reason="the input example has fewer than two rows")
        try:
            return self._compare(example, rows)
        except Exception as error:  # noqa: BLE001 - whatever it raises for one row, it is not row-wise
            return RowWise(shown=False, reason=f"a single row failed with {type(error).__name__}")

    def predict(self, build: Callable[[], Batch], max_reply_bytes: int) -> list[bytes | Failure]:
        """One reply a request, in order; a call that raises is halved until the culprit is alone.

        `build` makes the batch afresh each time: a model may have changed what it was called with.
        """
        try:
            batch = build()
        except InputRefused as refused:
            print(refused, flush=True)  # noqa: T201 - the host's output is the front's log
            return [Outcome.INPUT_REFUSED]
        try:
            return self._predict_together(batch, max_reply_bytes)
        except BaseException as error:  # noqa: BLE001 - the model's SystemExit is an error of the request too
            failure = failure_of(error)
            reason = traceback.format_exc()
        if len(batch.rows) == 1:
            print(reason, flush=True)  # noqa: T201
            return [failure]
        middle, end = len(batch.rows) // 2, len(batch.rows)
        first = self.predict(lambda: build().part(0, middle), max_reply_bytes)
        return first + self.predict(lambda: build().part(middle, end), max_reply_bytes)

    def _predict_together(self, batch: Batch, max_reply_bytes: int) -> list[bytes | Failure]:
        prediction = self._call(batch)
        alone = len(batch.rows) == 1
        if self._by_row:
            outputs.check_by_row(prediction, sum(batch.rows))
        replies = (
            [outputs.encode(prediction)] if alone else outputs.encode_parts(prediction, batch.rows)
        )
        return [
            reply if len(reply) <= max_reply_bytes else Outcome.REPLY_TOO_LARGE for reply in replies
        ]

    def _compare(self, example: Batch, rows: int) -> RowWise:
        together = outputs.split(self._one_call(example, 0, rows), [1] * rows)
        for row, expected in enumerate(together):
            alone = outputs.split(self._one_call(example, row, row + 1), [1])[0]
            if not outputs.close(alone, expected, _TOLERANCE):
                return RowWise(
                    shown=False, reason="a row's answer depends on the rows that stand beside it"
                )
        return RowWise(shown=True, reason=f"{rows} example rows answered alike together and alone")

    def _one_call(self, example: Batch, first: int, last: int) -> Any:
        return self._call(Batch(take(example.data, first, last), (last - first,), example.params))

    def _call(self, batch: Batch) -> Any:
        data: ModelData = batch.data
        if self._nameless is not None and isinstance(data, np.ndarray):
            return self._nameless.predict(data)
        params: Mapping[str, Any] | None = batch.params
        if params is None:
            return self._model.predict(data)
        return self._model.predict(data, params=dict(params))
