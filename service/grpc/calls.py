"""`ModelInfer`: a message comes in, is predicted on the one way that every request takes.

The key is looked at before the message is there; whom the message is for before it is parsed.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final
from urllib.parse import quote

import grpc
from grpc.aio import ServicerContext

from service.contract.model_input import ValidInput
from service.contract.tensors.tensor_message import TensorForm
from service.errors import BodyTooLarge, ClientError, InvalidInput, ServiceError, Unauthorized
from service.following.ports import ReadsRequests
from service.following.servable import Binding
from service.following.slot import Slot
from service.grpc.envelope import addressee, reply_of
from service.grpc.statuses import status_of
from service.http.access import ApiKeys
from service.http.errors import STATUS
from service.predicting.raised import internal, without_words
from service.predicting.request import (
    CLIENT_GONE,
    Prediction,
    PredictionRequest,
    RequestBody,
    RequestRecord,
    RequestShare,
)
from service.predicting.route import PredictionRoute, RouteContext
from service.protocols.protocol import in_words

DOOR: Final = "grpc"
"""The name in metrics and logs."""
CallHeaders = Mapping[bytes, bytes]
Context = ServicerContext[bytes, bytes]
NO_KEY: Final = "This needs an API key in the metadata: authorization: Bearer KEY."
_FORM: Final = TensorForm(protobuf=True)


def headers_of(metadata: Any) -> CallHeaders:
    """A call's metadata as headers are; of those that stand there twice the last counts."""
    return {
        key.encode("ascii"): value if isinstance(value, bytes) else value.encode("latin-1")
        for key, value in metadata or ()
    }


@dataclass(frozen=True, slots=True)
class CallForm:
    """A binding and what of a call's trailing metadata depends on it alone (P1)."""

    binding: Binding
    metadata: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, binding: Binding) -> "CallForm":
        """In the names that replies by HTTP have."""
        return cls(
            binding,
            (
                ("podium-model", quote(binding.ref.name, safe="")),
                ("podium-alias", quote(binding.ref.alias, safe="")),
                ("podium-version", quote(binding.servable.version.version, safe="")),
            ),
        )


class _Waiting:
    """Whoever waits for a call's answer: gRPC cancels its task when they leave."""

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self.waiting = False

    @property
    def gone(self) -> bool:
        return self._task is not None and self._task.cancelling() > 0

    @gone.setter
    def gone(self, gone: bool) -> None:
        """Told by the task alone."""

    def listen(self) -> None:
        """It is listened to all the time."""


class _Call(PredictionRequest[CallForm]):
    """A call whose message is there."""

    __slots__ = ("_left", "_message")

    def __init__(  # noqa: PLR0913, PLR0917 - what a call is
        self,
        request_id: str,
        key: str | None,
        headers: CallHeaders,
        share: RequestShare,
        message: bytes,
        left: float | None,
    ) -> None:
        super().__init__(request_id, key, headers, _Waiting(), share)
        self._message = message
        self._left = math.inf if left is None else max(left, 0.0)

    async def body(self, limit: int) -> RequestBody:
        """The message."""
        if len(self._message) > limit:
            raise BodyTooLarge(f"The message is longer than the {limit} bytes that are accepted.")
        self.share.take(len(self._message))
        return self._message

    def seconds(self, most: float) -> float:
        """As the call's deadline says."""
        return min(self._left, most)


def _parse(
    reader: ReadsRequests, _headers: CallHeaders, body: RequestBody, deadline: float
) -> Awaitable[ValidInput]:
    return reader.read(body, _FORM, deadline)


class Infer:
    """The method, for all slots; `find` has the slot of a name, or name and alias."""

    def __init__(
        self, find: Callable[[str], Slot], context: RouteContext, keys: ApiKeys | None
    ) -> None:
        self._find = find
        self._context = context
        self._keys = keys
        self._routes: dict[str, tuple[Slot, PredictionRoute[CallForm]]] = {}

    def refusal(self, headers: CallHeaders) -> ClientError | None:
        """Why the call need not be read at all."""
        if self._keys is None or self._keys.name_of(headers.get(b"authorization")) is not None:
            return None
        return Unauthorized(NO_KEY)

    async def answer(self, message: bytes, context: Context) -> bytes:
        """The reply; ends the call with a status where there is none."""
        headers = headers_of(context.invocation_metadata())
        request_id = self._context.ids.accept(headers.get(b"x-request-id"))
        started = monotonic()
        try:
            called, version = addressee(message)
            slot = self._find(called)
            key = self._admitted(headers, slot, request_id, started)
        except ServiceError as error:
            return await end_call(context, error, request_id)
        share = RequestShare(self._context.bodies)
        request = _Call(request_id, key, headers, share, message, context.time_remaining())
        del message
        request.pin = version or None
        route = self._route(slot)
        result = await route.predict(request)
        if result is None:
            route.record(request, result, CLIENT_GONE)
            raise asyncio.CancelledError
        return await self._answered(context, route, request, result, called)

    async def _answered(
        self,
        context: Context,
        route: PredictionRoute[CallForm],
        request: _Call,
        result: Prediction[CallForm] | ServiceError,
        called: str,
    ) -> bytes:
        reply = b""
        if isinstance(result, Prediction):
            made = self._reply(request, result, called)
            if isinstance(made, ServiceError):
                _release(result)
                result = made
            else:
                reply = made
        code = 200 if isinstance(result, Prediction) else _http_status(result)

        def ended(done: Any) -> None:
            _release(result)
            route.record(request, result, CLIENT_GONE if done.cancelled() else code)

        context.add_done_callback(ended)  # type: ignore[arg-type]
        form = () if request.form is None else request.form.metadata
        if isinstance(result, ServiceError):
            return await end_call(context, result, request.id, form)
        context.set_trailing_metadata((*form, ("x-request-id", request.id)))
        return reply

    def forget(self, slot: Slot) -> None:
        """It has gone, and what it served with it."""
        self._routes.pop(str(slot.ref), None)

    def _reply(
        self, request: _Call, result: Prediction[CallForm], called: str
    ) -> bytes | ServiceError:
        try:
            version = result.form.binding.servable.version.version
            return reply_of(result, called, version)
        except ClientError as error:
            return error
        except Exception as error:  # noqa: BLE001 - gRPC would tell the client its words
            told = without_words(error)
            self._context.logger.error("internal", request_id=request.id, exception=told)  # noqa: TRY400 - without its words
            return internal()

    def _admitted(
        self, headers: CallHeaders, slot: Slot, request_id: str, started: float
    ) -> str | None:
        """The name of the call's key; raises what that may not."""
        if self._keys is None:
            return None
        sent = headers.get(b"authorization")
        name = self._keys.name_of(sent)
        refusal: ClientError | None = Unauthorized(NO_KEY)
        if name is not None:
            refusal = self._keys.refusal(sent, name, str(slot.ref))
        if refusal is None:
            return name
        record = RequestRecord(
            *(str(slot.ref), DOOR, None, STATUS[refusal.code], monotonic() - started, 0),
            *(request_id, refusal.code, name),
        )
        for observer in self._context.observers:
            observer.answered(record)
        raise refusal

    def _route(self, slot: Slot) -> PredictionRoute[CallForm]:
        name = str(slot.ref)
        kept = self._routes.get(name)
        if kept is None or kept[0] is not slot:
            made = PredictionRoute(slot, DOOR, _parse, CallForm.of, self._context)
            kept = self._routes[name] = slot, made
        return kept[1]


def _http_status(error: ServiceError) -> int:
    """By which metrics and logs count it, as the protocol has it by HTTP."""
    return STATUS[ClientError.code if isinstance(error, InvalidInput) else error.code]


def _release(result: Prediction[CallForm] | ServiceError) -> None:
    if isinstance(result, Prediction) and result.held is not None:
        result.held.release()


async def end_call(
    context: Context,
    error: ServiceError,
    request_id: str,
    metadata: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """Ends the call with the error's status, its words, its code, and the request's id."""
    trailing = (*metadata, ("podium-code", error.code), ("x-request-id", request_id))
    await context.abort(status_of(error), in_words(error, request_id), trailing)
    raise AssertionError  # it has been raised by gRPC


async def refused(error: ServiceError, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
    """A call that is not read."""
    headers = headers_of(context.invocation_metadata())
    return await end_call(context, error, headers.get(b"x-request-id", b"").decode("latin-1"))
