"""The client as a prediction sees it: whether it is still there, and whether it is too slow."""

import asyncio
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
        waiting: the task to cancel when the connection is lost: somebody who waits for nothing
            but the answer sets it, and takes it away before the reply.
    """

    gone: bool
    too_slow: bool
    waiting: "asyncio.Task[None] | None"

    def listen(self) -> None:
        """Goes on reading, for only who reads sees that the other has left."""
        ...
