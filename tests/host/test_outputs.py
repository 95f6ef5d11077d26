"""What a model returns is encoded as MLflow's scoring server encodes it, and always valid JSON."""

import base64
import datetime as dt
import decimal
import enum
import io
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pydantic
import pytest
from mlflow.pyfunc.scoring_server import predictions_to_json

from service.host.outputs import NotByRow, NotEncodable, close, encode, split
from tests.as_mlflow.reply_differences import DIFFERENT_REPLIES

REPLIES = [
    pytest.param(*case, id=f"{rule}-{number}")
    for rule, listed in DIFFERENT_REPLIES.items()
    for number, case in enumerate(listed)
]
NUMBERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "float32", "float64"]
NOON = dt.datetime(2026, 5, 1, 12, 0, 0, 5, tzinfo=dt.UTC)


class Answer(pydantic.BaseModel):
    """What a model with type hints returns."""

    label: str = "a"
    odds: list[float] = [0.25, 0.75]


class Colour(enum.IntEnum):
    """A label that is an integer."""

    RED = 1


SAME: list[Any] = [
    *(np.array([0, 1, np.iinfo(dtype).max], dtype=dtype) for dtype in NUMBERS),
    *(np.array([0.1, -0.0, np.finfo(dtype).max], dtype=dtype) for dtype in FLOATS),
    *(np.array([[0.1], [2]], dtype=dtype) for dtype in FLOATS),
    np.array([True, False]),
    np.array(["a", "ä\U0001f600"]),
    np.array([1, "a", None, 2.5, np.float32(0.1), [np.int8(1)]], dtype=object),
    np.array(["2026-05-01", "NaT"], dtype="datetime64[ns]"),
    np.array(["2026-05-01T10:00", "NaT"], dtype="datetime64[us]"),
    np.array(["2026-05-01"], dtype="datetime64[D]"),
    np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
    np.array(5.5),
    np.array([]),
    np.empty((2, 0)),
    pd.DataFrame({"a": [1, 2], "b": [0.1, 2], "c": ["x", None], "d": [True, False]}, dtype=object),
    pd.DataFrame({"a": np.array([0.1], dtype="float32"), "b": np.array([1], dtype="int8")}),
    pd.DataFrame({"a": pd.to_datetime(["2026-05-01T10:00:00.123456789+02:00"])}),
    pd.DataFrame({"a": pd.Categorical(["x", "y"]), "b": pd.array([1, 2], dtype="Int64")}),
    pd.DataFrame({"a": [np.array([0.1], dtype="float32"), [1, {"b": np.int64(2)}]]}),
    pd.DataFrame({0: [1], 1: [2.5]}),
    pd.DataFrame({1.5: [1]}),
    pd.DataFrame([[1, 2]], index=["left out"]),
    pd.DataFrame(),
    pd.Series([1, 2]),
    pd.Series([0.1], name="odds", index=["left out"]),
    pd.Series([], dtype=float),
    {"a": np.array([0.1], dtype="float32"), "b": np.float32(0.1), "c": np.int64(3)},
    {"a": np.bool_(True), "b": np.str_("q"), "c": [np.uint64(2**64 - 1)], "d": {"e": None}},
    {1: 2, None: 3, 1.5: 4, np.float64(2.5): 5, np.str_("b"): 6},
    {True: 1, False: 2},
    [np.float32(0.1), np.float64(0.1), np.float16(0.1), np.int8(1), np.bool_(False)],
    [np.datetime64("2026-05-01"), np.datetime64("2026-05-01T10:00:00.123456789")],
    [np.datetime64("NaT"), None],
    [np.array([0.1], dtype="float32"), np.array(["2026-05-01"], dtype="datetime64[ns]")],
    [1, 2.5, "a", None, True, [], {}],
    (1, (2,)),
    [NOON, NOON.date(), NOON.time(), pd.Timestamp(NOON)],
    [Answer(), {"a": Answer()}],
    Colour.RED,
    5,
    0.1,
    1e-320,
    "text",
    None,
    True,
    np.float32(0.1),
    np.int64(2**63 - 1),
    2**64,
    [-(2**70), 1.5],
    pd.Series(pd.array([1, None], dtype="Int64")),
]


def by_mlflow(prediction: Any) -> Any:
    """The predictions in the reply of MLflow's scoring server."""
    text = io.StringIO()
    predictions_to_json(prediction, text)  # type: ignore[no-untyped-call]  # MLflow annotates little
    return json.loads(text.getvalue())["predictions"]


@pytest.mark.parametrize("prediction", SAME, ids=repr)
def test_reply_is_mlflows(prediction: Any) -> None:
    """To the last digit and the type of each value."""
    assert repr(json.loads(encode(prediction))) == repr(by_mlflow(prediction))


@pytest.mark.parametrize(("prediction", "mlflows", "expected"), REPLIES)
def test_reply_differs_from_mlflows_only_as_said(
    prediction: Any, mlflows: str, expected: Any
) -> None:
    """Not a number is null, bytes are base64 without line breaks, and NA does not fail."""
    try:
        theirs = repr(by_mlflow(prediction))
    except TypeError:
        theirs = "TypeError"
    assert theirs == mlflows
    try:
        ours = json.loads(encode(prediction), parse_constant=refuse)
    except NotEncodable:
        ours = NotEncodable
    assert ours == expected


def refuse(constant: str) -> None:
    """Fails on NaN and Infinity, which no JSON has."""
    raise AssertionError(constant)


def test_bytes_come_back_whole() -> None:
    """Also such as MLflow would break into lines."""
    data = bytes(range(256))
    assert base64.b64decode(json.loads(encode(data)), validate=True) == data


def endless() -> list[Any]:
    """A list that holds itself."""
    made: list[Any] = []
    made.append(made)
    return made


@pytest.mark.parametrize(
    "prediction",
    [
        object(),
        [object()],
        {1, 2},
        1j,
        np.array([1j]),
        np.array([0.1], dtype="longdouble"),
        decimal.Decimal("0.1"),
        dt.timedelta(1),
        pd.Timedelta("1s"),
        np.array([1], dtype="timedelta64[s]"),
        pd.Index([1]),
        {"a": pd.DataFrame({"b": [1]})},
        {(1, 2): 3},
        {np.int64(1): 2},
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])),
        iter([1]),
        "\ud800",
        endless(),
    ],
    ids=lambda prediction: type(prediction).__name__,
)
def test_what_has_no_json_form_is_refused(prediction: Any) -> None:
    """With one error, whatever it is: MLflow's server fails on nearly all of these as well."""
    with pytest.raises(NotEncodable):
        encode(prediction)


@pytest.mark.parametrize(
    "prediction",
    [
        np.array([0.1, 0.2, 0.3], dtype="float32"),
        np.array([[1, 2], [3, 4], [5, 6]]),
        np.array(["2026-05-01", "NaT", "2026-05-02"], dtype="datetime64[us]"),
        np.array([b"a", b"b", b"c"]),
        pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "y"]}, index=[7, 7, 8]),
        pd.Series([0.1, 0.2, np.nan], name="odds"),
        ["a", {"b": 1}, None],
    ],
    ids=repr,
)
def test_joined_answers_are_split_by_row(prediction: Any) -> None:
    """The parts in order are the whole, also where one request has no rows."""
    parts = [json.loads(encode(part)) for part in split(prediction, [1, 0, 2])]
    assert [len(part) for part in parts] == [1, 0, 2]
    assert parts[0] + parts[2] == json.loads(encode(prediction))


@pytest.mark.parametrize(
    "prediction",
    [
        {"a": [1, 2, 3]},
        "abc",
        5,
        None,
        np.array(5),
        (1, 2, 3),
        [1, 2],
        [1, 2, 3, 4],
        np.array([[1, 2, 3]]),
        pd.DataFrame({"a": [1, 2]}),
    ],
    ids=repr,
)
def test_answers_that_are_not_one_a_row_are_not_split(prediction: Any) -> None:
    """Nobody could say whose they are."""
    with pytest.raises(NotByRow):
        split(prediction, [1, 2])


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([1.0], [1.0 + 1e-12], True),
        ([1e12], [1e12 + 1e-3], True),
        ([1.0], [1.0001], False),
        ([1], [1.0], False),
        ([1], [1], True),
        (["a"], ["b"], False),
        ([[1.0, 2.0]], [[1.0]], False),
        ([math.nan], [math.nan], True),
        ([math.nan], [1.0], False),
        ([{"a": 1.0}], [{"a": 1.0 + 1e-12}], True),
        ([{"a": 1.0}], [{"b": 1.0}], False),
        ([True], [1], False),
        (np.array([0.1]), [0.1], True),
    ],
)
def test_predictions_are_close_but_for_the_last_bits(left: Any, right: Any, expected: bool) -> None:  # noqa: FBT001 - a table's column
    """Of floats; everything else must be equal, and of one type."""
    assert close(left, right, 1e-9) is expected
