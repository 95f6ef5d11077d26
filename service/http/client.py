"""The client as a prediction sees it: whether it is still there, and whether it is too slow."""

from typing import Final, Protocol

CLIENT: Final = "podium.client"
"""The key of a `Client` in an ASGI scope; servers other than Podium's own have none there."""


class ClientGone(Exception):
    """The client went away before its request was answered; there is nobody to answer."""


class Client(Protocol):
    """One connection to a client.

    Attributes:
        gone: the connection is lost.
        too_slow: the rest of the body is not waited for any more.
        waiting: whether the request that runs is cancelled when the connection is lost: it waits
            for nothing but the answer. It sets this, and takes it back before the reply.
    """

    gone: bool
    too_slow: bool
    waiting: bool

    def listen(self) -> None:
        """Goes on reading, for only who reads sees that the other has left."""
        ...

    def reply(self, head: bytes, body: bytes | bytearray) -> bool:
        """Sends a whole reply at once; False where it has to be sent by ASGI's messages.

        The head is the status line and the headers of this reply, all lines ended; the server
        adds its own headers and the empty line.
        """
        ...
