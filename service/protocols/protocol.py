"""The port of a protocol for predictions: how it reads, wraps and refuses."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import NamedTuple, Protocol

from service.contract.model_input import ValidInput
from service.errors import ServiceError
from service.following.ports import ReadsRequests
from service.following.servable import Binding
from service.predicting.request import RequestBody


class Enclosure(NamedTuple):
    """What stands before and after the predictions in replies by one binding.

    Attributes:
        wrapped: usually.
        bare: in the reply to a chat-style body.
    """

    wrapped: tuple[bytes, bytes]
    bare: tuple[bytes, bytes]

    def wrap(self, predictions: bytes | bytearray, *, bare: bool) -> Sequence[bytes | bytearray]:
        """The body of a reply, in parts."""
        before, after = self.bare if bare else self.wrapped
        return before, predictions, after


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

    def enclosure(self, binding: Binding) -> Enclosure:
        """The form of replies by this binding; asked for once for each."""

    def refuse(self, error: ServiceError, request_id: str) -> tuple[str, bytes]:
        """A stable code for transports, and the body, for an error."""


def by_media_type(
    reader: ReadsRequests, headers: Mapping[bytes, bytes], body: RequestBody, deadline: float
) -> Awaitable[ValidInput]:
    """Reads one of MLflow's formats, as its media type says."""
    return reader.read(body, headers.get(b"content-type", b"").decode("latin-1"), deadline)
