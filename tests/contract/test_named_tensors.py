"""Named tensors of a request are the signature's values, exactly, or everything wrong is named."""

import json
import struct
from typing import Any

import pytest

from service.contract.contract import Contract, RequestLimits
from service.contract.findings import Loc
from service.contract.model_input import RequestedOutput
from service.contract.tensors.tensor_message import TensorForm
from service.errors import InvalidInput
from tests.contract.signatures import array, column, contract, nested, param, tensor

TABLE = contract(
    column("double", "d"),
    column("integer", "i", required=False),
    column("float", "f", required=False),
    column("boolean", "b", required=False),
    column("string", "s", required=False),
    column("binary", "y", required=False),
    column("datetime", "t", required=False),
    nested(array("long"), "l", required=False),
    params=[param("double", "temperature", 0.5)],
    limits=RequestLimits(max_rows=3),
)
TENSOR = contract(tensor("float32", [-1, 2]))
TENSORS = contract(tensor("bool", [-1], "a"), tensor("str", [-1, 1], "b"))
UNNAMED = contract(column("double"), column("string"))
HINTED = contract(nested(array("string")), from_type_hint=True)
HINTED_FLAGS = contract(column("boolean"), from_type_hint=True)


def given(name: str, datatype: str, data: Any, shape: Any = None, **more: Any) -> dict[str, Any]:
    """An input; of one dimension, if no shape is given."""
    shape = [len(data)] if shape is None else shape
    return {"name": name, "datatype": datatype, "shape": shape, "data": data, **more}


D = given("d", "FP64", [1.5])


def read(made: Contract, *inputs: Any, raw: bytes | None = None, **more: Any) -> Any:
    """What the contract makes of it."""
    text = json.dumps({"inputs": list(inputs), **more}).encode()
    form = TensorForm(None if raw is None else len(text))
    return made.parse(text + (raw or b""), form)


def wrong(made: Contract, body: bytes, form: TensorForm) -> list[tuple[Loc, str]]:
    """Where something is wrong, and of which type."""
    with pytest.raises(InvalidInput) as caught:
        made.parse(body, form)
    return [(error.loc[1:], error.type) for error in caught.value.errors]


def refused(made: Contract, *inputs: Any, **more: Any) -> list[tuple[Loc, str]]:
    """The same of these inputs."""
    body = json.dumps({"inputs": list(inputs), **more}).encode()
    return wrong(made, body, TensorForm())


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (given("d", "INT64", [1, 2]), [1.0, 2.0]),
        (given("d", "FP32", [0.1]), [struct.unpack("f", struct.pack("f", 0.1))[0]]),
        (given("i", "FP64", [5.0]), [5]),
        (given("i", "UINT8", [255]), [255]),
        (given("f", "BF16", [0.5]), [0.5]),
        (given("f", "FP64", [0.5, None]), [0.5, None]),
        (given("b", "BOOL", [True, None]), [True, None]),
        (given("s", "BYTES", ["a", None]), ["a", None]),
        (given("s", "BYTES", ['"a"'], parameters={"content_type": "pd_json"}), ["a"]),
        (given("y", "BYTES", ["aGk="], parameters={"content_type": "base64"}), [b"hi"]),
        (given("l", "BYTES", ["[1, 2]", "null"]), [[1, 2], None]),
        (given("l", "BYTES", [["[1]"], ["[]"]], [2, 1]), [[1], []]),
    ],
)
def test_value_is_taken_where_the_signature_has_it(sent: Any, expected: list[Any]) -> None:
    """Whatever datatype it comes in."""
    rows = sent["shape"][0]
    beside = () if sent["name"] == "d" else (given("d", "FP64", [0.5] * rows),)
    found = read(TABLE, sent, *beside)
    (got,) = (each for each in found.columns if each.name == sent["name"])

    assert list(got.values) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (given("d", "FP64", ["1"]), [(("inputs", "d", "data", 0), "type")]),
        (given("d", "FP64", [None]), [(("inputs", "d", "data", 0), "null")]),
        (given("d", "INT64", [1.5]), [(("inputs", "d", "data", 0), "fraction")]),
        (given("d", "INT8", [300]), [(("inputs", "d", "data", 0), "out_of_range")]),
        (given("d", "INT64", [2**53 + 1]), [(("inputs", "d", "data", 0), "precision")]),
        (given("d", "BOOL", [True]), [(("inputs", "d", "datatype"), "type")]),
        (given("d", "BYTES", ["1"]), [(("inputs", "d", "datatype"), "type")]),
        (given("d", "FP128", [1]), [(("inputs", 0, "datatype"), "type")]),
        (given("d", "FP64", [1], [1, 2]), [(("inputs", 0, "data"), "shape")]),
        (given("d", "FP64", [1, 2], [1, 2]), [(("inputs", "d", "shape"), "shape")]),
        (given("d", "FP64", [1], []), [(("inputs", "d", "shape"), "shape")]),
        (given("d", "FP64", [1], [-1]), [(("inputs", 0, "shape"), "shape")]),
        (given("d", "FP64", [1], [True]), [(("inputs", 0, "shape"), "shape")]),
        (given("d", "FP64", [1], "1"), [(("inputs", 0, "shape"), "shape")]),
        (given("d", "FP64", {"a": 1}, [1]), [(("inputs", 0, "data"), "type")]),
        (given("d", "FP64", [[1], [2]], [1, 2]), [(("inputs", 0, "data"), "shape")]),
        (given("d", "FP64", [1] * 4), [(("inputs", "d", "shape"), "too_many_rows")]),
        (
            given("D", "FP64", [1]),
            [(("inputs", 0, "name"), "unknown_property"), (("inputs", "d"), "missing")],
        ),
        (given("d", "FP64", [1], dat=1), [(("inputs", 0), "unknown_property")]),
        (
            given("d", "FP64", [1], parameters={"shared_memory_region": "x"}),
            [(("inputs", 0, "parameters", "shared_memory_region"), "format")],
        ),
        (
            given("d", "FP64", [1], parameters={"binary_data_size": 8}),
            [
                (("inputs", 0, "parameters", "binary_data_size"), "format"),
                (("inputs", 0, "data"), "format"),
            ],
        ),
        (
            given("d", "FP64", [1], parameters={"content_type": "base64"}),
            [(("inputs", "d", "parameters", "content_type"), "type")],
        ),
        (
            given("d", "FP64", [1], parameters={"content_type": ["np"]}),
            [(("inputs", 0, "parameters", "content_type"), "type")],
        ),
        (
            {"name": "d"},
            [(("inputs", 0, "datatype"), "missing"), (("inputs", 0, "shape"), "missing")],
        ),
        ("d", [(("inputs", 0), "type")]),
    ],
)
def test_what_is_off_with_an_input_is_named(sent: Any, expected: list[Any]) -> None:
    """At its place, without a value of the client's."""
    assert refused(TABLE, sent) == expected


def test_everything_wrong_is_told_at_once() -> None:
    """Of several inputs, the outputs, the parameters and the id."""
    sent = [given("d", "FP64", ["x"]), given("s", "BYTES", [1]), given("l", "BYTES", ["{"]), D]
    more = {
        "outputs": [{"name": "a"}, {"name": "a"}, {"name": 1}, {"nam": "b"}],
        "parameters": {"temperature": "hot", "timeout": -1, "binary_data_output": 1},
        "id": 7,
    }

    assert sorted(refused(TABLE, *sent, **more), key=str) == sorted(
        [
            (("id",), "type"),
            (("parameters", "binary_data_output"), "type"),
            (("parameters", "temperature"), "type"),
            (("parameters", "timeout"), "type"),
            (("outputs",), "duplicate_column"),
            (("outputs", 2, "name"), "type"),
            (("outputs", 3), "unknown_property"),
            (("outputs", 3, "name"), "missing"),
            (("inputs", 3, "name"), "duplicate_column"),
            (("inputs", "d", "data", 0), "type"),
            (("inputs", "s", "data", 0), "type"),
            (("inputs", "l", "data", 0), "json_invalid"),
        ],
        key=str,
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", [((), "json_invalid")]),
        (b"[]", [((), "format")]),
        (b"{}", [(("inputs",), "format")]),
        (b'{"inputs": {}}', [(("inputs",), "format")]),
        (b'{"inputs": []}', [(("inputs",), "format")]),
        (b'{"inputs": [NaN]}', [((), "json_invalid")]),
        (b'\xef\xbb\xbf{"inputs": []}', [((), "json_invalid")]),
    ],
)
def test_body_that_is_no_message_is_refused(body: bytes, expected: list[Any]) -> None:
    """By one error."""
    assert wrong(TABLE, body, TensorForm()) == expected


def raw_input(name: str, datatype: str, rows: int, size: Any) -> dict[str, Any]:
    """An input whose bytes follow."""
    parameters = {"binary_data_size": size}
    return {"name": name, "datatype": datatype, "shape": [rows], "parameters": parameters}


def test_raw_bytes_are_taken_in_the_order_of_their_inputs() -> None:
    """Beside others whose data are in JSON."""
    found = read(
        TABLE,
        raw_input("s", "BYTES", 2, 10),
        given("i", "INT32", [1, 2]),
        raw_input("d", "FP64", 2, 16),
        raw=b"\1\0\0\0a\1\0\0\0b" + struct.pack("<2d", 0.5, -0.0),
    )

    assert [(each.name, list(each.values)) for each in found.columns] == [
        ("d", [0.5, -0.0]),
        ("i", [1, 2]),
        ("s", ["a", "b"]),
    ]


def test_nan_in_raw_bytes_is_null() -> None:
    """Taken where the column is optional, refused where it is not; infinities are numbers."""
    values = struct.pack("<2f", float("nan"), float("inf"))
    found = read(TABLE, given("d", "FP64", [1, 2]), raw_input("f", "FP32", 2, 8), raw=values)
    nan = struct.pack("<d", float("nan"))
    text = json.dumps({"inputs": [raw_input("d", "FP64", 1, 8)]}).encode()

    assert found.columns[1].values == [None, float("inf")]
    assert wrong(TABLE, text + nan, TensorForm(len(text))) == [(("inputs", "d", "data", 0), "null")]


@pytest.mark.parametrize(
    ("sent", "raw", "expected"),
    [
        (raw_input("d", "FP64", 1, 8), b"1234567", [("parameters", "binary_data_size")]),
        (raw_input("d", "FP64", 1, 8), b"123456789", [()]),
        (raw_input("d", "FP64", 1, 7), b"1234567", [("data",)]),
        (raw_input("d", "FP64", 1, -1), b"", [("parameters", "binary_data_size")]),
        (raw_input("d", "FP64", 1, True), b"", [("parameters", "binary_data_size")]),
        (raw_input("d", "FP64", 1, 10**18), b"", [("parameters", "binary_data_size")]),
        (raw_input("s", "BYTES", 1, 5), b"\2\0\0\0a", [("data",)]),
        (raw_input("s", "BYTES", 1, 5), b"\xff\xff\xff\xffa", [("data",)]),
        (raw_input("s", "BYTES", 2, 5), b"\1\0\0\0a", [("data",)]),
        (raw_input("s", "BYTES", 1, 10), b"\1\0\0\0a\1\0\0\0b", [("data",)]),
        (raw_input("s", "BYTES", 1, 3), b"\0\0\0", [("data",)]),
        (raw_input("s", "BYTES", 1, 5), b"\1\0\0\0\xff", [("data", 0)]),
        (raw_input("b", "BOOL", 1, 1), b"\2", [("data",)]),
    ],
)
def test_raw_bytes_that_do_not_fit_are_refused(
    sent: Any, raw: bytes, expected: list[tuple[Any, ...]]
) -> None:
    """Too few, too many, or no texts."""
    beside = [] if sent["name"] == "d" else [given("d", "FP64", [0.5] * sent["shape"][0])]
    text = json.dumps({"inputs": [sent, *beside]}).encode()
    found = wrong(TABLE, text + raw, TensorForm(len(text)))

    assert [loc[2:] for loc, _ in found] == expected


def test_json_longer_than_the_body_is_refused() -> None:
    """As `Inference-Header-Content-Length` may say."""
    assert wrong(TABLE, b"{}", TensorForm(3)) == [((), "format")]


def test_tensors_keep_their_shape() -> None:
    """Named by the signature, or `input-0`."""
    found = read(TENSOR, given("input-0", "FP32", [1, 2, 3, 4], [2, 2]))
    named = read(
        TENSORS, given("b", "BYTES", [["x"], ["y"]], [2, 1]), given("a", "BOOL", [True, False])
    )

    assert (found.kind, found.rows, found.columns[0].shape) == ("tensor", 2, (2, 2))
    assert [(each.name, each.shape) for each in named.columns] == [("a", (2,)), ("b", (2, 1))]
    assert refused(TENSOR, given("input-0", "FP32", [1], [1, 1])) == [
        (("inputs", 0, "shape"), "shape")
    ]
    assert refused(TENSOR, given("input-0", "FP32", [None, 1], [1, 2])) == [
        (("inputs", 0, "data", 0, 0), "null")
    ]


def test_tensor_without_elements_has_bounded_lengths() -> None:
    """numpy multiplies them."""
    assert read(TENSOR, given("input-0", "FP32", [], [0, 2])).columns[0].shape == (0, 2)
    free = contract(tensor("float32", [-1, -1]))
    assert refused(free, given("input-0", "FP32", [], [0, 2**60])) == [
        (("inputs", 0, "shape"), "shape")
    ]


def test_columns_without_names_are_numbered() -> None:
    """As they are announced."""
    found = read(UNNAMED, given("input-1", "BYTES", ["x"]), given("input-0", "FP64", [1]))

    assert [list(each.values) for each in found.columns] == [[1.0], ["x"]]
    assert [each.name for each in UNNAMED.tensors] == ["input-0", "input-1"]


def test_model_with_a_type_hint_takes_one_tensor() -> None:
    """An element a row: a text of JSON, or a scalar."""
    assert read(HINTED, given("input-0", "BYTES", ['["a"]', "[]"])).columns[0].values == [["a"], []]
    flags = json.dumps({"inputs": [raw_input("input-0", "BOOL", 2, 2)]}).encode()
    found = HINTED_FLAGS.parse(flags + b"\0\1", TensorForm(len(flags)))
    assert found.columns[0].values == [False, True]
    assert refused(HINTED, given("input-0", "BYTES", ["[1]"])) == [
        (("inputs", 0, "data", 0, 0), "type")
    ]


def test_rows_are_as_many_in_each_column() -> None:
    """Told once."""
    assert refused(TABLE, D, given("i", "INT32", [1, 2])) == [(("inputs",), "shape")]


def test_reply_is_asked_for() -> None:
    """Which outputs, raw or not, the id, and how long it may take."""
    found = read(
        TABLE,
        D,
        id="mine",
        outputs=[{"name": "a", "parameters": {"binary_data": False}}, {"name": "b"}],
        parameters={"binary_data_output": True, "timeout": 2_500_000, "temperature": 1},
    )

    assert found.params == {"temperature": 1.0}
    assert found.reply.id == "mine"
    assert found.reply.outputs == (
        RequestedOutput("a", binary=False),
        RequestedOutput("b", binary=True),
    )
    assert found.reply.seconds == 2.5


def test_timeout_of_the_models_own_is_a_param() -> None:
    """The protocol's gives way to the signature's."""
    made = contract(column("double", "d"), params=[param("double", "timeout", 0.5)])
    found = read(made, D, parameters={"timeout": 3})

    assert found.params == {"timeout": 3.0}
    assert found.reply.seconds is None


def test_null_keys_count_as_left_out() -> None:
    """As MLServer's client sends them."""
    sent = {**D, "parameters": None}
    assert read(TABLE, sent, id=None, outputs=None, parameters=None).rows == 1
