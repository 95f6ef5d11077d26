"""gRPC's server on fakes, with everything that it tells anybody, and a client of it."""

import io
import math
from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import orjson
from prometheus_client import CollectorRegistry

from service.contract.model_input import ModelInput, ValidInput
from service.contract.tensors import open_inference_pb2 as messages
from service.following.slots import Slots
from service.grpc.server import SERVICE, RpcServer
from service.hosting.queue import Marks
from service.http.access import NOBODY, Admin, ApiKeys, Readers
from service.predicting.request import HeldBytes, RequestIds
from service.predicting.route import RouteContext
from service.refs import ModelRef
from service.telemetry.logs import configure_logs
from service.telemetry.metrics.metrics import Metrics
from tests.http.app import IRIS, OTHER, Records
from tests.support.serving import FakeContract, FakePredictor, make_binding

LIMIT = 4000
"""Of a message; the fake contract takes 1,000 rows."""
SECONDS = 240
Metadata = Sequence[tuple[str, str]]


class Doubling(FakePredictor):
    """Answers each row with its double, as a host would."""

    async def predict(
        self,
        model_input: ValidInput,
        deadline: float = math.inf,
        alias: str = "",
        marks: Marks | None = None,
    ) -> bytes:
        """One output `double`."""
        await FakePredictor.predict(self, model_input, deadline, alias, marks)
        assert isinstance(model_input, ModelInput)
        raw = array("d", (2 * value for value in model_input.columns[0].values)).tobytes()
        said = {
            "name": "double",
            "datatype": "FP64",
            "shape": [model_input.rows],
            "parameters": {"binary_data_size": len(raw)},
        }
        return answer({"outputs": [said]}, raw)


def answer(said: Mapping[str, Any], raw: bytes) -> bytes:
    """As `service.host.output_tensors` writes it."""
    text = orjson.dumps(said)
    return len(text).to_bytes(4, "little") + text + raw


class Rpc:
    """The server, its slots and a client; iris serves version 1, the other slot nothing."""

    def __init__(
        self,
        keys: ApiKeys | None = None,
        admin: Admin = NOBODY,
        *,
        request_seconds: float = math.inf,
    ) -> None:
        self.slots = Slots((IRIS, OTHER), ())
        self.records = Records()
        self.metrics = Metrics(CollectorRegistry())
        self.stopping = False
        self.bodies, self.replies = HeldBytes(4 * LIMIT), HeldBytes(4 * LIMIT)
        observers = (self.metrics.http, self.records)
        self.logs = configure_logs(io.BytesIO())
        context = RouteContext(
            LIMIT,
            self.bodies,
            self.replies,
            RequestIds(),
            observers,
            self.logs.logger,
            request_seconds,
        )
        readers = Readers(keys, admin)
        self.server = RpcServer("127.0.0.1:0", self.slots, context, readers, lambda: self.stopping)
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.server.port}")
        self.serve("1")

    def serve(
        self,
        version: str,
        predictor: FakePredictor | None = None,
        contract: FakeContract | None = None,
        ref: ModelRef = IRIS,
    ) -> None:
        """Swaps a version into that slot."""
        self.slots[str(ref)].serve(make_binding(ref, version, predictor or Doubling(), contract))

    async def infer(
        self, request: messages.ModelInferRequest | bytes, metadata: Metadata = (), **more: Any
    ) -> messages.ModelInferResponse:
        """The reply to it; raises `grpc.aio.AioRpcError`."""
        sent = request if isinstance(request, bytes) else request.SerializeToString()
        return messages.ModelInferResponse.FromString(
            await self.call("ModelInfer")(sent, metadata=metadata, timeout=SECONDS, **more)
        )

    def call(self, method: str, service: str = SERVICE) -> Any:
        """That method, by bytes."""
        return self.channel.unary_unary(f"/{service}/{method}")


@asynccontextmanager
async def serving(keys: ApiKeys | None = None, **more: Any) -> AsyncIterator[Rpc]:
    """Started, and ended with its client."""
    made = Rpc(keys, **more)
    await made.server.start()
    try:
        yield made
    finally:
        await made.channel.close()
        await made.server.ended()
        made.logs.close()


def x(*values: float, name: str = "iris", **more: Any) -> messages.ModelInferRequest:
    """A request with one column, typed."""
    tensor = messages.ModelInferRequest.InferInputTensor(
        name="x",
        datatype="FP64",
        shape=[len(values)],
        contents=messages.InferTensorContents(fp64_contents=values),
    )
    return messages.ModelInferRequest(model_name=name, inputs=[tensor], **more)


def trailing(error: grpc.aio.AioRpcError) -> Mapping[str, Any]:
    """What was said with the status."""
    return dict(error.trailing_metadata())
