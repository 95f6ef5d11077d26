"""How a reply leaves: whole in one write where it is short, part by part where it is long."""

from collections.abc import Sequence

from starlette.types import Send

from service.errors import ServiceError
from service.http.client import Client
from service.http.errors import STATUS, Headers, headers_with
from service.http.framing import JSON_HEADERS, Framing
from service.predicting.request import Prediction, PredictionRequest
from service.predicting.request_record import CLIENT_GONE
from service.protocols.protocol import PredictionProtocol

Result = Prediction[Framing] | ServiceError | None
"""What a request has come to; None where nobody waits any more."""


async def deliver(
    send: Send,
    request: PredictionRequest[Framing],
    client: Client | None,
    result: Result,
    protocol: PredictionProtocol,
) -> int:
    """Sends it; returns the status, or `CLIENT_GONE` when nobody was there to take the reply."""
    if result is None:
        return CLIENT_GONE
    if isinstance(result, ServiceError):
        return await _refuse(send, request, result, protocol)
    form, held = result.form, result.held
    parts = form.enclosure.wrap(result.predictions, bare=result.bare)
    try:
        if held is None:
            parts = (b"".join(parts),)
            # What nearly all replies are.
            if client is not None and client.reply(_head(form, parts[0], request.id), parts[0]):
                return 200
        await _send(send, 200, form.headers, parts, request.id)
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


def _head(form: Framing, body: bytes | bytearray, request_id: str) -> bytes:
    lines = b"%b%d\r\nx-request-id: %b\r\n"
    return lines % (form.head, len(body), request_id.encode("ascii"))


async def _send(
    send: Send,
    status: int,
    headers: Headers,
    parts: Sequence[bytes | bytearray],
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
