"""What a version adds to a reply by HTTP, made once for each binding."""

from dataclasses import dataclass
from urllib.parse import quote

from service.following.servable import Binding
from service.http.errors import Headers
from service.protocols.protocol import Enclosure, PredictionProtocol


@dataclass(frozen=True, slots=True)
class Framing:
    """A binding and everything of a reply that depends on it alone, made once per swap (P1).

    Attributes:
        binding: who answers.
        enclosure: what stands before and after predictions.
        headers: of every reply.
        head: of a reply with predictions, as it is sent, up to the length of its body.
    """

    binding: Binding
    enclosure: Enclosure
    headers: Headers
    head: bytes

    @classmethod
    def of(cls, binding: Binding, protocol: PredictionProtocol) -> "Framing":
        """The frame of this binding's replies in this protocol."""
        headers = (*JSON_HEADERS, *_identity(binding))
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        head = b"HTTP/1.1 200 OK\r\n%bcontent-length: " % lines
        return cls(binding, protocol.enclosure(binding), headers, head)


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
