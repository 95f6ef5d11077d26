"""One thread of OpenMP for a few rows, where a version answers them sooner with it.

OpenMP divides any number of rows among all threads that it may start, and waits for the last of
them; while cores are busy, that is for one that is on none. A row then takes XGBoost, LightGBM or a
HistGradientBoosting three times as long with two threads as with one.

It is measured with each version's own example, and only of classes that are known to compute and
do nothing else. Answers must be the same to the last bit with either number.
"""

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, Final, Protocol

from service.host import outputs
from service.host.inputs import ModelData
from service.host.row_wise.trial import pick, silence
from service.host.wire import OPENMP, OPENMP_IS_SHARED_OUT

# It comes with scikit-learn, and is of use only where OpenMP is.
with contextlib.suppress(ImportError):
    from threadpoolctl import ThreadpoolController

# What is tried, the fewest first: what clients send one by one, joined or not.
_ROWS: Final = (1, 8, 64)
_ROUNDS: Final = 5
_LEAST_ROUNDS: Final = 2
_SECONDS: Final = 0.5
# One thread must take less than this part of the time: what is as good as equal is left alone.
_CLEARLY: Final = 0.9


class OpenMp(Protocol):
    """One library of OpenMP that is loaded, as threadpoolctl has it."""

    num_threads: int

    def set_num_threads(self, num_threads: int) -> None:
        """From now on, for what this thread asks of it."""


class FewRows:
    """Gives calls of up to `most` rows one thread, and all others what they had before."""

    def __init__(self, libraries: Sequence[OpenMp], most: int) -> None:
        self.most = most
        self._allowed = [(each, each.num_threads) for each in libraries]
        self._alone = False

    def prepare(self, rows: int) -> None:
        """For a call of so many rows; costs nothing where the one before was as small, or large."""
        alone = rows <= self.most
        if alone is not self._alone:
            self._alone = alone
            for library, allowed in self._allowed:
                library.set_num_threads(1 if alone else allowed)


def may_be_chosen(wished: Mapping[str, str]) -> bool:
    """Whether no operator has said how many threads there are, for all hosts or for this one."""
    told = any(name.startswith(OPENMP) for name in wished)
    return OPENMP_IS_SHARED_OUT in os.environ and not told


def libraries() -> Sequence[OpenMp]:
    """Those of this process that may start more than one thread; none where numbers hang on it."""
    if "ThreadpoolController" not in globals():
        return ()
    with silence():
        found = ThreadpoolController().lib_controllers
    if any(getattr(each, "threading_layer", None) == "openmp" for each in found):
        return ()  # sums of matrices are then its own, too
    return [each for each in found if each.user_api == "openmp" and each.num_threads > 1]


def few_rows(
    predict: Callable[[ModelData, int], Any],
    example: ModelData,
    rows: int,
    found: Sequence[OpenMp],
    clock: Callable[[], float] = time.perf_counter,
) -> FewRows | None:
    """For which calls one thread is enough, tried with the example's rows; None: for none.

    Takes half a second and the last calls at most; what the model prints is not heard.
    """
    if not rows or not found:
        return None
    last, best = clock() + _SECONDS, None
    with silence():
        for most in _ROWS:
            made = FewRows(found, most)

            def call(made: FewRows = made) -> Any:
                return predict(pick(example, [row % rows for row in range(made.most)]), made.most)

            try:
                if not _sooner_alone(call, made, clock, last):
                    break
                best = made
            except Exception:  # noqa: BLE001 - it raises, or answers otherwise: left as it was
                return None
            finally:
                made.prepare(most + 1)
    return best


def _sooner_alone(
    call: Callable[[], Any], made: FewRows, clock: Callable[[], float], last: float
) -> bool:
    """Also false where there is no time to tell; raises ValueError where answers differ."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    answers = set[bytes]()
    for _ in range(1 + _ROUNDS):
        for alone, times in taken.items():
            made.prepare(made.most if alone else made.most + 1)
            began = clock()
            answer = call()
            times.append(clock() - began)
            answers.add(outputs.encode(answer))
        if clock() > last:
            break
    # The first call may set something up.
    one, all_ = (times[1:] for times in taken.values())
    if len(answers) > 1:
        raise ValueError("it answers otherwise with one thread")
    return len(one) >= _LEAST_ROUNDS and median(one) < _CLEARLY * median(all_)
