"""What is said of an address that gave no answer."""

import asyncio
import socket

import httpx
import pytest

from service.local.silence import NO_ADDRESS, why_silent
from tests.support.tracking import free_port


async def said_of(url: str, *, timeout: float = 5.0) -> tuple[str, str]:  # noqa: ASYNC109 - httpx's own
    """By the client that waits and by the one that does not."""
    with pytest.raises((httpx.HTTPError, httpx.InvalidURL)) as alone:
        await asyncio.to_thread(httpx.get, url, timeout=timeout, trust_env=False)
    async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
        with pytest.raises((httpx.HTTPError, httpx.InvalidURL)) as beside:
            await client.get(url)
    return why_silent(alone.value), why_silent(beside.value)


async def test_port_that_nobody_listens_on_is_refused() -> None:
    """Also where a name has several addresses, all of which refuse."""
    port = free_port()
    for host in ("127.0.0.1", "localhost"):
        assert set(await said_of(f"http://{host}:{port}")) == {"the connection is refused"}


async def test_name_that_nobody_has_is_no_host() -> None:
    """`invalid` is kept for that (RFC 6761)."""
    assert set(await said_of("http://podium.invalid")) == {"there is no such host"}


async def test_answer_that_does_not_come_timed_out() -> None:
    """Somebody takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert set(await said_of(url, timeout=0.05)) == {"it timed out"}


@pytest.mark.parametrize("url", ["localhost:1", "", "http://a:b:c", "ftp://127.0.0.1"])
async def test_text_that_is_no_address_is_said_to_be_none(url: str) -> None:
    """With how one is written."""
    assert set(await said_of(url)) == {NO_ADDRESS}


def test_error_of_no_known_kind_is_told_without_its_name() -> None:
    """Every error reads as words."""
    assert why_silent(httpx.ReadError("")) == "the connection ended without an answer"
    assert why_silent(httpx.ConnectError("")) == "there is no connection to it"
