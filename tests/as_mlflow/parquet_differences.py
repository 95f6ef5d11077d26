"""Every kind of Parquet file that Podium and MLflow's scoring server read differently.

As in `tests.as_mlflow.table_differences`, with the columns of a file in place of a request.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from tests.as_mlflow.table_differences import Different
from tests.contract.signatures import ANY, array, column, map_of, nested, object_of, tensor

_MAY: Final = dt.datetime(2026, 5, 1, 10, tzinfo=dt.timezone(dt.timedelta(hours=2)))
_EIGHT: Final = "c:datetime64[ns][Timestamp('2026-05-01 08:00:00')]"
_FAILS: Final = "fails with MlflowException"

DIFFERENT_PARQUET: Final[Mapping[str, list[Different]]] = {
    "lossless-cast": [
        ([column("integer", "c")], {"c": [1, 2]}, _FAILS, "c:int32[1, 2]"),
        ([column("long", "c")], {"c": [1.0, 2.0]}, _FAILS, "c:int64[1, 2]"),
        ([column("double", "c")], {"c": [1, 2]}, _FAILS, "c:float64[1.0, 2.0]"),
        ([column("float", "c")], {"c": [0.5]}, _FAILS, "c:float32[0.5]"),
        (
            [column("string", "c")],
            {"c": pa.array(["a"]).dictionary_encode()},
            _FAILS,
            "c:str['a']",
        ),
        (
            [nested(array("integer"), "c")],
            {"c": [[1, 2]]},
            _FAILS,
            "c:object[array([1, 2], dtype=int32)]",
        ),
        (
            [nested(map_of("long"), "c")],
            {"c": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))},
            _FAILS,
            "c:object[{'k': np.int64(1)}]",
        ),
    ],
    "datetime": [
        ([column("datetime", "c")], {"c": ["2026-05-01T08:00"]}, _FAILS, _EIGHT),
        (
            [column("datetime", "c")],
            {"c": pa.array([_MAY], pa.timestamp("us", "Europe/Berlin"))},
            _FAILS,
            _EIGHT,
        ),
        (
            [nested(object_of({"a": "datetime"}), "c")],
            {"c": [{"a": dt.datetime(2026, 5, 1, 8)}]},  # noqa: DTZ001 - as pandas writes them
            _FAILS,
            "c:object[{'a': Timestamp('2026-05-01 08:00:00')}]",
        ),
    ],
    "refused-by-both": [
        ([column("integer", "c")], {"c": [2**40]}, _FAILS, "refused: out_of_range"),
        ([column("double", "c")], {"c": [2**53 + 1]}, _FAILS, "refused: precision"),
        ([column("float", "c")], {"c": [1e300]}, _FAILS, "refused: out_of_range"),
    ],
    "null-required": [
        ([column("double", "c")], {"c": [0.5, None]}, "c:float64[0.5, nan]", "refused: null"),
        ([column("double", "c")], {"c": [float("nan")]}, "c:float64[nan]", "refused: null"),
        ([column("string", "c")], {"c": ["a", None]}, "c:str['a', nan]", "refused: null"),
    ],
    "wrong-type": [
        ([column("string", "c")], {"c": [b"x"]}, "c:object[b'x']", "refused: type"),
        ([nested(ANY, "c")], {"c": [b"x"]}, "c:object[b'x']", "refused: type"),
    ],
    "base64": [([column("binary", "c")], {"c": ["aGk="]}, "c:str['aGk=']", "c:object[b'hi']")],
    "any-type": [
        ([nested(ANY, "c")], {"c": [[1, 2]]}, "c:object[array([1, 2])]", "c:object[[1, 2]]"),
    ],
    "lossy-number": [([tensor("int64", [-1])], {"a": [1.5]}, "int64[1]", "refused: fraction")],
    "own-names": [([column("double")], {"p": [0.5]}, "p:float64[0.5]", "0:float64[0.5]")],
}
