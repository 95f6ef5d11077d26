"""What two protocols for the same predictions differ in, and what a version adds to a reply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from service.errors import ServiceError
from service.following.servable import Binding
from service.http.errors import Headers


class Dialect(Protocol):
    """One protocol: how it wraps predictions and how it says no."""

    @property
    def route(self) -> str:
        """The last part of its paths, and its name in metrics and logs."""
        ...

    def enclosure(self, binding: Binding) -> tuple[bytes, bytes]:
        """What stands before and after the predictions in a reply by this binding."""
        ...

    @property
    def wraps_chats(self) -> bool:
        """Whether that also holds for the reply to a chat-style body."""
        ...

    def refusal(self, error: ServiceError, request_id: str) -> tuple[int, bytes]:
        """Status and JSON body for an error."""
        ...

    @property
    def responses(self) -> Mapping[str, Any]:
        """The replies by status, as OpenAPI describes them."""
        ...

    @property
    def schemas(self) -> Mapping[str, Any]:
        """The components that `responses` refers to."""
        ...


@dataclass(frozen=True, slots=True)
class Framing:
    """A binding and everything of a reply that depends on it alone, made once per swap (P1).

    Attributes:
        binding: who answers.
        wrapped: what stands before and after predictions.
        bare: the same for the reply to a chat-style body.
        headers: of every reply.
        head: of a reply with predictions, as it is sent, up to the length of its body.
    """

    binding: Binding
    wrapped: tuple[bytes, bytes]
    bare: tuple[bytes, bytes]
    headers: Headers
    head: bytes

    def wrap(self, predictions: bytes | bytearray, *, bare: bool) -> Sequence[bytes | bytearray]:
        """The body of a reply, in parts; `bare` in answer to a chat."""
        prefix, suffix = self.bare if bare else self.wrapped
        return prefix, predictions, suffix

    @classmethod
    def of(cls, binding: Binding, dialect: Dialect) -> "Framing":
        """The frame of this binding's replies in this protocol."""
        wrapped = dialect.enclosure(binding)
        bare = wrapped if dialect.wraps_chats else (b"", b"")
        headers = (*JSON_HEADERS, *_identity(binding))
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        head = b"HTTP/1.1 200 OK\r\n%bcontent-length: " % lines
        return cls(binding, wrapped, bare, headers, head)


JSON_HEADERS: Headers = ((b"content-type", b"application/json"),)


def _identity(binding: Binding) -> Headers:
    # Header values are bytes without a character set; percent-encoding keeps any name whole.
    def encoded(text: str) -> bytes:
        return quote(text, safe="").encode("ascii")

    return (
        (b"podium-model", encoded(binding.ref.name)),
        (b"podium-alias", encoded(binding.ref.alias)),
        (b"podium-version", encoded(binding.servable.version.version)),
    )
