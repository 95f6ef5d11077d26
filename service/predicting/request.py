"""A request for a prediction as a door hands it in, and what comes of it."""

import itertools
import re
import secrets
from collections.abc import Awaitable, Mapping
from time import monotonic
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from service.following.servable import Binding
from service.predicting.held import RequestShare
from service.predicting.request_record import Timeline

_USABLE_ID: Final = re.compile(rb"[\x20-\x7e]{1,128}")

RequestBody = bytes | list[bytearray]
"""Whole, or in the pieces that it came in."""


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
        ...


class ReplyForm(Protocol):
    """What of a door's replies depends on a binding alone; made once for each (P1)."""

    @property
    def binding(self) -> Binding:
        """Who answers."""
        ...


F = TypeVar("F", bound=ReplyForm)


class PredictionRequest(Generic[F]):
    """One request on its way: what it came with, what it holds, and how far it has come.

    Attributes:
        id: the client's, if it sent a usable one.
        key: the name of the API key that it came with, None where none is asked or none is known.
        headers: by their names in lower case.
        caller: None where nobody can leave.
        share: what it holds of the bodies of all requests.
        received: when its headers had come, by `time.monotonic`.
        form: what answers it, from when it is bound on.
        rows: of a valid request, else 0.
        timeline: None where nobody asks for it.
    """

    __slots__ = (
        *("caller", "form", "headers", "id", "key", "received", "rows", "share", "timeline"),
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
        self.key = key
        self.headers = headers
        self.caller = caller
        self.share = share
        self.received = monotonic()
        self.form: F | None = None
        self.rows = 0
        self.timeline: Timeline | None = None

    def body(self, limit: int) -> Awaitable[RequestBody]:
        """All of it, of at most `limit` bytes, which `share` holds from then on.

        Raises `ClientError`, `Overloaded` or `ClientGone`.
        """
        raise NotImplementedError

    def seconds(self, most: float) -> float:
        """What it may take as a whole once it has come: at most `most`. Raises `InvalidInput`."""
        raise NotImplementedError


class Prediction(NamedTuple, Generic[F]):
    """What a request came to that was answered.

    Attributes:
        form: whose answer it is.
        predictions: as JSON text.
        bare: whether the request was a chat, whose reply MLflow does not wrap.
        held: long predictions, until they are sent.
    """

    form: F
    predictions: bytes | bytearray
    bare: bool
    held: RequestShare | None


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
