"""What speaks against a version that is believed to answer each row by itself: a trial by rows.

The rows of its input example; for known classes also rows made of them that nobody has sent: at
several scales beside one another, with extremes, nulls where the signature allows them, duplicates,
and in another order. Together each must be answered as alone. A trial proves nothing: it only ever
refutes (P16).
"""

import contextlib
import copy
import io
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from service.host import outputs
from service.host.inputs import ModelData, take

# Further apart than this and a row's answer depends on more than the row.
_TOLERANCE: Final = 1e-9
# Where numbers of 1e30 cancel, less is left of the last bits. What looks at neighbours does not
# come so near.
_TOLERANCE_OF_EXTREMES: Final = 1e-6
# An input example may hold a whole training set; this many rows tell as much.
_ROWS_COMPARED: Final = 32
_TRIAL_SECONDS: Final = 0.25
_DEPENDS: Final = "a row's answer depends on the rows that stand beside it"

Predict = Callable[[ModelData], Any]
_BASE_ROWS: Final = 3
# Ordinary rows first, so that these are compared also where there is little time.
_FACTORS: Final = (1e6, 0.0, -1.0, 1e3, 1e-30, 1e30)
_DAYS: Final = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class _Row:
    """A row like that one of the example's, by that factor; or with nulls."""

    like: int
    factor: float = 1.0
    nulls: bool = False


def perturbed(example: ModelData, rows: int, nullable: frozenset[str]) -> tuple[ModelData, int]:
    """A few rows of the example's dtypes, and how many; the example is left as it was."""
    base = min(rows, _BASE_ROWS)
    plan = [_Row(like) for like in range(base)]
    plan += [_Row(place % base, factor) for place, factor in enumerate(_FACTORS)]
    plan += [_Row(0, nulls=True), _Row(0)]
    data = pick(example, [row.like for row in plan])
    if isinstance(data, pd.DataFrame):
        for place, name in enumerate(data.columns):
            changed = _changed(data.iloc[:, place].to_numpy(), plan, nulls=name in nullable)
            if changed is not None:
                data.isetitem(place, changed)
        return data, len(plan)
    return _changed_tensors(data, plan), len(plan)


def pick(data: ModelData, rows: Sequence[int]) -> ModelData:
    """Those rows, copied, as a request of them would have been."""
    if isinstance(data, pd.DataFrame):
        chosen = data.iloc[list(rows)]
        if isinstance(data.index, pd.RangeIndex):
            chosen.index = pd.RangeIndex(len(rows))
        return take(chosen, 0, len(rows))
    if isinstance(data, list):
        return [copy.deepcopy(data[row]) for row in rows]
    if isinstance(data, dict):
        return {name: _chosen(values, rows) for name, values in data.items()}
    return _chosen(data, rows)


def _chosen(values: np.ndarray[Any, Any], rows: Sequence[int]) -> np.ndarray[Any, Any]:
    return values[list(rows)] if values.shape else values.copy()


def _changed_tensors(data: ModelData, plan: Sequence[_Row]) -> ModelData:
    if isinstance(data, dict):
        return {name: _or_same(values, plan) for name, values in data.items()}
    return _or_same(data, plan) if isinstance(data, np.ndarray) else data


def _or_same(values: np.ndarray[Any, Any], plan: Sequence[_Row]) -> np.ndarray[Any, Any]:
    changed = _changed(values, plan, nulls=False) if values.shape else None
    return values if changed is None else changed


def _changed(
    values: np.ndarray[Any, Any], plan: Sequence[_Row], *, nulls: bool
) -> np.ndarray[Any, Any] | None:
    """The same dtype, each row as the plan says; None for what only its author can make more of."""
    if values.dtype.kind not in "fiubM":
        return None
    made = values.copy()
    for place, row in enumerate(plan):
        if nulls and row.nulls and values.dtype.kind in "fM":
            made[place] = np.nan if values.dtype.kind == "f" else np.datetime64("NaT")
        elif row.factor != 1.0:
            made[place] = _scaled(values[place], row.factor)
    return made


def _scaled(value: Any, factor: float) -> Any:
    kind = value.dtype.kind
    if kind == "b":
        return ~value
    if kind == "M":
        return value + np.timedelta64(int(np.clip(factor, -1e4, 1e4)) * _DAYS, "ns")
    # A zero grows as well.
    grown = np.where(value == 0, 1.0, value.astype("float64")) * factor
    if kind == "f":
        limits = np.finfo(value.dtype)
        return np.clip(grown, limits.min, limits.max).astype(value.dtype)
    whole = np.iinfo(value.dtype)
    # Half of the most: in 64 bits the most is no double.
    return np.clip(grown, whole.min // 2, whole.max // 2).astype(value.dtype)


def refuted_by_example(predict: Predict, example: ModelData, rows: int) -> str | None:
    """Why it does not answer each row of the example by itself, in one sentence; None: it does."""
    compared = min(rows, _ROWS_COMPARED)
    try:
        together = outputs.split(predict(take(example, 0, compared)), [1] * compared)
        for row in range(compared):
            alone = outputs.split(predict(take(example, row, row + 1)), [1])
            if not outputs.close(alone, [together[row]], _TOLERANCE):
                return _DEPENDS
    except Exception as error:  # noqa: BLE001 - whatever it raises for one row, it is not row-wise
        return f"a single row failed with {type(error).__name__}"
    return None


def refuted_by_others(
    predict: Predict, example: ModelData, rows: int, nullable: frozenset[str]
) -> str | None:
    """The same for rows made of the example's; `nullable` are the columns that may have nulls.

    Never of a version whose code nobody knows: these rows would reach whatever systems it asks or
    tells.
    Rows that nobody has sent may well be refused: that the model raises on one says nothing, if it
    does so alone and together. Takes a quarter of a second and the last call at most. What the
    model warns of, or prints, is not heard.
    """
    if not rows:
        return None
    with silence():
        data, count = perturbed(example, rows, nullable)
        return _Trial(predict, data).verdict(count)


@dataclass(slots=True)
class _Trial:
    predict: Predict
    data: ModelData

    def verdict(self, count: int) -> str | None:
        alone = dict(self._alone(count))
        answered = [row for row, answer in alone.items() if answer is not None]
        raised = [row for row, answer in alone.items() if answer is None]
        if not answered:
            return None
        for order in (answered, answered[::-1]):
            together = self._together(order)
            if together is None or not all(
                outputs.close(alone[row], [answer], _TOLERANCE_OF_EXTREMES)
                for row, answer in zip(order, together, strict=True)
            ):
                return _DEPENDS
        if raised and self._together([answered[0], raised[0]]) is not None:
            return "a row that fails alone is answered beside another"
        return None

    def _alone(self, count: int) -> Iterator[tuple[int, Any]]:
        """As many rows as there is time for: an answer each, None where there is none."""
        last = time.monotonic() + _TRIAL_SECONDS
        for row in range(count):
            yield row, self._together([row])
            if time.monotonic() > last:
                return

    def _together(self, rows: Sequence[int]) -> Any:
        """An answer a row; None if it raises, or answers otherwise."""
        try:
            return outputs.split(self.predict(pick(self.data, rows)), [1] * len(rows))
        except Exception:  # noqa: BLE001 - nobody has sent these rows
            return None


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """While it lasts, nothing is heard of what a model warns of, or prints."""
    nowhere = io.StringIO()
    with (
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        warnings.simplefilter("ignore")
        yield
