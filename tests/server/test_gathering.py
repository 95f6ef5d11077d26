"""The head of a reply goes out with its body, and never waits for one."""

import asyncio
from typing import Any

import pytest

from service.server.protocol import GatheringTransport

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Recorded:
    """A transport that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def writelines(self, pieces: Any) -> None:
        self.told.append(tuple(pieces))

    def close(self) -> None:
        self.told.append("closed")

    def abort(self) -> None:
        self.told.append("aborted")

    def is_closing(self) -> bool:
        return "closed" in self.told

    def get_write_buffer_size(self) -> int:
        return 7

    def get_extra_info(self, name: str) -> str:
        return name


def gathering() -> tuple[GatheringTransport, Recorded]:
    """Over a recorded one; on the running loop."""
    recorded = Recorded()
    return GatheringTransport(recorded), recorded  # type: ignore[arg-type]  # it has what is used


@pytest.mark.asyncio
async def test_head_and_body_are_one_write() -> None:
    """Copied where that is cheap, handed on as two pieces where it is not."""
    transport, recorded = gathering()
    transport.write(HEAD)
    assert (recorded.told, transport.get_write_buffer_size()) == ([], 7 + len(HEAD))
    transport.write(b"ok")
    transport.write(HEAD)
    long = bytes(1 << 20)
    transport.write(long)
    transport.write(b"more")
    assert recorded.told == [HEAD + b"ok", (HEAD, long), b"more"]


@pytest.mark.asyncio
async def test_head_without_a_body_is_sent_in_the_next_turn() -> None:
    """So a stream whose body is late, or a `100 Continue`, holds nobody up; and it is sent once."""
    transport, recorded = gathering()
    transport.write(HEAD)
    await asyncio.sleep(0)
    assert recorded.told == [HEAD]
    transport.write(b"ok")
    await asyncio.sleep(0)
    assert recorded.told == [HEAD, b"ok"]


@pytest.mark.asyncio
async def test_close_sends_the_head_and_abort_does_not() -> None:
    """As transports do with what they have not sent."""
    transport, recorded = gathering()
    transport.write(HEAD)
    transport.close()
    assert recorded.told == [HEAD, "closed"]
    assert transport.is_closing()
    transport, recorded = gathering()
    transport.write(HEAD)
    transport.abort()
    await asyncio.sleep(0)
    assert recorded.told == ["aborted"]
    assert transport.get_extra_info("peername") == "peername"
