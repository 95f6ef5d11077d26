"""From what a model returns to JSON, in the host, in MLflow's form.

Arrays become lists, DataFrames and Series records, bytes base64
(mlflow/utils/proto_json_utils.py, `_get_jsonable_obj` and `NumpyEncoder`); unlike there, NaN,
infinities and NaT become null, so that every reply is valid JSON.
"""

import base64
import datetime as dt
import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

_OPTIONS: Final = (
    orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME
)


class NotEncodable(Exception):
    """The model returned something that has no JSON form."""


class NotByRow(Exception):
    """A joined call returned something that cannot be split among its requests."""


def encode(prediction: Any) -> bytes:
    """JSON text; raises `NotEncodable`."""
    try:
        return orjson.dumps(_plain(prediction), default=_default, option=_OPTIONS)
    except (TypeError, ValueError, RecursionError) as error:
        raise NotEncodable(str(error)) from error


def split(prediction: Any, rows: Sequence[int]) -> list[Any]:
    """The part of each request; raises `NotByRow` unless there is exactly one answer a row."""
    if not isinstance(prediction, np.ndarray | pd.DataFrame | pd.Series | list):
        raise NotByRow(f"{type(prediction).__name__} has no rows")
    if len(prediction) != sum(rows):
        raise NotByRow(f"{len(prediction)} answers to {sum(rows)} rows")
    if isinstance(prediction, np.ndarray):
        prediction = prediction.tolist()
    sliced = prediction.iloc if isinstance(prediction, pd.DataFrame | pd.Series) else prediction
    parts, start = [], 0
    for count in rows:
        parts.append(sliced[start : start + count])
        start += count
    return parts


def close(left: Any, right: Any, tolerance: float) -> bool:
    """Whether two predictions are the same but for the last bits of their floats."""
    return _close(orjson.loads(encode(left)), orjson.loads(encode(right)), tolerance)


def _close(left: Any, right: Any, tolerance: float) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance)
    if isinstance(left, list) and isinstance(right, list):
        pairs = zip(left, right, strict=False)
        return len(left) == len(right) and all(_close(a, b, tolerance) for a, b in pairs)
    if isinstance(left, dict) and isinstance(right, dict):
        keys = left.keys()
        return keys == right.keys() and all(_close(left[k], right[k], tolerance) for k in keys)
    return bool(left == right) and type(left) is type(right)


def _plain(prediction: Any) -> Any:
    if isinstance(prediction, np.ndarray):
        return prediction.tolist()
    if isinstance(prediction, pd.Series):
        prediction = pd.DataFrame(prediction)
    if isinstance(prediction, pd.DataFrame):
        return prediction.to_dict(orient="records")
    return prediction


def _default(value: Any) -> Any:
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return _model_or_refuse(value)


def _model_or_refuse(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is None:
        raise TypeError(f"{type(value).__name__} has no JSON form")
    return dump()
