"""Parcels that many children send to one, which never hold up whoever sends.

One packet each over an abstract socket (unix(7)): it is no file, ends with whoever listens, and may
be listened on again by the next. A parcel that does not go at once is lost, and counted: the next
one that goes says how many were.
"""

import contextlib
import os
import secrets
import socket
import struct
import threading
import zlib
from collections.abc import Callable
from typing import Final

# How many were lost before it, and whether the rest is compressed.
_HEAD: Final = struct.Struct("!I?")
_MOST_LOST: Final = 2**32 - 1
# A packet must fit into what the kernel lets a socket hold, some 400 KB.
_COMPRESSED_BYTES: Final = 64 * 1024
_BUFFER_BYTES: Final = 1024**2
_WAITING_CONNECTIONS: Final = 128
_CREDENTIALS: Final = struct.Struct("3i")

PACKET_BYTES: Final = 1024**2


class BadParcel(Exception):
    """What has come is no parcel, or too long a one."""


def new_address() -> str:
    """A name that nobody else listens on."""
    return f"podium-{secrets.token_hex(16)}"


def listen(address: str) -> socket.socket:
    """Where senders of that address connect to; raises OSError while somebody else listens."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        listener.bind(f"\0{address}")
        listener.listen(_WAITING_CONNECTIONS)
    except OSError:
        listener.close()
        raise
    return listener


def is_of_this_user(connection: socket.socket) -> bool:
    """Whether the other end runs as this process's user: abstract sockets have no permissions."""
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(told)
    return bool(user == os.geteuid())


def opened(packet: bytes, most_bytes: int) -> tuple[int, bytes]:
    """How many parcels its sender has lost before it, and what it holds; raises `BadParcel`."""
    try:
        lost, compressed = _HEAD.unpack_from(packet)
        content = packet[_HEAD.size :]
        if compressed:
            reader = zlib.decompressobj()
            content = reader.decompress(content, most_bytes)
            if not reader.eof:
                raise BadParcel("it is cut short, or longer than is allowed")
    except (struct.error, zlib.error) as error:
        raise BadParcel(type(error).__name__) from error
    return lost, content


class Sender:
    """Sends parcels to an address, from any thread; nothing that goes wrong is the caller's."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._turn = threading.Lock()
        self._socket: socket.socket | None = None
        self._lost = 0

    def send(self, content: Callable[[], bytes]) -> None:
        """Sends what `content` makes, or counts it as lost; never raises what that raises."""
        try:
            data = content()
        except Exception:  # noqa: BLE001 - what is sent is made of a model's values
            self._lose()
            return
        compressed = len(data) > _COMPRESSED_BYTES
        if compressed:
            data = zlib.compress(data, 1)
        with self._turn:
            if self._went(_HEAD.pack(self._lost, compressed) + data):
                self._lost = 0
            else:
                self._lost = min(self._lost + 1, _MOST_LOST)

    def close(self) -> None:
        """Ends its connection; the next parcel would make another."""
        with self._turn:
            self._disconnect()

    def _lose(self) -> None:
        with self._turn:
            self._lost = min(self._lost + 1, _MOST_LOST)

    def _went(self, packet: bytes) -> bool:
        for _ in range(2):  # whoever listened may have been replaced since
            try:
                self._socket = self._socket or self._connected()
                self._socket.send(packet)
            except BlockingIOError:
                return False
            except OSError as error:
                self._disconnect()
                if not isinstance(error, ConnectionError):
                    return False
            else:
                return True
        return False

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            connection.connect(f"\0{self._address}")
        except OSError:
            connection.close()
            raise
        return connection

    def _disconnect(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()
