"""A version that was fetched before: no process of its own, one question, and as safe as before."""

import asyncio
import contextlib
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.errors import PassingFault
from service.refs import ModelRef, VersionId
from service.registry.front.client import RegistryDeadlines
from service.registry.front.remembered import Memory
from service.registry.store.artifacts import discard
from tests.registry.conftest import MakeRegistry, Watched
from tests.registry.fetching import INTACT, SCRIPTED, SECONDS, WHOLE, fault, files, scripted
from tests.registry.scripted_server import (
    CREATED,
    VERSION_PATH,
    ScriptedServer,
    answer,
    one_version,
)
from tests.support.serving import fetched_version
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

REF = ModelRef("iris", "champion")


def version_answer(**fields: Any) -> bytes:
    """MLflow's answer about the one version."""
    version = {"name": "iris", "version": "1", "status": "READY", "source": "models:/m-1"}
    return answer({"model_version": version | fields})


async def test_version_fetched_again_takes_one_question_and_no_process(
    make_registry: MakeRegistry, forks: Watched
) -> None:
    """The child that looks is asked for its tags, and the front verifies its files."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        registry = make_registry(server.url)
        await registry.prepare()
        first = await scripted(registry)
        children, asked = len(forks.children), len(server.asked)
        assert await scripted(registry) == first
    assert [each.path for each in server.asked[asked:]] == [VERSION_PATH]
    assert len(forks.children) == children == 2


async def test_version_fetched_again_stays_until_its_own_lease_is_released(
    make_registry: MakeRegistry,
) -> None:
    """As if it had been fetched for the first time."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        registry = make_registry(server.url)
        (await scripted(registry)).lease.release()
        again = await scripted(registry)
    assert not discard(again.path.parent)
    again.lease.release()
    await until(lambda: discard(again.path.parent), SECONDS, "it may be taken away")


async def test_version_whose_files_have_gone_meanwhile_is_fetched_anew(
    make_registry: MakeRegistry,
) -> None:
    """Taken away by whoever made room."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        registry = make_registry(server.url)
        first = await scripted(registry)
        first.lease.release()
        shutil.rmtree(first.path.parent)
        assert files((await scripted(registry)).path) == INTACT


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"creation_timestamp": CREATED + 1}, "version_gone"),
        ({"status": "PENDING_REGISTRATION"}, "version_not_ready"),
    ],
    ids=["made anew", "not ready"],
)
async def test_version_that_is_not_what_was_fetched_is_not_handed_out(
    make_registry: MakeRegistry, fields: dict[str, Any], reason: str
) -> None:
    """Another model's version of the same name and number is told by when it was made."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        server.answers[VERSION_PATH] = version_answer(creation_timestamp=CREATED)
        registry = make_registry(server.url)
        await scripted(registry)
        server.answers[VERSION_PATH] = version_answer(**{"creation_timestamp": CREATED} | fields)
        failure = await fault(registry.fetch(SCRIPTED))
    assert (type(failure), failure.reason) == (PassingFault, reason)


async def test_looks_and_the_question_about_a_version_take_turns(
    make_registry: MakeRegistry,
) -> None:
    """One child answers both."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        registry = make_registry(server.url)
        first = await scripted(registry)
        server.asked.clear()
        gate = server.gates[VERSION_PATH] = asyncio.Event()
        fetching = asyncio.create_task(scripted(registry))
        await server.until_asked(VERSION_PATH)
        looking = asyncio.create_task(registry.resolve([REF]))
        gate.set()
        async with asyncio.timeout(SECONDS):
            assert (await looking).found == {REF: SCRIPTED}
            assert await fetching == first


async def test_looks_go_on_after_a_fetch_that_was_given_up_at_its_question(
    make_registry: MakeRegistry,
) -> None:
    """By another child, since the first one may be busy for long."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        registry = make_registry(server.url)
        await scripted(registry)
        server.asked.clear()
        server.answers[VERSION_PATH] = b""
        server.gates[VERSION_PATH] = asyncio.Event()
        fetching = asyncio.create_task(scripted(registry))
        await server.until_asked(VERSION_PATH)
        fetching.cancel()
        async with asyncio.timeout(SECONDS):
            assert (await registry.resolve([REF])).found == {REF: SCRIPTED}


async def test_disk_that_hangs_while_the_front_verifies_leaves_it_to_a_process(
    make_registry: MakeRegistry, forks: Watched
) -> None:
    """Which has a deadline of its own, and can be ended."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        registry = make_registry(server.url, RegistryDeadlines(verify=0.1))
        await registry.prepare()
        first = await scripted(registry)
        first.lease.release()
        manifest = first.path.with_name("manifest.json")
        manifest.unlink()
        os.mkfifo(manifest)  # whoever opens it waits
        fetching = asyncio.create_task(scripted(registry))
        await until(lambda: len(forks.children) > 2, SECONDS, "a process verifies it")

        def end_of_hanging() -> bool:
            with contextlib.suppress(OSError):
                os.close(os.open(manifest, os.O_WRONLY | os.O_NONBLOCK))
            return fetching.done()

        await until(end_of_hanging, SECONDS, "the disk answers again")
        assert files((await fetching).path) == INTACT


def remembered(memory: Memory, version: VersionId, size: int = 1, example: bytes = b"") -> bool:
    """Whether such a version is remembered once it was fetched."""
    fetched = replace(fetched_version(version), serving_example=example, path=Path("model"))
    memory.note(fetched, {"size": size, "made": 1})
    return memory.take(version) is not None


async def test_what_takes_long_to_verify_or_much_to_keep_is_not_remembered() -> None:
    """It has a process of its own each time, which can be ended."""
    memory = Memory()
    assert remembered(memory, SCRIPTED)
    assert not remembered(memory, SCRIPTED, size=16 * 1024**2 + 1)
    assert not remembered(memory, SCRIPTED, example=b"x" * 64 * 1024)


async def test_only_the_latest_versions_are_remembered() -> None:
    """A service that runs for years has fetched many."""
    memory = Memory()
    versions = [VersionId("iris", CREATED, str(number)) for number in range(257)]
    for each in versions:
        memory.note(fetched_version(each), {"size": 1, "made": 1})
    assert memory.take(versions[0]) is None
    assert memory.take(versions[1]) is not None
