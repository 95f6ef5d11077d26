"""A request for a prediction as a door hands it in, what comes of it, and what is told of that.

What requests hold in memory is bounded over all of them, whichever slot they are for.
"""

import itertools
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Protocol, TypeVar

from service.contract.model_input import TensorReply, ValidInput
from service.errors import Overloaded
from service.following.ports import ReadsRequests
from service.following.servable import Binding

if TYPE_CHECKING:
    from service.predicting.hearing import HeardRequest

_USABLE_ID: Final = re.compile(rb"[\x20-\x7e]{1,128}")

RequestBody = bytes | list[bytearray]
"""Whole, or in the pieces that it came in."""
CLIENT_GONE = 499
"""The code of a request whose client is known to have gone unanswered; nginx's word.

Sent to nobody.
"""


Parse = Callable[[ReadsRequests, Mapping[bytes, bytes], RequestBody, float], Awaitable[ValidInput]]
"""How a door reads: by a version's reader, from headers and body, until the deadline."""


class ClientGone(Exception):
    """The client went away before its request was answered; there is nobody to answer."""


class Caller(Protocol):
    """Whoever waits for an answer.

    Attributes:
        gone: nobody waits any more.
        waiting: whether the request is cancelled when its caller leaves: it waits for nothing but
            the answer. Predicting sets this, and takes it back before the reply.
    """

    gone: bool
    waiting: bool

    def listen(self) -> None:
        """Goes on reading, for only who reads sees that the other has left."""


class ReplyForm(Protocol):
    """What of a door's replies depends on a binding alone; made once for each (P1)."""

    @property
    def binding(self) -> Binding:
        """Who answers."""


F = TypeVar("F", bound=ReplyForm)


class HeldBytes:
    """What all requests hold together, up to a limit.

    What comes in pieces may hold half of it at most: however many of those arrive or wait, what
    comes at once finds room. Where nothing else of its kind is held, any length is taken.
    """

    __slots__ = ("limit", "pieces", "whole")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.whole = 0
        self.pieces = 0

    @property
    def total(self) -> int:
        """All that is held now."""
        return self.whole + self.pieces


class RequestShare:
    """One request's part of it, until it is released."""

    __slots__ = ("_all", "_pieces", "_whole")

    def __init__(self, everything: HeldBytes) -> None:
        self._all = everything
        self._whole = 0
        self._pieces = 0

    def take(self, size: int) -> None:
        """Holds what has come at once. Raises `Overloaded`."""
        held = self._all
        if held.whole and held.whole + held.pieces + size > held.limit:
            raise _too_much()
        held.whole += size
        self._whole += size

    def take_piece(self, size: int) -> None:
        """Holds one more of several pieces. Raises `Overloaded`; what was held stays held."""
        held = self._all
        others = held.pieces > self._pieces
        if others and held.pieces + size > min(held.limit // 2, held.limit - held.whole):
            raise _too_much()
        self._add(size)

    def exchange(self, size: int) -> None:
        """Holds so many bytes instead of all so far; never refused, for they are there already."""
        self.release()
        self._add(size)

    def release(self) -> None:
        """Holds nothing more."""
        self._all.whole -= self._whole
        self._all.pieces -= self._pieces
        self._whole = self._pieces = 0

    def _add(self, size: int) -> None:
        self._all.pieces += size
        self._pieces += size


def _too_much() -> Overloaded:
    return Overloaded("Other requests hold too much already.")


class Timeline:
    """When one request came how far, by `time.monotonic`; None: it never did.

    Attributes:
        received: its headers had come.
        read: all of it had come, and was valid.
        queued: it waited for a host.
        sent: a host had it.
        answered: its predictions were there.
        written: its reply had left.
    """

    __slots__ = ("answered", "queued", "read", "received", "sent", "written")

    def __init__(self, received: float) -> None:
        self.received = received
        self.read: float | None = None
        self.queued: float | None = None
        self.sent: float | None = None
        self.answered: float | None = None
        self.written: float | None = None


class PredictionRequest(Generic[F]):
    """One request on its way: what it came with, what it holds, and how far it has come.

    Attributes:
        id: the client's, if it sent a usable one.
        key: the name of the API key that it came with, None where none is asked or none is known.
        headers: by their names in lower case.
        caller: None where nobody can leave.
        pin: the version that is to answer; None: whichever does.
        share: what it holds of the bodies of all requests.
        received: when its headers had come, by `time.monotonic`.
        form: what answers it, from when it is bound on.
        rows: of a valid request, else 0.
        packed: whether its body has to be unpacked before it is read.
        timeline: None where nobody asks for it.
        heard: what a shadow is to hear of it; None: nothing.
    """

    __slots__ = (
        *("caller", "form", "headers", "heard", "id", "key", "packed", "pin", "received", "rows"),
        *("share", "timeline"),
    )

    def __init__(
        self,
        request_id: str,
        key: str | None,
        headers: Mapping[bytes, bytes],
        caller: Caller | None,
        share: RequestShare,
    ) -> None:
        self.id = request_id
        self.pin: str | None = None
        self.key = key
        self.headers = headers
        self.caller = caller
        self.share = share
        self.received = monotonic()
        self.form: F | None = None
        self.rows = 0
        self.packed = False
        self.timeline: Timeline | None = None
        self.heard: HeardRequest | None = None

    def body(self, limit: int) -> Awaitable[RequestBody]:
        """All of it, of at most `limit` bytes, which `share` holds from then on.

        Raises `ClientError`, `Overloaded` or `ClientGone`.
        """
        raise NotImplementedError

    async def unpacked(self, body: RequestBody, limit: int, deadline: float) -> RequestBody:
        """What such a body is of, at most `limit` bytes, which `share` holds instead.

        By the `deadline`, else `Overloaded`. Raises `ClientError` too.
        """
        raise NotImplementedError

    def seconds(self, most: float) -> float:
        """What it may take as a whole once it has come: at most `most`. Raises `InvalidInput`."""
        raise NotImplementedError


class Prediction(NamedTuple, Generic[F]):
    """What a request came to that was answered.

    Attributes:
        form: whose answer it is.
        predictions: as JSON text; or named outputs, as `service.host.output_tensors` has them.
        bare: whether the request was a chat, whose reply MLflow does not wrap.
        held: long predictions, until they are sent.
        reply: what the client asks of named outputs; None: MLflow's JSON.
    """

    form: F
    predictions: bytes | bytearray
    bare: bool
    held: RequestShare | None
    reply: TensorReply | None = None


class RequestIds:
    """Gives every request an id: the client's if it is usable, else one of this process's own.

    Usable are 1 to 128 printable ASCII characters. Own ids are a random text drawn once and a
    number, because drawing one per request costs as much as the rest of the intake.
    """

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(6)
        self._numbers = itertools.count(1)

    def accept(self, sent: bytes | None) -> str:
        """The id for a request that came with this `X-Request-ID`."""
        if sent is not None and _USABLE_ID.fullmatch(sent):
            return sent.decode("ascii")
        return f"{self._prefix}-{next(self._numbers):x}"


class RequestRecord(NamedTuple):
    """One request for a prediction, told once, at its end.

    A named tuple because one is made per request: it costs a quarter of a frozen dataclass.

    Attributes:
        slot: the reference that answered, `name@alias`: the one that was asked for, as configured,
            or an arm of it.
        route: `predict`, `invocations` or `infer`, never the request's path.
        version: the version that answered or refused, None if there was none.
        code: the HTTP status, or `CLIENT_GONE`.
        seconds: from the request's headers to the end of its reply.
        rows: of a valid request, else 0.
        request_id: the client's, if it sent a usable one.
        error: the stable code of what went wrong, None for an answer.
        key: the name of the API key that it came with, None where none is asked or none is known.
        timeline: None where nobody asks for it.
        asked: the reference that was asked for, where an arm of it has answered; else None.
    """

    slot: str
    route: str
    version: str | None
    code: int
    seconds: float
    rows: int
    request_id: str
    error: str | None
    key: str | None = None
    timeline: Timeline | None = None
    asked: str | None = None


class RequestObserver(Protocol):
    """Listens to requests. Called on the event loop: it neither blocks nor raises."""

    def answered(self, record: RequestRecord) -> None:
        """A request has come to its end."""
