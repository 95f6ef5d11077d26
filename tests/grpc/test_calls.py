"""Predictions by gRPC: answered as by HTTP, and bounded, refused and counted as there."""

import asyncio
import hashlib
import struct
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract.tensors import open_inference_pb2 as messages
from service.errors import (
    ModelFailed,
    NotNow,
    Overloaded,
    PredictionTimedOut,
    ServiceError,
    Undecodable,
    Withdrawn,
)
from service.grpc.statuses import STATUSES
from service.http.access import ApiKeys
from service.http.errors import STATUS
from service.predicting.request import CLIENT_GONE
from tests.grpc.app import LIMIT, Doubling, Rpc, answer, serving, trailing, x
from tests.http.app import IRIS, OTHER
from tests.support.exploring import exploring
from tests.support.serving import FakePredictor
from tests.support.waiting import until

KEY = "key-of-one-application"
Input = messages.ModelInferRequest.InferInputTensor
Contents = messages.InferTensorContents
SECONDS = 240


def doubles(reply: messages.ModelInferResponse) -> list[float]:
    """What came back."""
    (raw,) = reply.raw_output_contents
    return [each for (each,) in struct.iter_unpack("<d", raw)]


def raw_x(*values: float) -> messages.ModelInferRequest:
    """The column as raw bytes."""
    tensor = Input(name="x", datatype="FP64", shape=[len(values)])
    raw = [struct.pack(f"<{len(values)}d", *values)]
    return messages.ModelInferRequest(model_name="iris", inputs=[tensor], raw_input_contents=raw)


async def refusal(rpc: Rpc, request: messages.ModelInferRequest | bytes) -> grpc.aio.AioRpcError:
    """What is said instead of a reply."""
    with pytest.raises(grpc.aio.AioRpcError) as found:
        await rpc.infer(request)
    return found.value


async def test_reply_names_model_version_and_id(rpc: Rpc) -> None:
    """In the message, and as headers by HTTP in the trailing metadata."""
    call = rpc.call("ModelInfer")(
        x(1.5, id="mine").SerializeToString(), metadata=[("x-request-id", "of-a-client")]
    )
    reply = messages.ModelInferResponse.FromString(await call)
    said = dict(await call.trailing_metadata())

    assert (reply.model_name, reply.model_version, reply.id) == ("iris", "1", "mine")
    assert doubles(reply) == [3.0]
    assert said["podium-model"] == "iris"
    assert said["podium-alias"] == "champion"
    assert said["podium-version"] == "1"
    assert said["x-request-id"] == "of-a-client"


async def test_model_is_named_with_its_alias_too(rpc: Rpc) -> None:
    """The reply calls it as the request does."""
    rpc.serve("9", ref=OTHER)
    assert (await rpc.infer(x(1.0, name=str(OTHER)))).model_name == str(OTHER)
    assert (await rpc.infer(x(1.0, name=OTHER.name))).model_version == "9"


async def test_version_that_answers_may_be_asked_for_and_no_other(rpc: Rpc) -> None:
    """NOT_FOUND, as 404."""
    assert (await rpc.infer(x(1.0, model_version="1"))).model_version == "1"
    assert (await refusal(rpc, x(1.0, model_version="2"))).code() is grpc.StatusCode.NOT_FOUND


def test_p22_raw_and_typed_contents_are_the_same_values() -> None:
    """To the bit, NaN and infinities among them."""
    values = st.lists(st.floats(allow_nan=False, width=64), min_size=1, max_size=20)

    with asyncio.Runner() as runner:

        async def both(sent: list[float]) -> None:
            async with serving() as rpc:
                predictor = Doubling()
                rpc.serve("1", predictor)
                typed, raw = await rpc.infer(x(*sent)), await rpc.infer(raw_x(*sent))
                one, other = predictor.inputs
                assert typed.raw_output_contents == raw.raw_output_contents
                assert one == other
                assert rpc.bodies.total == 0

        @exploring(15)
        @given(values)
        def any_values(sent: list[float]) -> None:
            runner.run(both(sent))

        any_values()


@pytest.mark.parametrize(
    ("datatype", "contents", "raw"),
    [
        ("FP32", Contents(fp32_contents=[1.5]), struct.pack("<f", 1.5)),
        ("INT8", Contents(int_contents=[-7]), b"\xf9"),
        ("INT16", Contents(int_contents=[-7]), struct.pack("<h", -7)),
        ("INT32", Contents(int_contents=[-7]), struct.pack("<i", -7)),
        ("INT64", Contents(int64_contents=[-7]), struct.pack("<q", -7)),
        ("UINT8", Contents(uint_contents=[7]), b"\7"),
        ("UINT16", Contents(uint_contents=[7]), struct.pack("<H", 7)),
        ("UINT32", Contents(uint_contents=[7]), struct.pack("<I", 7)),
        ("UINT64", Contents(uint64_contents=[7]), struct.pack("<Q", 7)),
        ("FP16", None, struct.pack("<e", 1.5)),
        ("BF16", None, struct.pack("<f", 1.5)[2:]),
    ],
)
async def test_every_datatype_of_numbers_is_read_in_both_forms(
    rpc: Rpc, datatype: str, contents: Contents | None, raw: bytes
) -> None:
    """FP16 and BF16 as raw bytes alone."""
    found = []
    for more, raws in ((contents, []), (None, [raw])):
        tensor = Input(name="x", datatype=datatype, shape=[1], contents=more)
        request = messages.ModelInferRequest(
            model_name="iris", inputs=[tensor], raw_input_contents=raws
        )
        if more is None and not raws:
            assert (await refusal(rpc, request)).code() is grpc.StatusCode.INVALID_ARGUMENT
        else:
            found.append(doubles(await rpc.infer(request)))
    assert found[0] == found[-1]
    assert abs(found[0][0]) in {3.0, 14.0}


@pytest.mark.parametrize(
    "request_",
    [
        messages.ModelInferRequest(model_name="iris"),
        x(1.0, raw_input_contents=[b"12345678"]),
        x(1.0, raw_input_contents=[b"12345678", b""]),
        messages.ModelInferRequest(
            model_name="iris",
            inputs=[Input(name="x", datatype="FP64", shape=[1])],
            raw_input_contents=[b"1234567"],
        ),
        messages.ModelInferRequest(
            model_name="iris", inputs=[Input(name="x", datatype="FP65", shape=[1])]
        ),
        messages.ModelInferRequest(
            model_name="iris", inputs=[Input(name="x", datatype="FP64", shape=[-1])]
        ),
        messages.ModelInferRequest(
            model_name="iris",
            inputs=[
                Input(
                    name="x",
                    datatype="FP64",
                    shape=[1],
                    contents=Contents(fp64_contents=[1], fp32_contents=[1]),
                )
            ],
        ),
        messages.ModelInferRequest(
            model_name="iris",
            inputs=[
                Input(name="x", datatype="INT8", shape=[1], contents=Contents(int_contents=[300]))
            ],
        ),
        x(1.0, outputs=[{"name": "double"}, {"name": "double"}]),
        b"\xff\xff",
        b"\x0a\x04iris" + b"\x2a\x02\xff\xff",
        b"\x0a\xff\xff\xff\xff\x0firis",
    ],
    ids=str,
)
async def test_p14_malformed_message_is_an_invalid_argument(
    rpc: Rpc, request_: messages.ModelInferRequest | bytes
) -> None:
    """Whatever is wrong with it, and nothing is held afterwards."""
    assert (await refusal(rpc, request_)).code() is grpc.StatusCode.INVALID_ARGUMENT
    assert rpc.bodies.total == 0


def test_p14_no_bytes_at_all_are_a_fault_of_the_service() -> None:
    """Mutated messages are answered or refused as the client's business."""
    valid = x(1.5, -2.0, id="mine").SerializeToString()

    with asyncio.Runner() as runner:
        opened = serving()
        rpc = runner.run(opened.__aenter__())

        @exploring(300)
        @given(st.binary(max_size=60), st.integers(0, len(valid)), st.integers(0, len(valid)))
        def any_message(middle: bytes, start: int, end: int) -> None:
            async def ask() -> grpc.StatusCode:
                call = rpc.call("ModelInfer")(valid[:start] + middle + valid[end:])
                code: grpc.StatusCode = await call.code()
                return code

            answered = {
                *(grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT),
                grpc.StatusCode.NOT_FOUND,
            }
            assert runner.run(ask()) in answered

        any_message()
        runner.run(opened.__aexit__(None, None, None))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelFailed("no"), grpc.StatusCode.INTERNAL),
        (PredictionTimedOut("no"), grpc.StatusCode.DEADLINE_EXCEEDED),
        (Overloaded("no"), grpc.StatusCode.UNAVAILABLE),
        (NotNow("no"), grpc.StatusCode.UNAVAILABLE),
        (Withdrawn(), grpc.StatusCode.NOT_FOUND),
        (Undecodable("no"), grpc.StatusCode.INVALID_ARGUMENT),
        (ValueError("a secret"), grpc.StatusCode.INTERNAL),
    ],
)
async def test_error_has_its_status_and_its_code(error: Exception, status: grpc.StatusCode) -> None:
    """By one table; nobody is told the words of an exception."""
    async with serving() as rpc:
        rpc.serve("1", FakePredictor(error=error))
        found = await refusal(rpc, x(1.0))
        code = error.code if isinstance(error, ServiceError) else "internal"

        assert found.code() is status
        assert trailing(found)["podium-code"] == code
        assert "secret" not in str(found)
        await until(lambda: rpc.records.records, SECONDS)
        assert rpc.records.records[0].code == STATUS[code]


def test_every_code_that_a_prediction_may_come_to_has_a_status() -> None:
    """But for what HTTP alone has."""
    http = {"not_found", "method_not_allowed", "body_too_slow", "broken_encoding"}
    others = {"version_fault", "passing_fault", "not_prepared"}
    ours = {code for code in STATUS if code.islower() and not code.startswith("delivery")}
    assert ours - http - others == set(STATUSES)


async def test_slot_that_serves_nothing_is_unavailable(rpc: Rpc) -> None:
    """As 503."""
    found = await refusal(rpc, x(1.0, name=str(OTHER)))
    assert found.code() is grpc.StatusCode.UNAVAILABLE


async def test_output_with_null_is_refused(rpc: Rpc) -> None:
    """Neither form of contents has null."""
    said = {"name": "a", "datatype": "BYTES", "shape": [1], "data": [None]}

    class Null(FakePredictor):
        async def predict(self, *_: object) -> bytes:
            return answer({"outputs": [said]}, b"")

    rpc.serve("1", Null())
    found = await refusal(rpc, x(1.0))
    assert found.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "null" in str(found.details())


async def test_long_message_is_refused(rpc: Rpc) -> None:
    """One over the limit by the service, one far over it by gRPC, both with one status."""
    for size in (LIMIT // 8 + 10, 50 * LIMIT):
        found = await refusal(rpc, raw_x(*[1.0] * size))
        assert found.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert rpc.bodies.total == 0


async def test_compressed_message_is_not_unpacked(rpc: Rpc) -> None:
    """GRPC would do so without any bound; a client is told that it is not done."""
    request = raw_x(*[0.0] * 400)
    with pytest.raises(grpc.aio.AioRpcError) as found:
        await rpc.infer(request, compression=grpc.Compression.Gzip)
    assert found.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_messages_of_waiting_requests_are_bounded_over_all(rpc: Rpc) -> None:
    """Beyond it UNAVAILABLE; those that wait are answered, and then there is room."""
    gate = asyncio.Event()
    predictor = Doubling(gate=gate)
    rpc.serve("1", predictor)
    long = raw_x(*[1.0] * (LIMIT // 8 - 10))
    waiting = [asyncio.create_task(rpc.infer(long)) for _ in range(4)]
    await until(lambda: len(predictor.inputs) == 4, SECONDS)
    refused = await refusal(rpc, long)
    gate.set()
    await asyncio.gather(*waiting)

    assert refused.code() is grpc.StatusCode.UNAVAILABLE
    assert rpc.bodies.total == 0


async def test_deadline_of_a_call_is_the_requests(rpc: Rpc) -> None:
    """Less than the service's."""
    predictor = Doubling()
    rpc.serve("1", predictor)
    await rpc.infer(x(1.0))
    call = rpc.call("ModelInfer")(x(1.0).SerializeToString(), timeout=1000)
    await call
    first, second = predictor.deadlines

    assert second < first + 1001
    assert first == pytest.approx(second - 1000 + SECONDS, abs=600)


async def test_client_that_leaves_is_counted_as_gone(rpc: Rpc) -> None:
    """Its request is cancelled where it waits."""
    gate = asyncio.Event()
    predictor = Doubling(gate=gate)
    rpc.serve("1", predictor)
    call = rpc.call("ModelInfer")(x(1.0).SerializeToString())
    await predictor.entered.wait()
    call.cancel()
    await until(lambda: rpc.records.records, SECONDS)

    assert rpc.records.records[0].code == CLIENT_GONE
    assert rpc.bodies.total == 0


async def test_call_in_progress_is_answered_while_the_server_stops(rpc: Rpc) -> None:
    """And none begins any more."""
    gate = asyncio.Event()
    predictor = Doubling(gate=gate)
    rpc.serve("1", predictor)
    running = asyncio.create_task(rpc.infer(x(1.0)))
    await predictor.entered.wait()
    rpc.server.stop_later(0.0, SECONDS)
    await until(lambda: rpc.server.stopping, SECONDS)
    gate.set()

    assert doubles(await running) == [2.0]
    await rpc.server.ended()
    assert (await refusal(rpc, x(1.0))).code() is grpc.StatusCode.UNAVAILABLE


async def test_call_without_a_known_key_is_refused_unread() -> None:
    """Before its message has come; with one it is answered, and the key's name recorded."""
    keys = ApiKeys({hashlib.sha256(KEY.encode()).digest(): "one"})
    async with serving(keys) as rpc:
        for metadata in ((), (("authorization", "Bearer other"),)):
            endless: Any = rpc.channel.stream_unary("/inference.GRPCInferenceService/ModelInfer")
            call = endless(metadata=metadata)
            assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
        await rpc.infer(x(1.0), metadata=(("authorization", f"Bearer {KEY}"),))
        await until(lambda: rpc.records.records, SECONDS)
        assert rpc.records.records[0].key == "one"


async def test_record_is_one_of_the_door(rpc: Rpc) -> None:
    """Metrics and logs tell gRPC apart by its route."""
    await rpc.infer(x(1.0, 2.0))
    await until(lambda: rpc.records.records, SECONDS)
    (record,) = rpc.records.records

    assert (record.slot, record.route, record.version) == (str(IRIS), "grpc", "1")
    assert (record.code, record.rows, record.error) == (200, 2, None)


async def test_body_that_fits_no_signature_names_everything(rpc: Rpc) -> None:
    """As by HTTP."""
    wrong = x(1.0)
    wrong.inputs[0].name = "y"
    found = await refusal(rpc, wrong)

    assert found.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "y" not in str(found.details()).split()
