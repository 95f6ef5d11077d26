"""Every kind of nested value that Podium and MLflow's scoring server read differently.

As in `tests.as_mlflow.table_differences`.
"""

from collections.abc import Mapping
from typing import Any, Final

from tests.as_mlflow.table_differences import Different
from tests.contract.signatures import ANY, array, column, map_of, nested, object_of


def _cell(entry: dict[str, Any], value: Any, form: str = "dataframe_records") -> tuple[Any, Any]:
    """One nested column `c`, in a list of one row."""
    return [nested(entry, "c")], {form: [{"c": value}]}


def _whole(entry: dict[str, Any], value: Any) -> tuple[Any, Any]:
    """The same in an object under `inputs`."""
    return [nested(entry, "c")], {"inputs": {"c": value}}


_FAILS: Final = "fails with MlflowFailedTypeConversion"
_REFUSES: Final = "fails with MlflowInvalidInputException"
_LONGS: Final = object_of({"a": "long"})

DIFFERENT_NESTED: Final[Mapping[str, list[Different]]] = {
    "long-integer": [
        (*_cell(ANY, 2**64), "c:object[18446744073709551616]", "refused: out_of_range"),
        (
            *_cell(map_of(ANY), {"a": [-(2**63) - 1]}),
            "c:object[{'a': [-9223372036854775809]}]",
            "refused: out_of_range",
        ),
    ],
    "lossless-cast": [
        (*_cell(array("double"), [1, 2]), _FAILS, "c:object[[1.0, 2.0]]"),
        (*_cell(array("float"), [0.5]), _FAILS, "c:object[[0.5]]"),
        (*_cell(array("integer"), [5]), _FAILS, "c:object[[5]]"),
        (*_cell(array("long"), [5.0]), _FAILS, "c:object[[5]]"),
        (
            *_cell(array("datetime"), ["2026-05-01"]),
            _FAILS,
            "c:object[array(['2026-05-01T00:00:00.000000000'], dtype='datetime64[ns]')]",
        ),
        (
            *_cell(object_of({"a": "datetime"}), {"a": "2026-05-01"}),
            _FAILS,
            "c:object[{'a': Timestamp('2026-05-01 00:00:00')}]",
        ),
        (*_cell(map_of("integer"), {"a": 5}), _FAILS, "c:object[{'a': np.int32(5)}]"),
        (*_cell(map_of("double"), {"a": 5}), _FAILS, "c:object[{'a': np.float64(5.0)}]"),
    ],
    "base64": [
        (*_cell(array("binary"), ["aGk="]), "c:object[[b'aGk=']]", "c:object[[b'hi']]"),
        (
            *_cell(map_of("binary"), {"a": "aGk="}),
            "c:object[{'a': 'aGk='}]",
            "c:object[{'a': b'hi'}]",
        ),
        (*_cell(map_of("binary"), {"a": "***"}), "c:object[{'a': '***'}]", "refused: base64"),
    ],
    "zero-bytes": [
        (*_cell(array("string"), ["a\0"]), "c:object[['a']]", "refused: nul"),
        (*_cell(array("binary"), ["AA=="]), "c:object[[b'AA==']]", "refused: nul"),
    ],
    "null-required": [
        (*_cell(array("boolean"), [None, True]), "c:object[[False, True]]", "refused: null"),
        (*_cell(array("string"), ["abc", None]), "c:object[['a', 'n']]", "refused: null"),
    ],
    "refused-by-both": [
        (*_cell(array("boolean"), [1]), _FAILS, "refused: type"),
    ],
    "lossy-number": [
        (
            [nested(ANY, "c")],
            {"dataframe_records": [{"c": 2**53 + 1}, {"c": None}]},
            "c:float64[9007199254740992.0, nan]",
            "refused: precision",
        ),
    ],
    "null-optional": [
        (
            [nested(_LONGS, "c", required=False), column("long", "d")],
            {"dataframe_records": [{"c": {"a": 1}, "d": 1}, {"d": 2}]},
            _FAILS,
            "c:object[{'a': np.int64(1)}, None] d:int64[1, 2]",
        ),
        (
            [nested(array("long"), "c", required=False)],
            {"inputs": {"c": None}},
            "fails with TypeError",
            "c:object[None]",
        ),
    ],
    "any-format": [
        (
            [nested(array(ANY), "c")],
            {"instances": [{"c": [1]}, {"c": [2]}]},
            "c:object[array([[1],\n       [2]])]",
            "c:object[array([1]), array([2])]",
        ),
        (
            *_cell(array("long"), [1], "instances"),
            "fails with ValueError",
            "c:object[array([1])]",
        ),
        (
            *_cell(_LONGS, {"a": 1}, "instances"),
            "fails with MlflowException",
            "c:object[{'a': np.int64(1)}]",
        ),
        (
            *_whole(array(array("long")), [[1], [2, 3]]),
            _REFUSES,
            "c:object[[[1], [2, 3]]]",
        ),
        (
            [nested(array("long"))],
            {"inputs": [[1], [2]]},
            _REFUSES,
            "0:object[array([1]), array([2])]",
        ),
        ([nested(ANY)], {"inputs": [[1, 2]]}, "0:int64[1]", "0:object[[1, 2]]"),
    ],
    "any-type": [
        (
            *_whole(array(ANY), [1, "a"]),
            "c:object[array(['1', 'a'], dtype='<U1')]",
            "c:object[[1, 'a']]",
        ),
    ],
    "keys-as-rows": [
        (*_whole(ANY, {"a": 1, "b": 2}), "c:int64[1, 2]", "c:object[{'a': 1, 'b': 2}]"),
        (
            *_whole(map_of("long"), {"a": 1}),
            "fails with MlflowException",
            "c:object[{'a': np.int64(1)}]",
        ),
        (*_whole(map_of("long"), {}), "c:object[]", "c:object[{}]"),
    ],
}
