"""A registry that is down, slow or talks nonsense: a passing fault in time (P5)."""

import asyncio
import os
import signal
import time

import pytest

from service.errors import PassingFault
from service.following.ports import Missing
from service.refs import ModelRef, VersionId
from service.registry.front.client import RegistryDeadlines
from tests.registry.conftest import MakeRegistry, Watched
from tests.registry.fetching import INTACT, WHOLE, files, scripted
from tests.registry.looks import CHAMPION, GOOD, REF, SECONDS, refusal
from tests.registry.scripted_server import (
    DATA_PATH,
    MODEL_PATH,
    ScriptedServer,
    answer,
    one_version,
    registered_model,
    response,
)
from tests.registry.stores import MlflowStore
from tests.support.tracking import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOT_FOUND = "RESOURCE_DOES_NOT_EXIST"


async def test_closed_port_is_unreachable_within_seconds(make_registry: MakeRegistry) -> None:
    """MLflow's client alone would try for minutes."""
    registry = make_registry(f"http://127.0.0.1:{free_port()}")
    assert (await refusal(registry)).reason == "registry_unreachable"


async def test_child_that_is_stopped_is_given_up_at_the_deadline(
    make_registry: MakeRegistry, forks: Watched
) -> None:
    """By SIGSTOP, say; the next look has another child."""
    async with ScriptedServer(otherwise=GOOD) as server:
        registry = make_registry(server.url, RegistryDeadlines(look=2.0))
        await registry.prepare()
        (child,) = forks.children
        os.kill(child.pid, signal.SIGSTOP)
        assert (await refusal(registry)).reason == "registry_timed_out"
        async with asyncio.timeout(SECONDS):
            await child.exited
            assert (await registry.resolve([REF])).found == {REF: CHAMPION}


async def test_child_that_is_killed_idle_is_replaced(
    make_registry: MakeRegistry, forks: Watched
) -> None:
    """Before the next look, which does not fail for it."""
    async with ScriptedServer(otherwise=GOOD) as server:
        registry = make_registry(server.url)
        await registry.prepare()
        (child,) = forks.children
        os.kill(child.pid, signal.SIGKILL)
        async with asyncio.timeout(SECONDS):
            await child.exited
            assert (await registry.resolve([REF])).found == {REF: CHAMPION}


async def test_child_that_is_killed_over_a_look_fails_that_look_alone(
    make_registry: MakeRegistry, forks: Watched
) -> None:
    """The next one has another child."""
    async with ScriptedServer(otherwise=b"") as server:
        server.gate.clear()
        registry = make_registry(server.url)
        await registry.prepare()
        look = asyncio.create_task(registry.resolve([REF]))
        async with asyncio.timeout(SECONDS):
            await server.until_asked(MODEL_PATH)
            os.kill(forks.children[0].pid, signal.SIGKILL)
            with pytest.raises(PassingFault) as failure:
                await look
            assert failure.value.reason == "no_process"
            server.otherwise = GOOD
            server.gate.set()
            assert (await registry.resolve([REF])).found == {REF: CHAMPION}


async def test_server_that_never_answers_is_given_up_at_the_deadline(
    make_registry: MakeRegistry, forks: Watched
) -> None:
    """By ending the process that waits, since a thread could not be ended."""
    async with ScriptedServer(otherwise=b"") as server:
        server.gate.clear()
        registry = make_registry(server.url, RegistryDeadlines(look=0.5))
        await registry.prepare()
        begun = time.monotonic()
        assert (await refusal(registry)).reason == "registry_timed_out"
        assert time.monotonic() - begun >= 0.5
        async with asyncio.timeout(SECONDS):
            await forks.children[0].exited


async def test_server_that_says_when_to_come_back_is_given_up_at_the_deadline(
    make_registry: MakeRegistry,
) -> None:
    """MLflow's client would wait for the hour that the header names."""
    later = response(b"", 503, "Retry-After: 3600")
    async with ScriptedServer(otherwise=later) as server:
        registry = make_registry(server.url, RegistryDeadlines(look=0.5))
        assert (await refusal(registry)).reason == "registry_timed_out"


async def test_answer_that_comes_too_late_is_nobodys(
    make_registry: MakeRegistry, forks: Watched
) -> None:
    """The process that waited for it is gone by then; a new one asks, and has an answer of its own.

    By default that is so after 10 s: whoever takes 30 s for an answer gives none.
    """
    async with ScriptedServer(otherwise=registered_model("iris", champion="7")) as server:
        late = server.late[MODEL_PATH] = asyncio.Event()
        registry = make_registry(server.url, RegistryDeadlines(look=2.0))
        await registry.prepare()
        assert (await refusal(registry)).reason == "registry_timed_out"
        async with asyncio.timeout(SECONDS):
            await forks.children[0].exited
            server.otherwise = GOOD
            late.set()
            assert (await registry.resolve([REF])).found == {REF: CHAMPION}


async def test_fetch_waits_longer_for_an_answer_than_a_look(make_registry: MakeRegistry) -> None:
    """MLflow sends a file's first byte once it has the whole file from the store behind it."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        late = server.late[DATA_PATH] = asyncio.Event()
        registry = make_registry(server.url, RegistryDeadlines(look=SECONDS, answer=1))
        fetching = asyncio.create_task(scripted(registry))
        await server.until_asked(DATA_PATH)
        server.late[MODEL_PATH] = asyncio.Event()
        assert (await refusal(registry)).reason == "registry_timed_out"
        late.set()
        assert files((await fetching).path) == INTACT


async def test_cancelled_look_leaves_the_next_one_its_own_answer(
    make_registry: MakeRegistry,
) -> None:
    """The late answer to the first must not be taken for the second's."""
    async with ScriptedServer(otherwise=registered_model("iris", champion="7")) as server:
        server.gate.clear()
        registry = make_registry(server.url)
        await registry.prepare()
        look = asyncio.create_task(registry.resolve([REF]))
        async with asyncio.timeout(SECONDS):
            await server.until_asked(MODEL_PATH)
            look.cancel()
            await asyncio.wait([look])
            server.otherwise = GOOD
            server.gate.set()
            assert (await registry.resolve([REF])).found == {REF: CHAMPION}


async def test_missing_is_known_by_its_error_code(make_registry: MakeRegistry) -> None:
    """Whatever MLflow words its message like."""
    gone = answer({"error_code": NOT_FOUND, "message": "?"}, 404)
    async with ScriptedServer(otherwise=gone) as server:
        assert (await make_registry(server.url).resolve([REF])).found == {REF: Missing.MODEL}


async def test_names_that_mlflow_does_not_admit_are_missing_models(
    mlflow_store: MlflowStore, name: str
) -> None:
    """One such name must not keep the other slots from being followed."""
    good = ModelRef(name, "champion")
    mlflow_store.point(good, mlflow_store.register(name))
    bad = [ModelRef(text, "champion") for text in ("a/b", "a:b", "<b>bold</b>", "..")]
    resolutions = (await mlflow_store.registry.resolve([*bad, good])).found
    assert [resolutions[ref] for ref in bad] == [Missing.MODEL] * len(bad)
    assert isinstance(resolutions[good], VersionId)


@pytest.mark.parametrize("uri", ["nonsense://there", "http://[no-address"])
async def test_address_that_mlflow_cannot_use_is_refused_in_words(
    make_registry: MakeRegistry, uri: str
) -> None:
    """The detail, which is for the log, says what MLflow thinks of it."""
    failure = await refusal(make_registry(uri))
    assert failure.reason in {"registry_address", "registry_refused", "registry_nonsense"}
    assert failure.detail


@pytest.mark.parametrize("password", ["secret", "se@secret"])
async def test_password_in_the_address_stays_out_of_the_detail(
    make_registry: MakeRegistry, password: str
) -> None:
    """MLflow's messages repeat the whole address; a password may hold what ends one elsewhere."""
    port = free_port()
    failure = await refusal(make_registry(f"http://user:{password}@127.0.0.1:{port}"))
    assert f"127.0.0.1:{port}" in failure.detail
    assert "secret" not in failure.detail
