"""From what a model returns to JSON, in the host, in MLflow's form.

Arrays become lists, DataFrames and Series records, bytes base64
(mlflow/utils/proto_json_utils.py, `_get_jsonable_obj` and `NumpyEncoder`). Unlike there, NaN,
infinities, NaT and NA become null, so that every reply is valid JSON, and base64 is one line.
"""

import base64
import datetime as dt
import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

from service.contract.alike import alike

# Not OPT_SERIALIZE_NUMPY: it writes a 32-bit 1.1 as 1.1, where MLflow writes the double of the same
# value, 1.100000023841858, and nanoseconds as text, where MLflow writes an integer.
_OPTIONS: Final = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME

# What stands before, between and after the rows of an array of so many dimensions.
_CUT: Final = {1: (b"[", b",", b"]"), 2: (b"[[", b"],[", b"]]")}
_PLAIN_KINDS: Final = frozenset("biuf")


class NotEncodable(Exception):
    """The model returned something that has no JSON form."""


class NotByRow(Exception):
    """Not one answer for each row, from a version that was shown to give one."""


def encode(prediction: Any) -> bytes:
    """JSON text; raises `NotEncodable`."""
    plain = _plain(prediction)
    try:
        return orjson.dumps(plain, default=_default, option=_OPTIONS)
    except TypeError:
        return _encode_slowly(plain)


def check_by_row(prediction: Any, rows: int) -> None:
    """Raises `NotByRow` unless there is exactly one answer a row."""
    listed = isinstance(prediction, pd.DataFrame | pd.Series | list)
    if not listed and not (isinstance(prediction, np.ndarray) and prediction.ndim):
        raise NotByRow(f"{type(prediction).__name__} has no rows")
    if len(prediction) != rows:
        raise NotByRow(f"{len(prediction)} answers to {rows} rows")


def split(prediction: Any, rows: Sequence[int]) -> list[Any]:
    """The part of each request; raises `NotByRow` unless there is exactly one answer a row."""
    check_by_row(prediction, sum(rows))
    if isinstance(prediction, np.ndarray):
        prediction = prediction.tolist()
    sliced = prediction.iloc if isinstance(prediction, pd.DataFrame | pd.Series) else prediction
    parts, start = [], 0
    for count in rows:
        parts.append(sliced[start : start + count])
        start += count
    return parts


def encode_parts(prediction: Any, rows: Sequence[int]) -> list[bytes]:
    """The JSON text of each request's part; raises `NotByRow` and `NotEncodable`."""
    if not isinstance(prediction, np.ndarray) or prediction.dtype.kind not in _PLAIN_KINDS:
        return [encode(part) for part in split(prediction, rows)]
    if prediction.ndim not in _CUT:
        return [encode(part) for part in split(prediction, rows)]
    check_by_row(prediction, sum(rows))
    # Encoded once and cut: no number, true, false or null has a comma in it.
    opening, comma, closing = _CUT[prediction.ndim]
    cells = encode(prediction)[len(opening) : -len(closing)].split(comma)
    parts, start = [], 0
    for count in rows:
        cut = comma.join(cells[start : start + count])
        parts.append(opening + cut + closing if count else b"[]")
        start += count
    return parts


def identical(left: Any, right: Any) -> bool:
    """Whether two predictions are arrays of one dtype, and the same to the last bit."""
    if not isinstance(left, np.ndarray) or not isinstance(right, np.ndarray):
        return False
    alike = (left.dtype, left.shape) == (right.dtype, right.shape)
    return alike and encode(left) == encode(right)


def close(left: Any, right: Any, tolerance: float) -> bool:
    """Whether two predictions are the same but for the last bits of their floats."""
    return alike(json.loads(encode(left)), json.loads(encode(right)), tolerance)


def _encode_slowly(plain: Any) -> bytes:
    # What orjson has no form for and the standard library has: integers of more than 64 bits, keys
    # of numpy's double. Its NaN and infinities are read back as null.
    try:
        finite = json.loads(json.dumps(plain, default=_default), parse_constant=lambda _: None)
        return json.dumps(finite, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotEncodable(str(error)) from error


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
