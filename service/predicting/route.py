"""The way that every prediction takes: admit, bind, hold, read, predict, release, record.

A door hands in requests, and makes replies of what they come to. Nothing is done per request that
could be done per binding.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final, Generic

from structlog.typing import FilteringBoundLogger

from service.contract.model_input import EncodedInput, TensorReply, ValidInput
from service.errors import (
    NoServable,
    PredictionFailed,
    PredictionTimedOut,
    ServiceError,
    UnknownVersion,
    Withdrawn,
)
from service.following.ports import ReadsRequests
from service.following.second_opinions import Doubt
from service.following.servable import Binding, Shadow, Traffic
from service.following.slot import Slot
from service.following.waiting import seconds_until_ready
from service.predicting.hearing import HeardRequest, HearsRequests
from service.predicting.raised import internal, without_words
from service.predicting.request import (
    CLIENT_GONE,
    Caller,
    ClientGone,
    F,
    HeldBytes,
    Parse,
    Prediction,
    PredictionRequest,
    RequestBody,
    RequestIds,
    RequestObserver,
    RequestRecord,
    RequestShare,
    Timeline,
)
from service.rollout.outcomes import DOUBTFUL

COPIED_BYTES: Final = 64 * 1024
"""Longer replies are not copied, which would hold the loop up, and are held until they are sent."""
_STOPPED: Final = "The service has stopped before the request was answered."


@dataclass(frozen=True, slots=True)
class RouteContext:
    """What all prediction routes of one service share.

    Attributes:
        max_body_bytes: the longest body.
        bodies: those of all requests that are not answered.
        replies: the long ones that their clients have not taken.
        ids: gives each request one.
        observers: told of each request.
        logger: told of what should not happen.
        request_seconds: from when a request has come whole to when its answer is made.
        timed: whether an observer asks for timelines.
        hears: has shadows predict what was answered; None: there is none.
    """

    max_body_bytes: int
    bodies: HeldBytes
    replies: HeldBytes
    ids: RequestIds
    observers: Sequence[RequestObserver]
    logger: FilteringBoundLogger
    request_seconds: float = math.inf
    timed: bool = False
    hears: HearsRequests | None = None


class PredictionRoute(Generic[F]):
    """Predicts with the one binding that a request gets when its body is complete.

    Args:
        slot: read on every request, never written.
        door: its name in metrics and logs.
        parse: how it reads requests.
        form_of: makes what of its replies depends on a binding alone.
        context: what all routes share.
    """

    def __init__(
        self,
        slot: Slot,
        door: str,
        parse: Parse,
        form_of: Callable[[Binding], F],
        context: RouteContext,
    ) -> None:
        self._slot = slot
        self._name = str(slot.ref)
        self._door = door
        self._parse = parse
        self._form_of = form_of
        self._context = context
        self._form: F | None = None
        # Those of arms, of the traffic that was read last.
        self._forms: list[F] = []
        self._shared_by: Traffic | None = None

    async def predict(self, request: PredictionRequest[F]) -> Prediction[F] | ServiceError | None:
        """What the request comes to: an answer, an error, or None where nobody waits any more.

        Raises nothing, whatever happens, and gives back what the request holds.
        """
        try:
            return await self._predicted(request)
        except ServiceError as error:
            return _refused(request, error)
        except ClientGone:
            return None
        except asyncio.CancelledError:
            if request.caller is not None and request.caller.gone:
                return None
            # The server gives up whom it could not drain: an answer is better than none.
            return _refused(request, NoServable(_STOPPED))
        except Exception as error:  # noqa: BLE001 - the last resort of a request; logged
            self._log(error, request.id)
            return _refused(request, internal())
        finally:
            request.share.release()
            if request.caller is not None:
                request.caller.waiting = False

    def record(
        self, request: PredictionRequest[F], result: Prediction[F] | ServiceError | None, code: int
    ) -> None:
        """Tells the observers, once the reply has left with that code, or nobody has taken it."""
        form, now, ref = None if result is None else request.form, monotonic(), self._slot.ref
        if request.timeline is not None:
            request.timeline.written = None if code == CLIENT_GONE else now
        arm = None if form is None or form.binding.ref is ref else str(form.binding.ref)
        record = RequestRecord(
            arm or self._name,
            self._door,
            None if form is None else form.binding.servable.version.version,
            code,
            now - request.received,
            request.rows,
            request.id,
            _error_code(result),
            request.key,
            request.timeline,
            None if arm is None else self._name,
        )
        for observer in self._context.observers:
            observer.answered(record)
        if request.heard is not None and self._context.hears is not None:
            _tell_shadow(self._context.hears, request.heard, result)

    async def _predicted(self, request: PredictionRequest[F]) -> Prediction[F]:
        context = self._context
        timeline = request.timeline = Timeline(request.received) if context.timed else None
        body = await request.body(context.max_body_bytes)
        # Its client's time to send it has limits of its own.
        seconds = request.seconds(context.request_seconds)
        began = monotonic()
        deadline = began + seconds
        if request.packed:
            body = await request.unpacked(body, context.max_body_bytes, deadline)
        form = request.form = self._bound(request)
        shadow = self._slot.traffic.shadow  # in the turn of the bind
        servable, alias = form.binding.servable, form.binding.ref.alias
        outcomes = form.binding.outcomes
        _wait_for_nothing_else(request.caller)
        # No await since it was bound: the slot's own hold keeps the servable open until here. From
        # here on this one does: a large body is read for long, and the slot may move on (P7).
        servable.hold()
        model_input: ValidInput | None = None
        try:
            model_input = await self._parse(servable.reader, request.headers, body, deadline)
            request.rows = model_input.rows
            if shadow is not None and shadow.against is servable:
                timeline = self._hears(shadow, request, model_input, body, timeline)
            if isinstance(model_input, EncodedInput):
                body = b""
                kept = 0 if request.heard is None else _size(request.heard.body, None)
                request.share.exchange(len(model_input.body) + kept)
            if timeline is not None:
                timeline.read = monotonic()
            reply = model_input.reply
            seconds = seconds if reply is None else _shortened(seconds, reply)
            deadline = began + seconds
            predictions = await servable.predictor.predict(model_input, deadline, alias, timeline)
        except ServiceError as error:
            # That its client allows less than the service does is no failure of the version.
            hurried = seconds < context.request_seconds and monotonic() >= deadline
            if not (hurried and isinstance(error, PredictionTimedOut)):
                self._count_failure(form.binding, request.headers, body, model_input, error)
            raise
        finally:
            servable.release()
        if timeline is not None:
            timeline.answered = monotonic()
        if servable.refusal is not None:
            # One for all requests: it must not gather the frames of each.
            raise servable.refusal.with_traceback(None)
        held = None if len(predictions) <= COPIED_BYTES else self._held(len(predictions))
        outcomes.requests += 1
        if outcomes.requests >= outcomes.full:
            outcomes.fill()
        return Prediction(form, predictions, model_input.bare, held, reply)

    def _hears(
        self,
        shadow: Shadow,
        request: PredictionRequest[F],
        model_input: ValidInput,
        body: RequestBody,
        timeline: Timeline | None,
    ) -> Timeline | None:
        """Notes what the shadow is to hear, should it be this request's turn; its timeline then."""
        hears = self._context.hears
        if hears is None or not hears.wants(shadow.share):
            return timeline
        keeps = hears.keeps_bodies or not shadow.reads_same
        size = _size(body, model_input)
        if isinstance(model_input, EncodedInput):
            # Another version may have to be given other slices, or none.
            keeps = keeps or bool(model_input.slices)
            size += keeps * _size(body, None)
        timeline = timeline or Timeline(request.received)
        request.heard = HeardRequest(
            self._slot.ref,
            shadow,
            request.id,
            model_input,
            request.headers,
            body if keeps else b"",
            size,
            timeline,
            self._parse,
        )
        return timeline

    def _count_failure(
        self,
        binding: Binding,
        headers: Mapping[bytes, bytes],
        body: RequestBody,
        model_input: ValidInput | None,
        error: ServiceError,
    ) -> None:
        outcomes = binding.outcomes
        outcomes.failed(error.code)
        if outcomes.doubts is None or error.code not in DOUBTFUL:
            return

        def read(reader: ReadsRequests) -> Awaitable[ValidInput]:
            return self._parse(reader, headers, body, math.inf)

        outcomes.doubts.doubt(Doubt(error.code, model_input, read, _size(body, model_input)))

    def _bound(self, request: PredictionRequest[F]) -> F:
        traffic = self._slot.traffic
        buckets, binding = traffic.buckets, traffic.binding
        if request.pin is not None:
            # Not kept: it may be of a version that leaves.
            return self._form_of(self._pinned(traffic, request.pin))
        if buckets is not None:
            return self._shared(traffic, buckets.pick(request.headers))
        if binding is None:
            self._form = None  # what it was made of is not kept
            raise self._nobody()
        form = self._form
        if form is None or form.binding is not binding:
            self._forms, self._shared_by = [], None
            form = self._form = self._form_of(binding)
        return form

    def _pinned(self, traffic: Traffic, version: str) -> Binding:
        """Whichever answers with that version: the slot's own, or an arm."""
        for arm in traffic.arms:
            if arm.binding.servable.version.version == version:
                return arm.binding
        if traffic.binding is None:
            raise self._nobody()
        raise UnknownVersion("This version is not what answers for the model and alias now.")

    def _shared(self, traffic: Traffic, binding: Binding) -> F:
        if traffic is not self._shared_by:
            kept = [
                each
                for each in self._forms
                if any(each.binding is arm.binding for arm in traffic.arms)
            ]
            self._forms, self._shared_by, self._form = kept, traffic, None
        for form in self._forms:
            if form.binding is binding:
                return form
        form = self._form_of(binding)
        self._forms.append(form)
        return form

    def _nobody(self) -> ServiceError:
        if self._slot.lacking is not None:
            return Withdrawn()
        seconds = seconds_until_ready(self._slot, monotonic())
        return NoServable("No version of this model can answer yet.", seconds)

    def _held(self, size: int) -> RequestShare:
        """Raises `Overloaded`."""
        share = RequestShare(self._context.replies)
        share.take(size)
        return share

    def _log(self, error: Exception, request_id: str) -> None:
        self._context.logger.error(
            "internal",
            request_id=request_id,
            slot=self._name,
            route=self._door,
            exception=without_words(error),
        )


def _shortened(seconds: float, reply: TensorReply) -> float:
    return seconds if reply.seconds is None else min(seconds, reply.seconds)


def _tell_shadow(
    hears: HearsRequests, heard: HeardRequest, result: Prediction[F] | ServiceError | None
) -> None:
    if isinstance(result, Prediction):
        hears.hear(heard, result.predictions, None)
    elif isinstance(result, PredictionFailed):
        hears.hear(heard, None, result.code)


def _size(body: RequestBody, model_input: ValidInput | None) -> int:
    if isinstance(model_input, EncodedInput):
        return len(model_input.body)
    return len(body) if isinstance(body, bytes) else sum(map(len, body))


def _error_code(result: Prediction[F] | ServiceError | None) -> str | None:
    if isinstance(result, ServiceError):
        return result.code
    return "client_gone" if result is None else None


def _refused(request: PredictionRequest[F], error: ServiceError) -> ServiceError:
    form = request.form
    if form is not None and form.binding.servable.refusal is not None:
        # Whatever it was refused for: a version that is withdrawn says nothing more.
        return form.binding.servable.refusal
    return error


def _wait_for_nothing_else(caller: Caller | None) -> None:
    # From here on the answer is all that is waited for, and of no use to a caller that leaves.
    if caller is None:
        return
    if caller.gone:
        raise ClientGone
    caller.listen()
    caller.waiting = True
