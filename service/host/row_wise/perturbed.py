"""Rows that nobody has sent, made of an input example's own."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from service.host.inputs import ModelData, take

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
