"""gRPC's server on the service's own loop: what it answers, its bounds, and its end."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from service.errors import ClientError, ServiceError
from service.following.slots import Slots
from service.grpc.calls import CallHeaders, Infer, headers_of, refused
from service.grpc.health import Health
from service.grpc.pages import Pages
from service.http.access import Readers
from service.predicting.raised import internal
from service.predicting.route import RouteContext

SERVICE: Final = "inference.GRPCInferenceService"
# What stands around the tensors of the longest message.
_MORE_BYTES: Final = 64 * 1024
# So many messages may be there that nobody has counted yet, for each 64 KiB that may be held.
_BYTES_A_CALL: Final = 64 * 1024
_FEWEST_CALLS, _MOST_CALLS = 64, 10_000

Method = Callable[[bytes, CallHeaders], Message]


class RpcServer:
    """Begins to listen when it is made, to answer when it is started. To be made on the loop.

    Attributes:
        port: the one that it listens on.
        stopping: whether it takes no calls any more.
    """

    def __init__(
        self,
        address: str,
        slots: Slots,
        context: RouteContext,
        readers: Readers,
        stopping: Callable[[], bool],
    ) -> None:
        pages = Pages(slots, readers, stopping)
        infer = Infer(pages.models.slot, context, readers.keys)
        slots.watch(lambda _: None, infer.forget)
        self._server = grpc.aio.server(
            options=_options(context.max_body_bytes),
            maximum_concurrent_rpcs=_calls(context.bodies.limit),
        )
        self._server.add_generic_rpc_handlers((_Methods(pages, infer),))
        own = frozenset({"", SERVICE})
        health_pb2_grpc.add_HealthServicer_to_server(Health(pages, own), self._server)
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self.port = self._server.add_insecure_port(address)
        self.stopping = False
        self._ending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Answers from now on."""
        await self._server.start()

    def stop_later(self, delay_seconds: float, drain_seconds: float) -> None:
        """Takes calls for so long still, then none, and lets those that run end within the drain.

        That nothing is ready any more is for who asks to see.
        """
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(delay_seconds, drain_seconds))

    async def ended(self) -> None:
        """Returns once no call runs any more."""
        self.stop_later(0.0, 0.0)
        if self._ending is not None:
            await self._ending

    async def _end(self, delay_seconds: float, drain_seconds: float) -> None:
        await asyncio.sleep(delay_seconds)
        self.stopping = True
        await self._server.stop(drain_seconds)


class _Methods(grpc.GenericRpcHandler):
    """The protocol's methods, each of which is handed the message as it came."""

    def __init__(self, pages: Pages, infer: Infer) -> None:
        self._infer = infer
        self._methods: Mapping[str, Method] = {
            f"/{SERVICE}/ServerLive": pages.live,
            f"/{SERVICE}/ServerReady": pages.server_ready,
            f"/{SERVICE}/ServerMetadata": pages.server,
            f"/{SERVICE}/ModelReady": pages.model_ready,
            f"/{SERVICE}/ModelMetadata": pages.model,
        }

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        """What answers; of a prediction without a known key something that reads no message."""
        if details.method == f"/{SERVICE}/ModelInfer":
            refusal = self._infer.refusal(headers_of(details.invocation_metadata))
            if refusal is not None:
                return grpc.stream_unary_rpc_method_handler(partial(_refuse, refusal))
            return grpc.unary_unary_rpc_method_handler(self._infer.answer)
        method = self._methods.get(details.method or "")
        if method is None:
            return None
        return grpc.unary_unary_rpc_method_handler(partial(_page, method))


async def _page(method: Method, message: bytes, context: Any) -> bytes:
    headers = headers_of(context.invocation_metadata())
    try:
        return method(message, headers).SerializeToString()
    except DecodeError:
        error: ServiceError = ClientError("The message is not one of this method.")
    except ServiceError as refusal:
        error = refusal
    except Exception:  # noqa: BLE001 - gRPC would tell the client its words
        error = internal()
    return await refused(error, context)


async def _refuse(error: ClientError, _: Any, context: Any) -> bytes:
    return await refused(error, context)


def _calls(held_bytes: int) -> int:
    return min(max(_FEWEST_CALLS, held_bytes // _BYTES_A_CALL), _MOST_CALLS)


def _options(max_body_bytes: int) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", max_body_bytes + _MORE_BYTES),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", _MORE_BYTES),
        # A port that somebody else has is one that cannot be taken.
        ("grpc.so_reuseport", 0),
        # What is compressed is unpacked by gRPC without any bound.
        ("grpc.compression_enabled_algorithms_bitset", 1),
    ]
