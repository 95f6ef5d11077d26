"""The local MLflow, the real one; and what is said of an address that gave no answer."""

import asyncio
import io
import os
import signal
import socket
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from service.local.running import group_alive, read_record
from service.local.screen import Screen
from service.local.tracking import (
    NO_ADDRESS,
    tracking_command,
    version_at,
    version_of_alias,
    why_silent,
)
from service.local.up import supervise
from tests.local.stand_ins import Stage
from tests.support import tracking
from tests.support.tracking import free_port
from tests.support.waiting import until


async def test_real_mlflow_starts_answers_and_ends_whole(
    tmp_path: Path, migrated_database: Path
) -> None:
    """One life of it: a model is registered, its alias is read, and nothing is left at the end."""
    stage = Stage.at(tmp_path)
    tracking.copy_database(migrated_database, tmp_path)
    url = stage.settings.tracking_uri
    parts = stage.parts(tracking=tracking_command(stage.settings), patience=240)
    task = asyncio.ensure_future(
        supervise(stage.settings, parts, Screen(Console(file=io.StringIO())))
    )
    try:
        await until(lambda: "service started" in stage.journal or task.done(), 240)
        async with httpx.AsyncClient(trust_env=False, timeout=240) as client:
            assert await version_at(client, url) is not None
            assert await version_of_alias(client, url, "flowers", "best") is None
            await _register(client, url)
            assert await version_of_alias(client, url, "flowers", "best") == "1"
            assert await version_of_alias(client, url, "flowers", "worst") is None
        record = read_record(tmp_path)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        assert await asyncio.wait_for(task, 240) == 0
    assert record is not None
    assert not group_alive(record.children["MLflow"])
    assert stage.journal == ["trained", "service started", "service ended"]


async def _register(client: httpx.AsyncClient, url: str) -> None:
    api = f"{url}/api/2.0/mlflow"
    for path, body in (
        ("registered-models/create", {"name": "flowers"}),
        ("model-versions/create", {"name": "flowers", "source": "s3://flowers/1"}),
        ("registered-models/alias", {"name": "flowers", "alias": "best", "version": "1"}),
    ):
        (await client.post(f"{api}/{path}", json=body)).raise_for_status()


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
    assert set(await said_of("http://podium.invalid")) == {"the host name is unknown"}


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
    assert why_silent(httpx.ConnectError("")) == "no connection could be made"
