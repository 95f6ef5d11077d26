"""Fetches that come to no good end: nothing half is ever in place, and nothing runs on."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from service.errors import PassingFault
from service.refs import ModelRef
from service.registry.front.client import RegistryDeadlines
from tests.registry.conftest import MakeRegistry, Watched
from tests.registry.fetching import SCRIPTED, SECONDS, WHOLE, fault, files
from tests.registry.scripted_server import (
    DATA_PATH,
    ScriptedServer,
    one_version,
    response,
)
from tests.registry.stores import MLMODEL

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (response(b"wei", length=7), "artifact_not_fetched"),
        (response(b"no", 500), "artifact_not_fetched"),
        (response(b"<html>not you</html>", 403), "artifact_forbidden"),
        (response(b"<html>who are you</html>", 401), "registry_unauthenticated"),
        (b"", "artifact_not_fetched"),
    ],
    ids=["cut off", "error", "forbidden", "unauthenticated", "nothing"],
)
async def test_half_of_an_artifact_is_never_in_place(
    make_registry: MakeRegistry, cache: Path, broken: bytes, reason: str
) -> None:
    """One file of two did not come: a passing fault, nothing left, and the next fetch has all."""
    async with ScriptedServer(answers=one_version("iris", {**WHOLE, "data": broken})) as server:
        registry = make_registry(server.url)
        failure = await fault(registry.fetch(SCRIPTED))
        assert (type(failure), failure.reason) == (PassingFault, reason)
        assert list(cache.iterdir()) == []
        server.answers |= one_version("iris", WHOLE)
        path = (await registry.fetch(SCRIPTED)).path
    assert files(path) == {"MLmodel": MLMODEL.encode(), "data": b"weights"}


async def test_cancelled_fetch_ends_its_process_and_leaves_nothing_in_place(
    make_registry: MakeRegistry, forks: Watched, cache: Path
) -> None:
    """What was half there is removed."""
    half = {**WHOLE, "data": response(b"wei", length=7)}
    async with ScriptedServer(answers=one_version("iris", half)) as server:
        server.gates[DATA_PATH] = asyncio.Event()
        fetching = asyncio.create_task(make_registry(server.url).fetch(SCRIPTED))
        await server.until_asked(DATA_PATH)
        fetching.cancel()
        async with asyncio.timeout(SECONDS):
            await asyncio.wait([fetching])
        assert fetching.cancelled()
    assert [child.alive for child in forks.children] == [False]
    assert not Path(f"/proc/{forks.children[0].pid}").exists()
    assert list(cache.iterdir()) == []


async def test_child_killed_during_a_fetch_is_a_passing_fault_and_leaves_nothing(
    make_registry: MakeRegistry, forks: Watched, cache: Path
) -> None:
    """As when its zygote is killed, which takes it along; the next fetch has another child."""
    half = {**WHOLE, "data": response(b"wei", length=7)}
    async with ScriptedServer(answers=one_version("iris", half)) as server:
        server.gates[DATA_PATH] = asyncio.Event()
        registry = make_registry(server.url)
        fetching = asyncio.create_task(fault(registry.fetch(SCRIPTED)))
        await server.until_asked(DATA_PATH)
        os.kill(forks.children[0].pid, signal.SIGKILL)
        async with asyncio.timeout(SECONDS):
            failure = await fetching
        assert (type(failure), failure.reason) == (PassingFault, "no_process")
        assert list(cache.iterdir()) == []
        server.gates[DATA_PATH].set()
        server.answers |= one_version("iris", WHOLE)
        path = (await registry.fetch(SCRIPTED)).path
    assert files(path) == {"MLmodel": MLMODEL.encode(), "data": b"weights"}


async def test_fetch_that_takes_too_long_is_given_up(
    make_registry: MakeRegistry, forks: Watched
) -> None:
    """At its deadline, by ending its process."""
    async with ScriptedServer(otherwise=b"") as server:
        server.gate.clear()
        registry = make_registry(server.url, RegistryDeadlines(fetch=0.5))
        failure = await fault(registry.fetch(SCRIPTED))
    assert (type(failure), failure.reason) == (PassingFault, "registry_timed_out")
    assert [child.alive for child in forks.children] == [False]


async def test_looks_go_on_while_a_version_is_fetched(make_registry: MakeRegistry) -> None:
    """So that a wish that has changed is seen, and the fetch given up."""
    ref = ModelRef("iris", "champion")
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        server.gates[DATA_PATH] = asyncio.Event()
        server.answers[DATA_PATH] = response(b"wei", length=7)
        registry = make_registry(server.url)
        fetching = asyncio.create_task(registry.fetch(SCRIPTED))
        await server.until_asked(DATA_PATH)
        async with asyncio.timeout(SECONDS):
            assert (await registry.resolve([ref])).found == {ref: SCRIPTED}
        assert not fetching.done()
        fetching.cancel()
        await asyncio.wait([fetching])
