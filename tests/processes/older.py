"""A child of another Podium, whose wire has another number."""

import socket

from service.processes import frames
from service.processes.child.channel import BlockingChannel


def run(connection: socket.socket) -> None:
    """Says hello in its own way, and takes no frame of ours."""
    frames.WIRE_VERSION = 1  # type: ignore[misc]  # it is another's
    for _ in BlockingChannel(connection, 1000).frames():
        pass
