"""Parcels go at once or are lost, and what is lost is told."""

import contextlib
import socket

import pytest

from service.processes.parcels import (
    PACKET_BYTES,
    BadParcel,
    Sender,
    listen,
    new_address,
    opened,
)

MOST = 4 * 1024**2


def received(connection: socket.socket) -> tuple[int, bytes]:
    """The next parcel, opened."""
    return opened(connection.recv(PACKET_BYTES), MOST)


def test_parcel_comes_whole_and_with_how_many_were_lost_before() -> None:
    """Nobody listens at first; making one fails, too; a long one is compressed."""
    address = new_address()
    sender = Sender(address)
    sender.send(lambda: b"lost")
    sender.send(lambda: b"%d" % (1 // 0))
    with listen(address) as listener, contextlib.closing(sender):
        sender.send(lambda: b"x" * 1_000_000)
        sender.send(lambda: b"")
        connection, _ = listener.accept()
        with connection:
            assert received(connection) == (2, b"x" * 1_000_000)
            assert received(connection) == (0, b"")


def test_sender_waits_for_nobody() -> None:
    """Whoever listens reads nothing: what does not fit is lost, and told once there is room."""
    address, count = new_address(), 1000
    sender = Sender(address)
    with listen(address) as listener, contextlib.closing(sender):
        for _ in range(count):
            sender.send(lambda: b"x" * 10_000)
        connection, _ = listener.accept()
        with connection:
            connection.setblocking(False)
            came = 0
            with contextlib.suppress(BlockingIOError):
                while True:
                    received(connection)
                    came += 1
            sender.send(lambda: b"y")
            assert received(connection) == (count - came, b"y")
    assert 0 < came < count


def test_whoever_listens_next_is_found() -> None:
    """At the same address, by who was connected to the one before."""
    address = new_address()
    sender = Sender(address)
    with contextlib.closing(sender):
        for content in (b"first", b"second"):
            with listen(address) as listener:
                sender.send(lambda content=content: content)  # type: ignore[misc]  # bound now
                connection, _ = listener.accept()
                with connection:
                    assert received(connection) == (0, content)


@pytest.mark.parametrize("packet", [b"", b"\0\0", b"\0\0\0\0\x01nonsense", b"\0\0\0\0\x01x\x9c"])
def test_what_is_no_parcel_is_refused(packet: bytes) -> None:
    """Too short, or not what compressing makes."""
    with pytest.raises(BadParcel):
        opened(packet, MOST)


def test_parcel_that_would_fill_memory_is_refused() -> None:
    """It is opened no further than is allowed."""
    address = new_address()
    sender = Sender(address)
    with listen(address) as listener, contextlib.closing(sender):
        sender.send(lambda: bytes(MOST + 1))
        connection, _ = listener.accept()
        with connection, pytest.raises(BadParcel):
            received(connection)
