"""One prediction route of one slot: the path that every request takes.

Plain ASGI, before FastAPI: nothing is done per request that could be done per binding.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Final

from starlette.types import Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from service.contract.model_input import EncodedInput, ValidInput
from service.errors import NoServable, ServiceError, Withdrawn
from service.following.slots import Slot
from service.following.waiting import seconds_until_ready
from service.http.client import CLIENT, Client, ClientGone
from service.http.delivery import GONE, PredictionOutcome, deliver, hold_long
from service.http.dialect import JSON_HEADERS, Dialect, Framing
from service.http.errors import MethodNotAllowed, headers_with, internal
from service.http.intake import RequestIds, read_body
from service.http.timeout import TIMEOUT, seconds_of
from service.predicting.held import HeldBytes, RequestShare
from service.predicting.raised import without_words
from service.predicting.request_record import CLIENT_GONE, RequestObserver, RequestRecord

KEY: Final = "podium.key"
"""Where an ASGI scope holds the name of the API key that a request came with."""

_STOPPED: Final = "The service has stopped before the request was answered."


class _Course:
    """How far a request has come: what it holds, the binding that answers it, and its rows."""

    __slots__ = ("framing", "holding", "rows")

    def __init__(self, holding: RequestShare) -> None:
        self.holding = holding
        self.framing: Framing | None = None
        self.rows = 0


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
        request_seconds: from when a request has come whole to when its answer is made.
    """

    max_body_bytes: int
    bodies: HeldBytes
    replies: HeldBytes
    ids: RequestIds
    observers: Sequence[RequestObserver]
    logger: FilteringBoundLogger
    request_seconds: float = math.inf


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
        code = await deliver(send, answer, request_id, client)
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
    ) -> PredictionOutcome:
        course = _Course(RequestShare(self._house.bodies))
        try:
            return await self._predicted(method, headers, receive, client, course)
        except ServiceError as error:
            return self._refused(error, request_id, course)
        except ClientGone:
            return PredictionOutcome(CLIENT_GONE, (), (), None, course.rows, GONE)
        except asyncio.CancelledError:
            if client is not None and client.gone:
                return PredictionOutcome(CLIENT_GONE, (), (), None, course.rows, GONE)
            # The server gives up whom it could not drain: an answer is better than none.
            return self._refused(NoServable(_STOPPED), request_id, course)
        except Exception as error:  # noqa: BLE001 - the last resort of a request; logged
            self._log(error, request_id)
            return self._refused(internal(), request_id, course)
        finally:
            course.holding.release()
            if client is not None:
                client.waiting = False

    async def _predicted(
        self,
        method: str,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        client: Client | None,
        course: _Course,
    ) -> PredictionOutcome:
        _require_post(method)
        limit, holding = self._house.max_body_bytes, course.holding
        body = await read_body(headers, receive, limit, holding, client)
        # Its client's time to send it has limits of its own.
        seconds, sent = self._house.request_seconds, headers.get(TIMEOUT)
        deadline = monotonic() + (seconds if sent is None else seconds_of(sent, seconds))
        framing = course.framing = self._bound()
        servable, alias = framing.binding.servable, framing.binding.ref.alias
        media_type = headers.get(b"content-type", b"").decode("latin-1")
        _wait_for_nothing_else(client)
        # From here on: a large body is read for long, and the slot may move on meanwhile (P7).
        servable.hold()
        try:
            model_input = await servable.reader.read(body, media_type, deadline)
            course.rows = model_input.rows
            if isinstance(model_input, EncodedInput):
                body = b""
                holding.exchange(len(model_input.body))
            predictions = await servable.predictor.predict(model_input, deadline, alias)
        finally:
            servable.release()
        if servable.refusal is not None:
            raise servable.refusal
        return self._answered(framing, model_input, predictions)

    def _answered(
        self, framing: Framing, model_input: ValidInput, predictions: bytes | bytearray
    ) -> PredictionOutcome:
        prefix, suffix = framing.bare if model_input.bare else framing.wrapped
        parts: Sequence[bytes | bytearray] = (prefix, predictions, suffix)
        held = hold_long(predictions, self._house.replies)
        if held is None:
            parts = (b"".join(parts),)
        version, rows = framing.binding.servable.version.version, model_input.rows
        return PredictionOutcome(
            200, parts, framing.headers, version, rows, None, held, framing.head
        )

    def _bound(self) -> Framing:
        binding = self._slot.binding
        if binding is None:
            self._framing = None  # what it was made of is not kept
            raise self._nobody()
        framing = self._framing
        if framing is None or framing.binding is not binding:
            framing = self._framing = Framing.of(binding, self._dialect)
        return framing

    def _nobody(self) -> ServiceError:
        if self._slot.lacking is not None:
            return Withdrawn()
        seconds = seconds_until_ready(self._slot, monotonic())
        return NoServable("No version of this model can answer yet.", seconds)

    def _refused(self, error: ServiceError, request_id: str, course: _Course) -> PredictionOutcome:
        framing = course.framing
        if framing is not None and framing.binding.servable.refusal is not None:
            # Whatever it was refused for: a version that is withdrawn says nothing more.
            error = framing.binding.servable.refusal
        status, body = self._dialect.refusal(error, request_id)
        headers = JSON_HEADERS if framing is None else framing.headers
        version = None if framing is None else framing.binding.servable.version.version
        headers += headers_with(status, error)
        return PredictionOutcome(status, (body,), headers, version, course.rows, error.code)

    def _log(self, error: Exception, request_id: str) -> None:
        self._house.logger.error(
            "internal",
            request_id=request_id,
            slot=self._name,
            route=self._dialect.route,
            exception=without_words(error),
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
