"""One loaded version, in the host: load, warm up, predict a batch."""

import contextlib
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import mlflow.pyfunc
import numpy as np
from mlflow.pyfunc import PyFuncModel

from service.host import output_tensors, outputs
from service.host.documents import InputRefused
from service.host.failures import failure_of
from service.host.few_rows import FewRows, few_rows, libraries
from service.host.inputs import Batch, ModelData, take
from service.host.row_wise.trial import refuted_by_example, refuted_by_others
from service.host.row_wise.walk import has_one_output, obstacle
from service.host.sklearn_matrix import Nameless, nameless
from service.host.wire import NoReply, PredictFault

_CLIENTS: Final = (PredictFault.INPUT_REFUSED, PredictFault.UNKNOWN_OUTPUT)
_KNOWN: Final = "every class in it is known to answer each row by itself"
_VOUCHED: Final = "the operator says so, and no row of the example tells otherwise"
_BY_OUTPUT: Final = "without an input example there is no telling whether it answers by rows"


@dataclass(frozen=True, slots=True)
class RowWise:
    """Whether the version is taken to answer each row by itself, and one sentence why or why not.

    Either every class in it is known to, or its operator says so; an example may refute both.
    """

    shown: bool
    reason: str


class LoadedModel:
    """A version that was loaded as MLflow loads it.

    `config` overrides what it was logged with as its `model_config`.
    With `may_choose_threads` a few rows get one thread of OpenMP, where that answers sooner.
    `joinable` is the operator's word on whether its requests may be joined; None: as is known of
    its classes, for which no input example is needed. If they may, every
    answer must have one element a row from then on, that of a lone request too: MLflow's server
    would pass on any number, but a version whose answers are split by rows must not begin to lie
    only where somebody can tell.
    """

    def __init__(
        self,
        path: str,
        config: dict[str, Any] | None = None,
        *,
        joinable: bool | None = None,
        may_choose_threads: bool = False,
    ) -> None:
        # Its warnings are of requirements, for which it reads what all installed packages say of
        # themselves: 0.9 of the 1.0 seconds that a load takes. Podium compares them in a gate.
        # An older MLflow does not take a configuration, and is given none that nobody has named.
        more = {} if config is None else {"model_config": config}
        self._model = mlflow.pyfunc.load_model(path, suppress_warnings=True, **more)
        self._joinable = joinable
        self._obstacle = obstacle(self._model)
        self._nameless: Nameless | None = None
        self._may_choose_threads = may_choose_threads
        self._few_rows: FewRows | None = None
        self._row_wise = self._before_any_example()
        self._announced: Sequence[Mapping[str, Any]] | None = None
        self._promised: output_tensors.Promised = {}

    @property
    def announced(self) -> Sequence[Mapping[str, Any]] | None:
        """The named outputs as the example's answer had them; None before, or without a form."""
        return self._announced

    @property
    def row_wise(self) -> RowWise:
        """What is held of it so far."""
        return self._row_wise

    @property
    def matrix_of(self) -> Sequence[str] | None:
        """The columns of which `predict` takes a matrix as well as a DataFrame, if any."""
        return None if self._nameless is None else self._nameless.names

    def warm_up(self, build: Callable[..., Batch]) -> RowWise:
        """Predicts the example whole; raises what the model raises.

        Then row by row, if its requests may be joined unless that refutes it. Rows that nobody has
        sent, made of the example's, are for known classes alone: they only compute, while code
        that nobody knows may ask or tell other systems, and would do so with invented rows.
        `build` makes the batch afresh each time, with a matrix of the columns that it is given, if
        it has these alone.
        """
        example = build()
        answer = self._call(example)
        outputs.encode(answer)
        self._announce(answer, sum(example.rows))
        self._row_wise = self._after(build())
        self._nameless = self._shown_nameless(build)
        if self._may_choose_threads and self._obstacle is None and not example.whole:
            self._few_rows = self._tried_few_rows(build())
        return self._row_wise

    def _announce(self, answer: Any, rows: int) -> None:
        with contextlib.suppress(outputs.NotEncodable):
            self._announced = output_tensors.announced(
                answer, rows, open_lengths=_has_open_lengths(self._model)
            )
            self._promised = {each["name"]: each["datatype"] for each in self._announced}

    def _before_any_example(self) -> RowWise:
        if self._joinable is None and self._obstacle is None:
            if self._answers_by_output():
                return RowWise(shown=False, reason=_BY_OUTPUT)
            return RowWise(shown=True, reason=_KNOWN)
        if self._joinable:
            return RowWise(shown=False, reason="the version ships no input example to try it by")
        return RowWise(shown=False, reason=self._obstacle or "nobody wishes it")

    def _answers_by_output(self) -> bool:
        """Whether it may answer a list with an element an output, instead of a row."""
        flavor = self._model.metadata.flavors["python_function"]
        asks_predict = flavor.get("predict_fn", "predict") == "predict"
        return not asks_predict and not has_one_output(self._model)

    def _after(self, example: Batch) -> RowWise:
        if self._joinable is False or (self._joinable is None and self._obstacle is not None):
            return self._row_wise
        if example.whole:
            return RowWise(shown=False, reason="without a signature there is no telling rows apart")
        refutation = self._refutation(example)
        if refutation is not None:
            return RowWise(shown=False, reason=refutation)
        return RowWise(shown=True, reason=_VOUCHED if self._joinable else _KNOWN)

    def _refutation(self, example: Batch) -> str | None:
        rows = sum(example.rows)

        def predict(data: ModelData) -> Any:
            return self._call(Batch(data, (rows,), example.params))

        found = refuted_by_example(predict, example.data, rows)
        if found is not None or self._obstacle is not None:
            return found
        return refuted_by_others(predict, example.data, rows, self._nullable())

    def _nullable(self) -> frozenset[str]:
        schema = self._model.metadata.get_input_schema()
        # Since MLflow 2.4.
        names_of = getattr(schema, "optional_input_names", tuple)
        return frozenset(names_of())

    def _shown_nameless(self, build: Callable[..., Batch]) -> Nameless | None:
        # What a class makes of a matrix is known of those alone that are as they were made.
        found = nameless(self._model) if self._obstacle is None else None
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

    def _tried_few_rows(self, example: Batch) -> FewRows | None:
        def predict(data: ModelData, rows: int) -> Any:
            return self._call(Batch(data, (rows,), example.params))

        return few_rows(predict, example.data, sum(example.rows), libraries())

    def predict(self, build: Callable[[], Batch], max_reply_bytes: int) -> list[bytes | NoReply]:
        """One reply a request, in order; a call that raises is halved until the culprit is alone.

        `build` makes the batch afresh each time: a model may have changed what it was called with.
        """
        try:
            batch = build()
        except InputRefused:
            return [PredictFault.INPUT_REFUSED]
        try:
            return self._predict_together(batch, max_reply_bytes)
        except BaseException as error:  # noqa: BLE001 - the model's SystemExit is an error of the request too
            failure = failure_of(error)
            reason = traceback.format_exc()
        if len(batch.rows) == 1:
            if failure not in _CLIENTS:  # whose text repeats what was sent
                print(reason, flush=True)  # noqa: T201 - the host's output is the front's log
            return [failure]
        middle, end = len(batch.rows) // 2, len(batch.rows)
        first = self.predict(lambda: build().part(0, middle), max_reply_bytes)
        return first + self.predict(lambda: build().part(middle, end), max_reply_bytes)

    def _predict_together(self, batch: Batch, max_reply_bytes: int) -> list[bytes | NoReply]:
        if self._few_rows is not None:
            self._few_rows.prepare(sum(batch.rows))
        prediction = self._call(batch)
        alone = len(batch.rows) == 1
        if self._row_wise.shown:
            outputs.check_by_row(prediction, sum(batch.rows))
        if batch.replies:
            replies = output_tensors.encode_parts(
                prediction, batch.rows, batch.replies, self._promised
            )
        elif alone:
            replies = [outputs.encode(prediction)]
        else:
            replies = outputs.encode_parts(prediction, batch.rows)
        return [
            reply if len(reply) <= max_reply_bytes else PredictFault.REPLY_TOO_LARGE
            for reply in replies
        ]

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


def _has_open_lengths(model: PyFuncModel) -> bool:
    """Whether tensors of its signature have lengths of any size beside the rows."""
    signature = model.metadata.signature
    schema = None if signature is None else signature.inputs
    if schema is None or not schema.is_tensor_spec():
        return False
    return any(-1 in tensor.shape[1:] for tensor in schema.inputs)
