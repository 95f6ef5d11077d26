"""Every kind of CSV that Podium and MLflow's scoring server read differently.

As in `tests.as_mlflow.table_differences`, with a text in place of a request.
"""

from collections.abc import Mapping
from typing import Any, Final

from tests.contract.signatures import array, column, nested, tensor

Differently = tuple[list[dict[str, Any]], str, str, str]
_FAILS: Final = "fails with MlflowException"

DIFFERENT_CSV: Final[Mapping[str, list[Differently]]] = {
    "csv-text": [
        ([column("string", "c")], "c\nNA\n", "c:object[nan]", "c:str['NA']"),
        ([column("string", "c", required=False)], "c\nnull\n", "c:object[nan]", "c:str['null']"),
    ],
    "wrong-type": [
        ([column("double", "c")], "c\ntrue\n", "c:float64[1.0]", "refused: type"),
        ([column("float", "c")], "c\ntrue\n", "c:float32[1.0]", "refused: type"),
        ([column("double", "c")], "c\ninf\n", "c:float64[inf]", "refused: type"),
    ],
    "lossy-number": [
        ([column("float", "c")], "c\n1e300\n", "c:float32[inf]", "refused: out_of_range"),
        ([column("float", "c")], "c\n16777217\n", "c:float32[16777216.0]", "refused: precision"),
        (
            [column("double", "c")],
            "c\n9007199254740993\n",
            "c:float64[9007199254740992.0]",
            "refused: precision",
        ),
    ],
    "refused-by-both": [
        ([column("boolean", "c")], "c\n2\n", _FAILS, "refused: type"),
        ([column("long", "c")], "c\n1.5\n", _FAILS, "refused: fraction"),
        ([column("integer", "c")], "c\n2147483648\n", _FAILS, "refused: out_of_range"),
    ],
    "base64": [
        ([column("binary", "c")], "c\naGk=\n", "c:object['aGk=']", "c:object[b'hi']"),
        ([column("binary", "c")], "c\n***\n", "c:object['***']", "refused: base64"),
    ],
    "datetime": [
        (
            [column("datetime", "c")],
            "c\n2026-05-01T08:00\n",
            _FAILS,
            "c:datetime64[ns][Timestamp('2026-05-01 08:00:00')]",
        ),
    ],
    "null-required": [
        (
            [column("double", "c"), column("long", "d")],
            "c,d\n,1\n",
            "c:float64[nan] d:int64[1]",
            "refused: null",
        ),
        (
            [column("string", "c"), column("long", "d")],
            "c,d\n,1\n",
            "c:object[nan] d:int64[1]",
            "refused: null",
        ),
    ],
    "null-optional": [
        (
            [column("boolean", "c", required=False), column("long", "d")],
            "c,d\n,1\n",
            _FAILS,
            "c:object[None] d:int64[1]",
        ),
    ],
    "csv-twice": [
        ([column("double", "c")], "c,c\n1,2\n", "c:float64[1.0]", "refused: duplicate_column"),
    ],
    "ragged-rows": [
        (
            [column("double", "a"), column("double", "b", required=False)],
            "a,b\n1\n",
            "a:float64[1.0] b:float64[nan]",
            "refused: shape",
        ),
        (
            [column("double", "a"), column("double", "b")],
            "a,b\n1,2,3\n",
            "a:float64[2.0] b:float64[3.0]",
            "refused: shape",
        ),
    ],
    "own-names": [([column("double")], "z\n1\n", "z:float64[1.0]", "0:float64[1.0]")],
    "csv-nested": [
        (
            [nested(array("long"), "c")],
            "c\n[1]\n",
            _FAILS,
            "fails with UnsupportedMediaType",
        ),
        (
            [tensor("float64", [-1, 2])],
            "a,b\n1,2\n",
            _FAILS,
            "fails with UnsupportedMediaType",
        ),
    ],
}
