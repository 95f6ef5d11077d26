"""The obedient child, with a keeper above it."""

import socket

from service.processes.child.keeper import kept
from tests.processes import obedient


@kept
def run(connection: socket.socket) -> None:
    """Obeys until the front closes the connection."""
    obedient.run(connection)
