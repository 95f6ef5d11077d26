"""One prediction route of one slot: the path that every request takes.

Plain ASGI, before FastAPI: nothing is done per request that could be done per binding.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final, NamedTuple

from starlette.types import Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from service.contract.model_input import EncodedInput
from service.errors import NoServable, ServiceError
from service.following.slots import Slot
from service.http.client import CLIENT, Client, ClientGone
from service.http.dialect import JSON_HEADERS, Dialect, Framing
from service.http.errors import Headers, MethodNotAllowed, headers_of, internal
from service.http.held import HeldBytes, Holding
from service.http.intake import RequestIds, read_body
from service.http.observer import CLIENT_GONE, RequestObserver, RequestRecord

KEY: Final = "podium.key"
"""Where an ASGI scope holds the name of the API key that a request came with."""

_GONE: Final = "client_gone"
_STOPPED: Final = "The service has stopped before the request was answered."
# Longer replies are sent part by part: a copy of many megabytes holds the loop up.
_COPIED_BYTES: Final = 64 * 1024


class _Answer(NamedTuple):
    status: int
    parts: Sequence[bytes | bytearray]
    headers: Headers
    version: str | None
    rows: int
    error: str | None
    held: Holding | None = None
    head: bytes | None = None


@dataclass(frozen=True, slots=True)
class House:
    """What all prediction routes of one service share.

    Attributes:
        max_body_bytes: the longest body.
        bodies: those of all requests that are not answered.
        replies: the long ones that their clients have not taken.
        ids: gives each request one.
        observers: told of each request.
        logger: told of what should not happen.
    """

    max_body_bytes: int
    bodies: HeldBytes
    replies: HeldBytes
    ids: RequestIds
    observers: Sequence[RequestObserver]
    logger: FilteringBoundLogger


class PredictionEndpoint:
    """Answers each request with the one binding that the slot had when its body was complete."""

    def __init__(self, slot: Slot, dialect: Dialect, house: House) -> None:
        self._slot = slot
        self._name = str(slot.ref)
        self._dialect = dialect
        self._house = house
        self._framing: Framing | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends exactly one reply, unless the client is gone, and tells the observers."""
        started = perf_counter()
        headers = dict(scope["headers"])
        client: Client | None = scope.get(CLIENT)
        request_id = self._house.ids.accept(headers.get(b"x-request-id"))
        answer = await self._answer(scope["method"], headers, receive, request_id, client)
        code = await _deliver(send, answer, request_id, client)
        if client is not None and client.gone:
            code = CLIENT_GONE
        record = RequestRecord(
            self._name,
            self._dialect.route,
            answer.version,
            code,
            perf_counter() - started,
            answer.rows,
            request_id,
            answer.error,
            scope.get(KEY),
        )
        for observer in self._house.observers:
            observer.answered(record)

    async def _answer(
        self,
        method: str,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        request_id: str,
        client: Client | None,
    ) -> _Answer:
        framing, rows, house = None, 0, self._house
        holding = Holding(house.bodies)
        try:
            _require_post(method)
            body = await read_body(headers, receive, house.max_body_bytes, holding, client)
            framing = self._bound()
            binding = framing.binding
            media_type = headers.get(b"content-type", b"").decode("latin-1")
            _wait_for_nothing_else(client)
            # From here on: a large body is read for long, and the slot may move on meanwhile (P7).
            binding.servable.hold()
            try:
                model_input = await binding.servable.reader.read(body, media_type)
                rows = model_input.rows
                if isinstance(model_input, EncodedInput):
                    body = b""
                    holding.exchange(len(model_input.body))
                predictions = await binding.servable.predictor.predict(model_input)
            finally:
                binding.servable.release()
            held = _held(predictions, house.replies)
        except ServiceError as error:
            return self._refused(error, request_id, framing, rows)
        except ClientGone:
            return _Answer(CLIENT_GONE, (), (), None, rows, _GONE)
        except asyncio.CancelledError:
            if client is not None and client.gone:
                return _Answer(CLIENT_GONE, (), (), None, rows, _GONE)
            # The server gives up whom it could not drain: an answer is better than none.
            return self._refused(NoServable(_STOPPED), request_id, framing, rows)
        except Exception as error:  # noqa: BLE001 - the last resort of a request; logged whole
            self._log(error, request_id)
            return self._refused(internal(), request_id, framing, rows)
        finally:
            holding.release()
            if client is not None:
                client.waiting = False
        prefix, suffix = framing.bare if model_input.bare else framing.wrapped
        parts: Sequence[bytes | bytearray] = (prefix, predictions, suffix)
        if held is None:
            parts = (b"".join(parts),)
        version = binding.servable.version.version
        return _Answer(200, parts, framing.headers, version, rows, None, held, framing.head)

    def _bound(self) -> Framing:
        binding = self._slot.binding
        if binding is None:
            raise NoServable("No version of this model can answer yet. Try again shortly.")
        framing = self._framing
        if framing is None or framing.binding is not binding:
            framing = self._framing = Framing.of(binding, self._dialect)
        return framing

    def _refused(
        self, error: ServiceError, request_id: str, framing: Framing | None, rows: int
    ) -> _Answer:
        status, body = self._dialect.refusal(error, request_id)
        headers = (JSON_HEADERS if framing is None else framing.headers) + headers_of(error)
        version = None if framing is None else framing.binding.servable.version.version
        return _Answer(status, (body,), headers, version, rows, error.code)

    def _log(self, error: Exception, request_id: str) -> None:
        self._house.logger.error(
            "internal",
            request_id=request_id,
            slot=self._name,
            route=self._dialect.route,
            exc_info=error,
        )


def _require_post(method: str) -> None:
    if method != "POST":
        raise MethodNotAllowed("POST")


def _wait_for_nothing_else(client: Client | None) -> None:
    # From here on the answer is all that is waited for, and of no use to a client that leaves.
    if client is None:
        return
    if client.gone:
        raise ClientGone
    client.listen()
    client.waiting = True


def _held(predictions: bytes | bytearray, replies: HeldBytes) -> Holding | None:
    # Short ones are in the system's hands as soon as they are sent.
    if len(predictions) <= _COPIED_BYTES:
        return None
    holding = Holding(replies)
    holding.take(len(predictions))
    return holding


async def _deliver(send: Send, answer: _Answer, request_id: str, client: Client | None) -> int:
    # Returns the status, or CLIENT_GONE when nobody was there to take the reply. A model may have
    # answered with that status itself: it is MLflow's for what was cancelled.
    if answer.error == _GONE:
        return CLIENT_GONE
    try:
        if client is None or not _replied(client, answer, request_id):
            await _send(send, answer, request_id)
    except (OSError, RuntimeError):  # ASGI's and uvloop's words for a client that has left
        return CLIENT_GONE
    finally:
        if answer.held is not None:
            answer.held.release()
    return answer.status


def _replied(client: Client, answer: _Answer, request_id: str) -> bool:
    # What nearly all replies are: one with predictions, and short.
    if answer.head is None or answer.held is not None:
        return False
    (body,) = answer.parts
    lines = b"%b%d\r\nx-request-id: %b\r\n"
    return client.reply(lines % (answer.head, len(body), request_id.encode("ascii")), body)


async def _send(send: Send, answer: _Answer, request_id: str) -> None:
    headers = [
        *answer.headers,
        (b"content-length", b"%d" % sum(map(len, answer.parts))),
        (b"x-request-id", request_id.encode("ascii")),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.held is None:
        await send({"type": "http.response.body", "body": answer.parts[0]})
    else:
        await _deliver_long(send, answer.parts)


async def _deliver_long(send: Send, parts: Sequence[bytes | bytearray]) -> None:
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    # Sent when the client has taken what is before it, but for what the system buffers.
    await send({"type": "http.response.body", "body": b""})
