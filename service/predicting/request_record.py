"""What is told about a request once it has been answered, and who may listen."""

from typing import NamedTuple, Protocol

CLIENT_GONE = 499
"""The code of a request whose client is known to have gone unanswered; nginx's word.

Sent to nobody.
"""


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


class RequestRecord(NamedTuple):
    """One request for a prediction, told once, at its end.

    A named tuple because one is made per request: it costs a quarter of a frozen dataclass.

    Attributes:
        slot: the reference that was asked for, `name@alias`, as configured.
        route: `predict` or `invocations`, never the request's path.
        version: the version that answered or refused, None if there was none.
        code: the HTTP status, or `CLIENT_GONE`.
        seconds: from the request's headers to the end of its reply.
        rows: of a valid request, else 0.
        request_id: the client's, if it sent a usable one.
        error: the stable code of what went wrong, None for an answer.
        key: the name of the API key that it came with, None where none is asked or none is known.
        timeline: None where nobody asks for it.
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


class RequestObserver(Protocol):
    """Listens to requests. Called on the event loop: it neither blocks nor raises."""

    def answered(self, record: RequestRecord) -> None:
        """A request has come to its end."""
        ...
