"""Every kind of request that Podium and MLflow's scoring server read differently.

Each stands under the name of the rule in docs/requests.md that says why: a signature, a request,
what MLflow hands the model, and what Podium hands it, as `tests.host.handed.brief` puts it.
Where only the notation of a request decides, the others of its kind are left out.
"""

from collections.abc import Mapping
from typing import Any, Final

from tests.contract.signatures import array, column, map_of, tensor

Different = tuple[list[dict[str, Any]], dict[str, Any], str, str]


def _framed(type_: str, *values: Any, required: bool = True) -> tuple[Any, Any]:
    """One column `c` by `dataframe_records`."""
    signature = [column(type_, "c", required=required)]
    return signature, {"dataframe_records": [{"c": value} for value in values]}


def _listed(type_: str, *values: Any, required: bool = True) -> tuple[Any, Any]:
    """One column `c` by `inputs`."""
    return [column(type_, "c", required=required)], {"inputs": {"c": list(values)}}


_ZONED: Final = "2026-05-01T10:00:00+02:00"
_MAY_DAY: Final = "Timestamp('2026-05-01 00:00:00')"
_MAY_DAY_MORNING: Final = "Timestamp('2026-05-01 10:00:00.500000')"
_AS_NANOSECONDS: Final = "c:datetime64[ns][Timestamp('1970-01-01 00:00:01.700000')]"

DIFFERENT_TABLES: Final[Mapping[str, list[Different]]] = {
    "lossy-number": [
        (*_framed("long", 1.7), "c:int64[1]", "refused: fraction"),
        (*_listed("long", 1.7), "c:int64[1]", "refused: fraction"),
        (*_framed("integer", 2**40), "c:int32[0]", "refused: out_of_range"),
        (*_framed("double", 2**53 + 1), "c:float64[9007199254740992.0]", "refused: precision"),
        (*_framed("float", 1e300), "c:float32[inf]", "refused: out_of_range"),
        ([tensor("int64", [-1])], {"inputs": [1.7]}, "int64[1]", "refused: fraction"),
    ],
    "wrong-type": [
        (*_framed("long", "7"), "c:int64[7]", "refused: type"),
        (*_framed("long", True), "c:int64[1]", "refused: type"),
        (*_framed("boolean", "false"), "c:bool[True]", "refused: type"),
        (*_framed("boolean", 2), "c:bool[True]", "refused: type"),
        (*_framed("double", "3.5"), "c:float64[3.5]", "refused: type"),
        (*_framed("double", True), "c:float64[1.0]", "refused: type"),
        (*_framed("string", 5), "c:object[5]", "refused: type"),
        (*_listed("string", 5), "c:str['5']", "refused: type"),
        (*_framed("string", {"a": 1}), "c:object[{'a': 1}]", "refused: type"),
        ([tensor("uint8", [-1])], {"inputs": [True]}, "uint8[1]", "refused: type"),
        ([tensor("float32", [-1])], {"inputs": ["1.5"]}, "float32[1.5]", "refused: type"),
        ([tensor("str", [-1])], {"inputs": [5]}, "<U1['5']", "refused: type"),
    ],
    "null-required": [
        (*_framed("double", None), "c:float64[nan]", "refused: null"),
        (*_framed("string", None), "c:object[None]", "refused: null"),
        (*_framed("boolean", None), "c:bool[False]", "refused: null"),
        (*_framed("datetime", None), "c:datetime64[ns][NaT]", "refused: null"),
        (*_listed("string", None), "c:str['None']", "refused: null"),
        (*_listed("binary", None), "c:object[b'None']", "refused: null"),
        ([tensor("float64", [-1])], {"inputs": [None]}, "float64[nan]", "refused: null"),
    ],
    "null-optional": [
        (
            *_framed("boolean", True, None, required=False),
            "c:bool[True, False]",
            "c:object[True, None]",
        ),
        (
            *_listed("boolean", True, None, required=False),
            "c:bool[True, False]",
            "c:object[True, None]",
        ),
        (*_listed("string", "a", None, required=False), "c:str['a', 'None']", "c:str['a', nan]"),
        (
            *_framed("binary", "aGk=", None, required=False),
            "fails with MlflowFailedTypeConversion",
            "c:object[b'hi', None]",
        ),
    ],
    "refused-by-both": [
        (
            *_framed("long", None, required=False),
            "fails with MlflowFailedTypeConversion",
            "refused: null",
        ),
        (
            *_listed("integer", 1, None, required=False),
            "fails with MlflowInvalidInputException",
            "refused: null",
        ),
    ],
    "exact-integer": [
        # A single 2.0 makes doubles of the integers beside it.
        (
            *_framed("long", 2.0, 2**60 + 1),
            "c:int64[2, 1152921504606846976]",
            "c:int64[2, 1152921504606846977]",
        ),
        (
            [tensor("uint64", [-1, 2])],
            {"dataframe_split": {"data": [[[1, 2**64 - 1]]]}},
            "uint64[[1, 0]]",
            "uint64[[1, 18446744073709551615]]",
        ),
    ],
    "zero-bytes": [
        (*_listed("string", "a\0"), "c:str['a']", r"c:str['a\x00']"),
        ([tensor("str", [-1])], {"inputs": ["a\0"]}, "<U2['a']", "refused: nul"),
    ],
    "base64": [
        (*_framed("binary", "***"), "c:object[b'']", "refused: base64"),
        (*_listed("binary", "aGk="), "c:object[b'aGk=']", "c:object[b'hi']"),
    ],
    "ragged-rows": [
        (
            [column("double", "a"), column("double", "b")],
            {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3]]}},
            "a:float64[1.0, 3.0] b:float64[2.0, nan]",
            "refused: shape",
        ),
    ],
    "datetime": [
        (*_framed("datetime", 1700000000), _AS_NANOSECONDS, "refused: type"),
        (*_framed("datetime", ""), "c:datetime64[ns][NaT]", "refused: datetime"),
        (*_listed("datetime", "NaT"), "c:datetime64[ns][NaT]", "refused: datetime"),
        (
            *_listed("datetime", "1500-01-01"),
            "c:datetime64[ns][Timestamp('2084-07-20 23:34:33.709551616')]",
            "refused: out_of_range",
        ),
        (
            *_framed("datetime", _ZONED),
            "fails with MlflowException",
            "c:datetime64[ns][Timestamp('2026-05-01 08:00:00')]",
        ),
        (
            *_framed("datetime", "2026-05-01", "2026-05-01T10:00:00.5"),
            "fails with MlflowFailedTypeConversion",
            f"c:datetime64[ns][{_MAY_DAY}, {_MAY_DAY_MORNING}]",
        ),
        (
            *_framed("datetime", "2026-05"),
            "c:datetime64[ns][Timestamp('2026-05-01 00:00:00')]",
            "refused: datetime",
        ),
    ],
    "any-format": [
        (*_listed("string"), "c:str[]", "c:object[]"),
        (
            [column("double", "a"), column("double", "b", required=False)],
            {"instances": [{"a": 1, "b": 1}, {"a": 2}]},
            "fails with MlflowException",
            "a:float64[1.0, 2.0] b:float64[1.0, nan]",
        ),
        (
            [column("double", "a"), column("float", "b", required=False)],
            {"inputs": [{"a": 1, "b": 1}, {"a": 2}]},
            "fails with MlflowException",
            "a:float64[1.0, 2.0] b:float32[1.0, nan]",
        ),
        ([tensor("int64", [-1])], {"inputs": []}, "fails with MlflowException", "int64[]"),
        (
            [tensor("int64", [], "t")],
            {"instances": {"t": 1}},
            "fails with MlflowInvalidInputException",
            "t:int64 1",
        ),
        (
            [tensor("int64", [-1, 2], "t")],
            {"inputs": [{"t": [1, 2]}]},
            "fails with MlflowException",
            "t:int64[[1, 2]]",
        ),
        (
            [tensor("int64", [-1], "t")],
            {"dataframe_split": {"columns": ["t"], "index": [7], "data": [[1]]}},
            "fails with KeyError",
            "t:int64[1]",
        ),
        (
            [tensor("str", [-1, 2])],
            {"dataframe_split": {"data": [["a", "b"]]}},
            "fails with MlflowException",
            "<U1[['a', 'b']]",
        ),
    ],
    "own-names": [
        ([column("double")], {"dataframe_records": [{"z": 1}]}, "z:float64[1.0]", "0:float64[1.0]"),
        ([column("long")], {"inputs": [{"z": 5}]}, "fails with MlflowException", "0:int64[5]"),
    ],
    "first-type": [
        (
            [column("integer"), column("double")],
            {"inputs": [[5, 2.5]]},
            "0:int32[5] 1:float64[2.0]",
            "0:int32[5] 1:float64[2.5]",
        ),
        (
            [column("string"), column("double")],
            {"instances": [["a", 2.5]]},
            "fails with MlflowException",
            "0:str['a'] 1:float64[2.5]",
        ),
    ],
    "no-column": [
        (
            [column("double", "a", required=False)],
            {"dataframe_split": {"columns": ["z"], "data": [[1], [2]]}},
            "",
            "refused: missing",
        ),
    ],
}

# The type of a param `p`, a value for it, and what both make of that.
DIFFERENT_PARAMS: Final[Mapping[str, list[tuple[str, Any, str, str]]]] = {
    "lossless-cast": [
        ("integer", 5.0, "fails with MlflowException", "{'p': 5}"),
        ("long", 5.0, "fails with MlflowException", "{'p': 5}"),
    ],
    "lossy-number": [
        ("integer", 2**40, "{'p': 1099511627776}", "refused: out_of_range"),
        ("float", 1e300, "{'p': 1e+300}", "refused: out_of_range"),
        ("double", 2**53 + 1, "{'p': 9007199254740992.0}", "refused: precision"),
    ],
    "refused-by-both": [
        ("long", "5", "fails with MlflowException", "refused: type"),
        ("boolean", 1, "fails with MlflowException", "refused: type"),
        ("datetime", 5, "fails with MlflowException", "refused: type"),
    ],
}

# The type of a property `a` of a param `p`, a value for it, and what both make of that.
DIFFERENT_OBJECT_PARAMS: Final[Mapping[str, list[tuple[Any, Any, str, str]]]] = {
    "lossless-cast": [
        ("long", 5.0, "fails with MlflowException", "{'p': {'a': 5}}"),
        ("double", 5, "fails with MlflowException", "{'p': {'a': 5.0}}"),
        (array("double"), [5], "fails with MlflowException", "{'p': {'a': [5.0]}}"),
        (array("double"), [5, None], "{'p': {'a': [5, None]}}", "{'p': {'a': [5.0, None]}}"),
    ],
    "refused-by-both": [
        # What no JSON value is of for MLflow: its own clients cannot send it either.
        ("integer", 5, "fails with MlflowException", "refused: type"),
        ("float", 0.5, "fails with MlflowException", "refused: type"),
        ("datetime", "2026-05-01", "fails with MlflowException", "refused: type"),
        (array("integer"), [5], "fails with MlflowException", "refused: type"),
        (map_of("float"), {"k": 0.5}, "fails with MlflowException", "refused: type"),
        ("long", "5", "fails with MlflowException", "refused: type"),
    ],
    "base64": [("binary", "***", "{'p': {'a': '***'}}", "refused: base64")],
    "null-required": [
        (array("string"), ["a", None], "{'p': {'a': ['a', None]}}", "refused: null"),
    ],
    "zero-bytes": [(array("string"), ["a\0"], r"{'p': {'a': ['a\x00']}}", "refused: nul")],
}
