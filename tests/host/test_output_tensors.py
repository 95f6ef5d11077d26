"""What a model returns as named tensors: names, datatypes, shapes; the same values either way."""

import datetime as dt
import json
import struct
from typing import Any

import numpy as np
import pandas as pd
import pytest

from service.contract.model_input import RequestedOutput, TensorReply
from service.contract.tensors.tensor_answer import TensorAnswer, as_predictions
from service.host.output_tensors import UnknownOutput, announced, encode, encode_parts
from service.host.outputs import NotByRow, NotEncodable

ALL, RAW = TensorReply(), TensorReply(binary=True)
NAN = float("nan")


def told(prediction: Any, promised: dict[str, str] | None = None) -> list[tuple[Any, ...]]:
    """Name, datatype, shape and data of each output, in JSON."""
    answer = TensorAnswer.of(encode(prediction, ALL, promised or {}))
    assert not answer.raw
    outputs = json.loads(bytes(answer.json))["outputs"]
    return [(each["name"], each["datatype"], each["shape"], each["data"]) for each in outputs]


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        (np.array([1, 2]), ("INT64", [2], [1, 2])),
        (np.array([[1.5, NAN]], "float32"), ("FP32", [1, 2], [1.5, None])),
        (np.array([True]), ("BOOL", [1], [True])),
        (np.array(3.5), ("FP64", [1], [3.5])),
        (np.array(["a", None], object), ("BYTES", [2], ["a", None])),
        (np.array(["2026-05-01", "NaT"], "M8[ns]"), ("BYTES", [2], ["2026-05-01T00:00:00", None])),
        ([1, 2.5, None], ("FP64", [3], [1.0, 2.5, None])),
        ([1, None], ("INT64", [2], [1, None])),
        ([True, 1], ("BYTES", [2], ["true", "1"])),
        ([2**63], ("UINT64", [1], [2**63])),
        ([2**64], ("BYTES", [1], [str(2**64)])),
        ([[1, 2], [3, 4]], ("INT64", [2, 2], [1, 2, 3, 4])),
        ([[True, 1]], ("BYTES", [1], ["[true,1]"])),
        ([[1], [2, 3]], ("BYTES", [2], ["[1]", "[2,3]"])),
        ([], ("BYTES", [0], [])),
        (["a", {"b": 1}], ("BYTES", [2], ['"a"', '{"b":1}'])),
        ([b"hi"], ("BYTES", [1], ["aGk="])),
        ("text", ("BYTES", [1], ["text"])),
        (None, ("BYTES", [1], [None])),
        ([dt.date(2026, 5, 1)], ("BYTES", [1], ["2026-05-01"])),
    ],
)
def test_single_answer_is_output_0(prediction: Any, expected: tuple[Any, ...]) -> None:
    """Of the datatype that says all of it."""
    assert told(prediction) == [("output-0", *expected)]


def test_parts_with_names_are_outputs_of_their_own() -> None:
    """Columns, keys and records; a Series has a name, too."""
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [[1], {"k": 2}]})
    columns = [
        ("a", "INT64", [2], [1, 2]),
        ("b", "BYTES", [2], ["x", None]),
        ("c", "BYTES", [2], ["[1]", '{"k":2}']),
    ]

    assert told(frame) == columns
    assert told([{"a": 1}, {"a": 2}]) == [("a", "INT64", [2], [1, 2])]
    assert told([{"a": 1}, {"b": 2}]) == [("output-0", "BYTES", [2], ['{"a":1}', '{"b":2}'])]
    assert told({"m": np.ones((1, 2)), "s": "x"}) == [
        ("m", "FP64", [1, 2], [1.0, 1.0]),
        ("s", "BYTES", [1], ["x"]),
    ]
    assert told(pd.Series([1.5], name="y")) == [("y", "FP64", [1], [1.5])]


def test_datatype_of_the_example_stays_where_the_values_are_the_same() -> None:
    """Whole numbers among floats, nulls alone, keys that a record lacks."""
    assert told([1, 2], {"output-0": "FP64"}) == [("output-0", "FP64", [2], [1.0, 2.0])]
    assert told([None], {"output-0": "FP64"}) == [("output-0", "FP64", [1], [None])]
    assert told([2**53 + 1], {"output-0": "FP64"})[0][1] == "INT64"
    assert told(np.array([1]), {"output-0": "FP64"}) == [("output-0", "FP64", [1], [1.0])]
    records = told([{"a": 1}], {"a": "INT64", "b": "BYTES"})
    assert records == [("a", "INT64", [1], [1]), ("b", "BYTES", [1], [None])]


def test_raw_bytes_stand_in_the_order_of_the_outputs() -> None:
    """What has a null that they cannot say comes as JSON instead."""
    frame = pd.DataFrame({"a": [1.5, NAN], "b": ["x", None], "c": [True, False]})
    answer = TensorAnswer.of(encode(frame, RAW, {}))
    first, second, third = json.loads(bytes(answer.json))["outputs"]

    assert first["parameters"] == {"binary_data_size": 16}
    assert second["data"] == ["x", None]
    assert third["parameters"] == {"binary_data_size": 1 * 2}
    assert answer.raw[:8] == struct.pack("<d", 1.5)
    assert bytes(answer.raw[16:]) == b"\1\0"
    assert json.loads(as_predictions(encode(frame, RAW, {}))) == [
        {"a": 1.5, "b": "x", "c": True},
        {"a": None, "b": None, "c": False},
    ]


def test_outputs_are_chosen_by_name() -> None:
    """In the order that was asked for; one that there is not is refused."""
    frame = pd.DataFrame({"a": [1], "b": [2]})
    chosen = TensorReply(outputs=(RequestedOutput("b", binary=False),))
    answer = TensorAnswer.of(encode(frame, chosen, {}))

    assert [each["name"] for each in json.loads(bytes(answer.json))["outputs"]] == ["b"]
    with pytest.raises(UnknownOutput):
        encode(frame, TensorReply(outputs=(RequestedOutput("c", binary=False),)), {})


@pytest.mark.parametrize("shape", [(4,), (4, 2), (4, 2, 1)])
def test_answers_of_one_call_are_cut_as_each_would_be_encoded(shape: tuple[int, ...]) -> None:
    """To the byte; whatever each asks for."""
    prediction, rows = np.arange(np.prod(shape), dtype="float32").reshape(shape), [1, 2, 0, 1]
    cut = encode_parts(prediction, rows, [ALL] * 4, {})
    alone = [
        encode(prediction[first:last], ALL, {}) for first, last in ((0, 1), (1, 3), (3, 3), (3, 4))
    ]
    mixed = encode_parts(prediction, rows, [ALL, None, RAW, ALL], {})

    assert cut == alone
    assert (mixed[0], mixed[3]) == (alone[0], alone[3])
    assert json.loads(mixed[1]) == prediction[1:3].tolist()
    with pytest.raises(NotByRow):
        encode_parts(prediction, [1, 1], [ALL, ALL], {})


def test_rows_of_the_example_are_any_length() -> None:
    """The other lengths are as they were seen."""
    assert announced(np.ones((3, 2)), 3, open_lengths=False) == [
        {"name": "output-0", "datatype": "FP64", "shape": [-1, 2]}
    ]
    assert announced(np.ones((2, 3)), 3, open_lengths=False)[0]["shape"] == [2, 3]


def test_lengths_are_open_where_those_of_inputs_are() -> None:
    """A width that the example had by chance is not promised."""
    assert announced(np.ones((3, 2, 5)), 3, open_lengths=True)[0]["shape"] == [-1, -1, -1]


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        ([np.array([1, 2]), np.array([True, False])], ["[1,2]", "[true,false]"]),
        ([[np.int64(1), np.bool_(True)]], ["[1,true]"]),
        ([np.array([2**53 + 1]), np.array([0.5])], ["[9007199254740993]", "[0.5]"]),
        ([[2**63], [-1]], ["[9223372036854775808]", "[-1]"]),
    ],
)
def test_what_numpy_would_change_to_have_one_type_is_json(
    prediction: Any, expected: list[str]
) -> None:
    """Booleans beside numbers, and whole numbers that a float would round."""
    assert told(prediction) == [("output-0", "BYTES", [len(expected)], expected)]


def test_datatype_of_the_example_stays_where_there_are_no_values() -> None:
    """No rows at all, and nulls, of which pandas makes floats; in raw bytes too."""
    texts = pd.DataFrame({"n": [1.5], "s": [NAN]})
    promised = {"n": "INT64", "s": "BYTES"}
    none: list[tuple[Any, ...]] = [("n", "INT64", [0], []), ("s", "BYTES", [0], [])]
    raw = TensorAnswer.of(encode(texts.iloc[:0], RAW, promised))

    assert told(texts, promised)[1] == ("s", "BYTES", [1], [None])
    assert told(texts.iloc[:0], promised) == none
    assert told([], promised) == none
    assert all("parameters" in each for each in json.loads(bytes(raw.json))["outputs"])
    assert told(np.array([NAN]), {"output-0": "FP32"})[0][1] == "FP32"


@pytest.mark.parametrize("prediction", [np.array([1j]), object(), ["\ud800"]])
def test_what_has_no_form_is_not_encodable(prediction: Any) -> None:
    """As in JSON."""
    with pytest.raises(NotEncodable):
        encode(prediction, RAW, {})
