"""The client as HTTP sees it: whether it is still there, and whether it is too slow."""

from typing import Final, Protocol

from service.predicting.request import Caller

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
        ...
