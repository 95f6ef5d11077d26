"""Whether an address can be listened on, found out by listening for a moment."""

import errno
import socket
from typing import Final

TAKEN: Final = "is taken by another program"
"""The reason that another port would help against."""


def why_taken(host: str, port: int) -> str | None:
    """None if it is free, else the reason as half a sentence.

    It asks as uvicorn will: an address that only lingers from a connection just closed is free.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        return _reason(error)
    return None


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return TAKEN
    return f"cannot be listened on ({error.strerror})"
