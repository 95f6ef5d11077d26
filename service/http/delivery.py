"""How a reply leaves: whole in one write where it is short, part by part where it is long.

What of it depends on the version that answers is made once for each binding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote

from starlette.types import Send

from service.errors import ServiceError
from service.following.servable import Binding
from service.http.compression import Compression
from service.http.errors import STATUS, Headers, headers_with
from service.predicting.request import CLIENT_GONE, Caller, Prediction, PredictionRequest
from service.protocols.open_inference import HEADER_LENGTH
from service.protocols.protocol import Encloses, PredictionProtocol

JSON_HEADERS: Headers = ((b"content-type", b"application/json"),)
_RAW_HEADERS: Headers = ((b"content-type", b"application/octet-stream"),)
_HEAD: Final = b"%b%d\r\nx-request-id: %b\r\n"
CLIENT: Final = "podium.client"
"""The key of a `Client` in an ASGI scope; servers other than Podium's own have none there."""


class Client(Caller, Protocol):
    """One connection to a client.

    Attributes:
        too_slow: the rest of the body is not waited for any more.
    """

    too_slow: bool

    def reply(self, head: bytes, body: bytes | bytearray) -> bool:
        """Sends a whole reply at once; False where it has to be sent by ASGI's messages.

        The head is the status line and the headers of this reply, all lines ended; the server
        adds its own headers and the empty line.
        """


@dataclass(frozen=True, slots=True)
class Framing:
    """A binding and everything of a reply that depends on it alone, made once per swap (P1).

    Attributes:
        binding: who answers.
        enclosure: what stands before and after predictions.
        headers: of every reply.
        head: of a reply with predictions, as it is sent, up to the length of its body.
        raw_headers: as `headers`, where raw bytes stand behind the JSON.
        raw_head: as `head`, the same.
    """

    binding: Binding
    enclosure: Encloses
    headers: Headers
    head: bytes
    raw_headers: Headers
    raw_head: bytes

    @classmethod
    def of(cls, binding: Binding, protocol: PredictionProtocol) -> "Framing":
        """The frame of this binding's replies in this protocol."""
        identity = _identity(binding)
        headers, raw_headers = (*JSON_HEADERS, *identity), (*_RAW_HEADERS, *identity)
        return cls(
            binding,
            protocol.enclosure(binding),
            headers,
            _opening(headers),
            raw_headers,
            _opening(raw_headers),
        )


def _opening(headers: Headers) -> bytes:
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return b"HTTP/1.1 200 OK\r\n%bcontent-length: " % lines


def _identity(binding: Binding) -> Headers:
    # Header values are bytes without a character set; percent-encoding keeps any name whole.
    def encoded(text: str) -> bytes:
        return quote(text, safe="").encode("ascii")

    return (
        (b"podium-model", encoded(binding.ref.name)),
        (b"podium-alias", encoded(binding.ref.alias)),
        (b"podium-version", encoded(binding.servable.version.version)),
    )


Result = Prediction[Framing] | ServiceError | None
"""What a request has come to; None where nobody waits any more."""


async def deliver(  # noqa: PLR0913, PLR0917 - to whom, and what there is to send it by
    send: Send,
    request: PredictionRequest[Framing],
    client: Client | None,
    result: Result,
    protocol: PredictionProtocol,
    compression: Compression,
) -> int:
    """Sends it; returns the status, or `CLIENT_GONE` when nobody was there to take the reply."""
    if result is None:
        return CLIENT_GONE
    if isinstance(result, ServiceError):
        return await _refuse(send, request, result, protocol)
    form, held = result.form, result.held
    parts, json_bytes = form.enclosure.wrap(result)
    try:
        if held is None:
            body = b"".join(parts)
            parts = (body,)
            # What nearly all replies are.
            head = _head(form, len(body), json_bytes, request.id)
            if client is not None and client.reply(head, body):
                return 200
            headers = _headers(form, json_bytes)
        else:
            more, parts = await compression.reply(request.headers, parts, held)
            headers = (*_headers(form, json_bytes), *more)
        await _send(send, 200, headers, parts, request.id)
    except (OSError, RuntimeError):  # ASGI's and uvloop's words for a client that has left
        return CLIENT_GONE
    finally:
        if held is not None:
            held.release()
    return 200


async def _refuse(
    send: Send,
    request: PredictionRequest[Framing],
    error: ServiceError,
    protocol: PredictionProtocol,
) -> int:
    code, body = protocol.refuse(error, request.id)
    status = STATUS[code]
    headers = JSON_HEADERS if request.form is None else request.form.headers
    return await send_refusal(
        send, status, (*headers, *headers_with(status, error)), body, request.id
    )


async def send_refusal(
    send: Send, status: int, headers: Headers, body: bytes, request_id: str
) -> int:
    """Sends that with its length and id; the status, or `CLIENT_GONE` if nobody was there."""
    try:
        await _send(send, status, headers, (body,), request_id)
    except (OSError, RuntimeError):  # as above
        return CLIENT_GONE
    return status


def _head(form: Framing, length: int, json_bytes: int | None, request_id: str) -> bytes:
    if json_bytes is None:
        return _HEAD % (form.head, length, request_id.encode("ascii"))
    head = _HEAD % (form.raw_head, length, request_id.encode("ascii"))
    return b"%b%b: %d\r\n" % (head, HEADER_LENGTH, json_bytes)


def _headers(form: Framing, json_bytes: int | None) -> Headers:
    if json_bytes is None:
        return form.headers
    return (*form.raw_headers, (HEADER_LENGTH, b"%d" % json_bytes))


async def _send(
    send: Send,
    status: int,
    headers: Headers,
    parts: Sequence[bytes | bytearray | memoryview],
    request_id: str,
) -> None:
    sent = [
        *headers,
        (b"content-length", b"%d" % sum(map(len, parts))),
        (b"x-request-id", request_id.encode("ascii")),
    ]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    if len(parts) == 1:
        await send({"type": "http.response.body", "body": parts[0]})
        return
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    # Sent when the client has taken what is before it, but for what the system buffers.
    await send({"type": "http.response.body", "body": b""})
