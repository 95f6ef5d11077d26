"""The port of a protocol for predictions: how it reads, wraps and refuses."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from service.contract.model_input import ValidInput
from service.errors import ClientError, FieldError, InvalidInput, ServiceError, Withdrawn
from service.following.ports import ReadsRequests
from service.following.servable import Binding
from service.predicting.request import Prediction, RequestBody


class WrappedReply(NamedTuple):
    """A reply's body.

    Attributes:
        parts: of it, in order.
        json_bytes: how much of it is JSON, where raw bytes follow; None: all of it.
    """

    parts: Sequence[bytes | bytearray | memoryview]
    json_bytes: int | None = None


class Encloses(Protocol):
    """The form of replies by one binding."""

    def wrap(self, prediction: Prediction[Any]) -> WrappedReply:
        """The reply with these predictions."""


class Enclosure(NamedTuple):
    """What stands before and after the predictions in replies by one binding.

    Attributes:
        wrapped: usually.
        bare: in the reply to a chat-style body.
    """

    wrapped: tuple[bytes, bytes]
    bare: tuple[bytes, bytes]

    def wrap(self, prediction: Prediction[Any]) -> WrappedReply:
        """The predictions between the two."""
        before, after = self.bare if prediction.bare else self.wrapped
        return WrappedReply((before, prediction.predictions, after))


class PredictionProtocol(Protocol):
    """One protocol. It knows of no transport, which maps its codes to statuses of its own."""

    @property
    def route(self) -> str:
        """The last part of its paths, and its name in metrics and logs."""

    def parse(
        self,
        reader: ReadsRequests,
        headers: Mapping[bytes, bytes],
        body: RequestBody,
        deadline: float,
    ) -> Awaitable[ValidInput]:
        """The request, by the reader of a version; as `ReadsRequests.read`.

        Names of `headers` are in lower case.
        """

    def enclosure(self, binding: Binding) -> Encloses:
        """The form of replies by this binding; asked for once for each."""

    def refuse(self, error: ServiceError, request_id: str) -> tuple[str, bytes]:
        """A stable code for transports, and the body, for an error."""


def by_media_type(
    reader: ReadsRequests, headers: Mapping[bytes, bytes], body: RequestBody, deadline: float
) -> Awaitable[ValidInput]:
    """Reads one of MLflow's formats, as its media type says."""
    return reader.read(body, headers.get(b"content-type", b"").decode("latin-1"), deadline)


def in_words(error: ServiceError, request_id: str) -> str:
    """An error in one text, with everything wrong; a fault of ours names the request's id."""
    if isinstance(error, InvalidInput):
        return " ".join([error.message, *map(_sentence, error.errors)])
    theirs = isinstance(error, ClientError | Withdrawn)
    return error.message if theirs else with_id(error, request_id)


def with_id(error: ServiceError, request_id: str) -> str:
    """Its message, and where to look for the rest."""
    return f"{error.message} (request {request_id})"


def _sentence(error: FieldError) -> str:
    return f"{'.'.join(map(str, error.loc))}: {error.msg}"
