"""Batches and replies over the wire: what arrives is what was sent, or it is refused."""

import math
from array import array
from typing import Any

import orjson
import pytest

from service.contract.model_input import Column, ModelInput, Nested, Values
from service.host.wire import (
    HostOperation,
    MlflowError,
    NoReply,
    PredictFault,
    decode_replies,
    decode_values,
    encode_batch,
    encode_replies,
)
from service.processes.frames import Frame, Status
from tests.host.handed import sent

VALUES: list[tuple[str, Values]] = [
    ("boolean", array("B", [0, 1])),
    ("int8", array("b", [-128, 127])),
    ("int16", array("h", [-(2**15), 2**15 - 1])),
    ("uint16", array("H", [0, 2**16 - 1])),
    ("integer", array("i", [-(2**31), 2**31 - 1])),
    ("uint32", array("I", [0, 2**32 - 1])),
    ("long", array("q", [-(2**63), 2**63 - 1])),
    ("uint64", array("Q", [0, 2**64 - 1])),
    ("float", array("f", [0.1, -3.4e38])),
    ("double", array("d", [5e-324, -1.7976931348623157e308, -0.0])),
    ("datetime", array("q", [-(2**63) + 1, 2**63 - 1])),
    ("double", array("d")),
    ("string", ["", "a\x00", "ä\U0001f600", "None"]),
    ("string", ["a", None]),
    ("binary", [b"", bytes(range(256))]),
    ("binary", [None, b"\xff"]),
    ("boolean", [True, None, False]),
    ("double", [0.1, None, 1e-320]),
    ("datetime", [None, 2**63 - 1]),
    ("string", [None, None]),
]


def one_column(dtype: str, values: Values, **more: Any) -> ModelInput:
    """A request of one column."""
    column = Column("c", dtype, values, isinstance(values, list) and None in values)
    fields = {"params": None, "index": None, "join_key": ()} | more
    return ModelInput("table", (column,), len(values), **fields)


def arrived(*inputs: ModelInput) -> list[Values]:
    """The values of each column on the other side."""
    head, body = encode_batch(inputs)
    start, found = 0, []
    for column in orjson.loads(head)["columns"]:
        end = start + column["bytes"]
        found.append(decode_values(column["layout"], memoryview(body)[start:end]))
        start = end
    assert start == len(body)
    return found


@pytest.mark.parametrize(("dtype", "values"), VALUES)
def test_values_arrive_as_they_were_sent(dtype: str, values: Values) -> None:
    """The same type, and the same to the last bit."""
    (found,) = arrived(one_column(dtype, values))
    assert type(found) is type(values)
    assert repr(found) == repr(values)


@pytest.mark.parametrize(("dtype", "values"), VALUES)
def test_joined_requests_stand_one_behind_the_other(dtype: str, values: Values) -> None:
    """And the requests themselves are left as they were."""
    requests = [one_column(dtype, values), one_column(dtype, values[:1]), one_column(dtype, values)]
    before = repr(requests)
    (found,) = arrived(*requests)
    assert list(map(repr, found)) == [repr(value) for value in (*values, *values[:1], *values)]
    assert type(found) is type(values)
    assert repr(requests) == before


def test_columns_of_several_layouts_stand_in_one_body() -> None:
    """Each is found at its place."""
    columns = tuple(Column(place, dtype, values) for place, (dtype, values) in enumerate(VALUES))
    found = arrived(ModelInput("table", columns, 2, None, None, None))
    assert [repr(each) for each in found] == [repr(values) for _, values in VALUES]


@pytest.mark.parametrize(
    "params",
    [
        None,
        {},
        {"a": 0.1, "b": 2**63 - 1, "c": "ä\x00", "d": None, "e": [True, None], "f": "2026-05-01"},
        {"a": math.inf, "b": -math.inf, "c": [math.nan]},
    ],
)
def test_params_arrive_as_they_were_sent(params: Any) -> None:
    """NaN and infinities, which a signature's defaults may be, included."""
    assert repr(sent(one_column("double", array("d", [1]), params=params)).params) == repr(params)


def test_decoded_values_are_nobody_elses() -> None:
    """Writing to them changes nothing in the frame."""
    head, body = encode_batch([one_column("double", array("d", [1, 2]))])
    values = decode_values(orjson.loads(head)["columns"][0]["layout"], memoryview(body))
    values[0] = 5.0
    assert body == array("d", [1, 2]).tobytes()


def reply(head: bytes, body: bytes) -> Frame:
    """A frame as a host answers with."""
    return Frame(HostOperation.PREDICT, Status.DONE, 1, head, body)


@pytest.mark.parametrize(
    "replies",
    [
        [b"[1]"],
        [b"[1]", b"", b"[2,3]"],
        [PredictFault.MODEL_RAISED],
        [b"[1]", PredictFault.NOT_ENCODABLE, b"[2]", PredictFault.REPLY_TOO_LARGE],
        [MlflowError("NOT_FOUND"), b"[1]", PredictFault.INPUT_REFUSED],
    ],
)
def test_replies_arrive_in_order(replies: list[bytes | NoReply]) -> None:
    """Those that failed with why they did."""
    found = decode_replies(reply(*encode_replies(replies)), len(replies))
    assert found == replies
    assert [type(each) for each in found] == [type(each) for each in replies]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"", b""),
        (b"no JSON", b"ab"),
        (b"null", b"ab"),
        (b"5", b"ab"),
        (b'{"0":1,"1":1}', b"ab"),
        (b'"12"', b"ab"),
        (b"[1]", b"a"),
        (b"[1,1,0]", b"ab"),
        (b"[1,2]", b"ab"),
        (b"[1,0]", b"ab"),
        (b"[1,-99]", b"a"),
        (b'[1,"1"]', b"ab"),
        (b"[1,1.0]", b"ab"),
        (b"[1,null]", b"a"),
        (b"[1,true]", b"ab"),
        (b"[[1],1]", b"ab"),
        (b'[2,"' + b"X" * 101 + b'"]', b"ab"),
        (b"[1,18446744073709551615]", b"ab"),
    ],
)
def test_what_is_no_reply_to_two_requests_is_refused(head: bytes, body: bytes) -> None:
    """With ValueError, whatever is wrong with it: the host behind it is not believed any more."""
    with pytest.raises(ValueError, match=r"."):
        decode_replies(reply(head, body), 2)


def test_nested_values_arrive_as_json() -> None:
    """Bytes as base64; the head says how they are nested, and nothing of it for other columns."""
    entry = {"type": "map", "values": {"type": "binary"}}
    column = Column("c", "map", [{"k": b"hi"}, None], has_null=True, nested=Nested(entry))
    plain = Column("d", "double", array("d", [1, 2]))
    request = ModelInput("table", (column, plain), 2, None, None, ())
    head, _ = encode_batch([request])
    assert arrived(request) == [[{"k": "aGk="}, None], array("d", [1, 2])]
    described = orjson.loads(head)["columns"]
    assert described[0]["nested"] == {"type": entry, "arrays": False}
    assert described[1]["nested"] is None
