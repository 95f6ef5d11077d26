"""How a reply leaves: whole in one write where it is short, part by part where it is long."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from starlette.types import Send

from service.http.client import Client
from service.http.errors import Headers
from service.predicting.held import HeldBytes, RequestShare
from service.predicting.request_record import CLIENT_GONE

GONE: Final = "client_gone"
"""The error of an answer that nobody waits for any more."""

# Longer replies are sent part by part: a copy of many megabytes holds the loop up.
_COPIED_BYTES: Final = 64 * 1024


class PredictionOutcome(NamedTuple):
    """What a request came to.

    Attributes:
        status: of HTTP, or `CLIENT_GONE`.
        parts: of the body; one if nothing is held.
        headers: without the length and the request's id.
        version: whose answer or refusal it is, if a version had a part in it.
        rows: of a valid request, else 0.
        error: the stable code of what went wrong.
        held: a long reply's bytes, until they are sent.
        head: status line and headers, for a connection that sends a reply whole.
    """

    status: int
    parts: Sequence[bytes | bytearray]
    headers: Headers
    version: str | None
    rows: int
    error: str | None
    held: RequestShare | None = None
    head: bytes | None = None


def hold_long(predictions: bytes | bytearray, replies: HeldBytes) -> RequestShare | None:
    """Holds them if they are long; raises `Overloaded`. None for short ones.

    Those are in the system's hands as soon as they are sent.
    """
    if len(predictions) <= _COPIED_BYTES:
        return None
    holding = RequestShare(replies)
    holding.take(len(predictions))
    return holding


async def deliver(
    send: Send, answer: PredictionOutcome, request_id: str, client: Client | None
) -> int:
    """Sends it; returns the status, or `CLIENT_GONE` when nobody was there to take the reply."""
    # A model may have answered with that status itself: it is MLflow's for what was cancelled.
    if answer.error == GONE:
        return CLIENT_GONE
    try:
        if client is None or not _replied(client, answer, request_id):
            await _send(send, answer, request_id)
    except (OSError, RuntimeError):  # ASGI's and uvloop's words for a client that has left
        return CLIENT_GONE
    finally:
        if answer.held is not None:
            answer.held.release()
    return answer.status


def _replied(client: Client, answer: PredictionOutcome, request_id: str) -> bool:
    # What nearly all replies are: one with predictions, and short.
    if answer.head is None or answer.held is not None:
        return False
    (body,) = answer.parts
    lines = b"%b%d\r\nx-request-id: %b\r\n"
    return client.reply(lines % (answer.head, len(body), request_id.encode("ascii")), body)


async def _send(send: Send, answer: PredictionOutcome, request_id: str) -> None:
    headers = [
        *answer.headers,
        (b"content-length", b"%d" % sum(map(len, answer.parts))),
        (b"x-request-id", request_id.encode("ascii")),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.held is None:
        await send({"type": "http.response.body", "body": answer.parts[0]})
    else:
        await _deliver_long(send, answer.parts)


async def _deliver_long(send: Send, parts: Sequence[bytes | bytearray]) -> None:
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    # Sent when the client has taken what is before it, but for what the system buffers.
    await send({"type": "http.response.body", "body": b""})
