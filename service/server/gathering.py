"""The head of a reply and its body in one write.

uvicorn writes them one after the other, and uvloop (0.23) hands each write to the kernel at once,
which is most of what a small request costs: 20 of 90 microseconds.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD: Final = b"HTTP/"
_END_OF_HEAD: Final = b"\r\n\r\n"
# Copying a longer body to stand behind its head would cost more than a second write.
_COPIED_BYTES: Final = 64 * 1024


class GatheringTransport:
    """A transport that keeps what is a head until more is written; for one loop's turn at most."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._call_soon = asyncio.get_running_loop().call_soon
        self._head = b""
        self.is_closing = transport.is_closing
        # Called in place of the next `close`, after what is kept was sent.
        self.instead_of_closing: Callable[[], None] | None = None

    def __getattr__(self, name: str) -> Any:
        """Everything else as the transport has it."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Sends it, behind what was kept; or keeps it, if it is a head."""
        if self._head:
            head, self._head = self._head, b""
            if len(data) <= _COPIED_BYTES:
                self._transport.write(head + data)
            else:
                self._transport.writelines((head, data))
        elif data[:5] == _HEAD and data[-4:] == _END_OF_HEAD:
            self._head = data
            self._call_soon(self._flush)
        else:
            self._transport.write(data)

    def get_write_buffer_size(self) -> int:
        """With what is kept."""
        return len(self._head) + self._transport.get_write_buffer_size()

    def close(self) -> None:
        """After what is kept was sent."""
        self._flush()
        instead, self.instead_of_closing = self.instead_of_closing, None
        if instead is None or self._transport.is_closing():
            self._transport.close()
        else:
            self.is_closing = _closing
            instead()

    def abort(self) -> None:
        """Without what is kept."""
        self._head = b""
        self._transport.abort()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)


def _closing() -> bool:
    return True


class GatheringProtocol(HttpToolsProtocol):
    """uvicorn's protocol over such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """uvicorn's word that a client has connected."""
        super().connection_made(cast("asyncio.Transport", GatheringTransport(transport)))
