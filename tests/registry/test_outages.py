"""A registry that is down, slow or talks nonsense: a passing fault in time (P5)."""

import asyncio
import os
import signal
import time

import pytest
from mlflow.server.security_utils import INVALID_HOST_MSG

from service.errors import PassingFault
from service.following.ports import Missing, Unanswered
from service.following.refs import ModelRef, VersionId
from service.registry.client import Deadlines, MlflowRegistry
from service.registry.wire import SENTENCES, Fault
from tests.registry.conftest import MakeRegistry, Watched
from tests.registry.scripted_server import (
    CREATED,
    MODEL_PATH,
    ScriptedServer,
    answer,
    registered_model,
    response,
)
from tests.registry.stores import MlflowStore
from tests.support.tracking import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS = 30
REF = ModelRef("iris", "champion")
CHAMPION = VersionId("iris", CREATED, "1")
GOOD = registered_model("iris", champion="1")
HTML = response(b"<html><body>Sign in</body></html>", 200, "Content-Type: text/html")
NOT_FOUND = "RESOURCE_DOES_NOT_EXIST"


async def refusal(registry: MlflowRegistry, bound: float = SECONDS) -> PassingFault:
    """What a look raises, within so many seconds."""
    async with asyncio.timeout(bound):
        with pytest.raises(PassingFault) as failure:
            await registry.resolve([REF])
    assert failure.value.stage == "look"
    return failure.value


async def test_closed_port_is_unreachable_within_seconds(make_registry: MakeRegistry) -> None:
    """MLflow's client alone would try for minutes."""
    registry = make_registry(f"http://127.0.0.1:{free_port()}")
    assert (await refusal(registry)).reason == "registry_unreachable"


async def test_child_that_is_stopped_is_given_up_at_the_deadline(
    make_registry: MakeRegistry, forks: Watched
) -> None:
    """By SIGSTOP, say; the next look has another child."""
    async with ScriptedServer(otherwise=GOOD) as server:
        registry = make_registry(server.url, Deadlines(look=2.0))
        await registry.prepare()
        (child,) = forks.children
        os.kill(child.pid, signal.SIGSTOP)
        assert (await refusal(registry)).reason == "registry_timed_out"
        async with asyncio.timeout(SECONDS):
            await child.exited
            assert await registry.resolve([REF]) == {REF: CHAMPION}


async def test_server_that_never_answers_is_given_up_at_the_deadline(
    make_registry: MakeRegistry, forks: Watched
) -> None:
    """By ending the process that waits, since a thread could not be ended."""
    async with ScriptedServer(otherwise=b"") as server:
        server.gate.clear()
        registry = make_registry(server.url, Deadlines(look=0.5))
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
        registry = make_registry(server.url, Deadlines(look=0.5))
        assert (await refusal(registry)).reason == "registry_timed_out"


async def test_look_after_a_given_up_look_works_again(make_registry: MakeRegistry) -> None:
    """A new process asks."""
    async with ScriptedServer(otherwise=b"") as server:
        server.gate.clear()
        registry = make_registry(server.url, Deadlines(look=2.0))
        await refusal(registry)
        server.otherwise = GOOD
        server.gate.set()
        async with asyncio.timeout(SECONDS):
            assert await registry.resolve([REF]) == {REF: CHAMPION}


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
            assert await registry.resolve([REF]) == {REF: CHAMPION}


NONSENSE = {
    "html": HTML,
    "html 404": response(b"<html>no such page</html>", 404, "Content-Type: text/html"),
    "html 401": response(b"<html>who are you</html>", 401, "Content-Type: text/html"),
    "html 403": response(b"<html>not you</html>", 403, "Content-Type: text/html"),
    "json 401": answer({"error_code": "UNAUTHENTICATED", "message": "no"}, 401),
    "json 403": answer({"error_code": "PERMISSION_DENIED", "message": "no"}, 403),
    "host refused": response(INVALID_HOST_MSG.encode(), 403, "Content-Type: text/plain"),
    "html 502": response(b"<html>bad gateway</html>", 502, "Content-Type: text/html"),
    "error 500": answer({"error_code": "INTERNAL_ERROR", "message": "no"}, 500),
    "empty 500": response(b"", 500),
    "empty 200": response(b""),
    "truncated json": response(GOOD.partition(b"\r\n\r\n")[2][:-9]),
    "cut off": response(b'{"registered_model"', length=4000),
    "no http": b"\x00\x01\x02 this is no HTTP at all\r\n\r\n",
    "nothing": b"",
    "a list": answer([]),
    "a number": answer(7),
    "null": answer(None),
    "an empty object": answer({}),
    "a model that is a list": answer({"registered_model": []}),
    "a model without a name": answer({"registered_model": {"creation_timestamp": CREATED}}),
    "another model": registered_model("another", champion="1"),
    "aliases that are no list": answer({"registered_model": {"name": "iris", "aliases": 7}}),
    "a version that is a list": answer(
        {"registered_model": {"name": "iris", "aliases": [{"alias": "champion", "version": []}]}}
    ),
    "surrogates": response(
        b'{"registered_model": {"name": "iris", "aliases": '
        b'[{"alias": "\\ud800", "version": "\\udfff"}]}}'
    ),
    "an error that is a list": answer([NOT_FOUND], 404),
    "an error code that is a list": answer({"error_code": [NOT_FOUND]}, 404),
    "not found in words alone": answer({"message": f"{NOT_FOUND}: no such model"}, 404),
    "a loop": response(b"", 302, "Location: /api/2.0/mlflow/registered-models/get?name=iris"),
    "a redirect to nowhere": response(b"", 302, "Location: nowhere://"),
}


# What is not named here is nonsense.
MEANINGS = {
    "html 401": "registry_unauthenticated",
    "json 401": "registry_unauthenticated",
    "html 403": "registry_forbidden",
    "json 403": "registry_forbidden",
    "host refused": "registry_host_refused",
    "html 502": "registry_refused",
    "error 500": "registry_refused",
    "empty 500": "registry_refused",
    "not found in words alone": "registry_refused",
    "cut off": "registry_unreachable",
    "no http": "registry_unreachable",
    "nothing": "registry_unreachable",
    "a loop": "registry_refused",
    "a redirect to nowhere": "registry_refused",
}


@pytest.mark.parametrize("kind", NONSENSE)
async def test_p5_each_answer_that_is_none_has_its_code(
    make_registry: MakeRegistry, kind: str
) -> None:
    """Never another exception, never a hang; stable, with a sentence that says what to do."""
    async with ScriptedServer(otherwise=NONSENSE[kind]) as server:
        failure = await refusal(make_registry(server.url))
    assert failure.reason == MEANINGS.get(kind, "registry_nonsense")
    assert failure.message == SENTENCES[Fault(failure.reason)]
    assert failure.detail


async def test_host_name_that_mlflow_refuses_is_named_as_such(
    make_registry: MakeRegistry, mlflow_server: str
) -> None:
    """By MLflow itself, asked by another name through a proxy, as by a name in a compose file."""
    registry = make_registry("http://mlflow.example:5000", http_proxy=mlflow_server)
    failure = await refusal(registry)
    assert failure.reason == "registry_host_refused"
    assert "--allowed-hosts" in failure.message


async def test_model_that_may_not_be_read_keeps_no_other_from_being_followed(
    make_registry: MakeRegistry,
) -> None:
    """It alone is unanswered, and says why."""
    other = ModelRef("other", "champion")
    async with ScriptedServer(otherwise=GOOD) as server:
        found = await make_registry(server.url).resolve([REF, other])
    assert found[REF] == CHAMPION
    refused = found[other]
    assert isinstance(refused, Unanswered)
    assert refused.code == "registry_nonsense"


async def test_nonsense_does_not_end_the_process_that_asks(
    make_registry: MakeRegistry, forks: Watched
) -> None:
    """The same child sees the registry come to its senses."""
    async with ScriptedServer() as server:
        registry = make_registry(server.url)
        for nonsense in (HTML, NONSENSE["surrogates"], answer([])):
            server.otherwise = nonsense
            await refusal(registry)
        server.otherwise = GOOD
        async with asyncio.timeout(SECONDS):
            assert await registry.resolve([REF]) == {REF: CHAMPION}
    assert len(forks.children) == 1


async def test_missing_is_known_by_its_error_code(make_registry: MakeRegistry) -> None:
    """Whatever MLflow words its message like."""
    gone = answer({"error_code": NOT_FOUND, "message": "?"}, 404)
    async with ScriptedServer(otherwise=gone) as server:
        assert await make_registry(server.url).resolve([REF]) == {REF: Missing.MODEL}


async def test_names_that_mlflow_does_not_admit_are_missing_models(
    mlflow_store: MlflowStore, name: str
) -> None:
    """One such name must not keep the other slots from being followed."""
    good = ModelRef(name, "champion")
    mlflow_store.point(good, mlflow_store.register(name))
    bad = [ModelRef(text, "champion") for text in ("a/b", "a:b", "<b>bold</b>", "..")]
    resolutions = await mlflow_store.registry.resolve([*bad, good])
    assert [resolutions[ref] for ref in bad] == [Missing.MODEL] * len(bad)
    assert isinstance(resolutions[good], VersionId)


@pytest.mark.parametrize("uri", ["nonsense://there", "http://[no-address"])
async def test_address_that_mlflow_cannot_use_is_refused_in_words(
    make_registry: MakeRegistry, uri: str
) -> None:
    """The detail, which is for the log, says what MLflow thinks of it."""
    failure = await refusal(make_registry(uri))
    assert failure.reason in {"registry_refused", "registry_nonsense"}
    assert failure.detail


async def test_password_in_the_address_stays_out_of_the_detail(
    make_registry: MakeRegistry,
) -> None:
    """MLflow's messages repeat the whole address."""
    port = free_port()
    failure = await refusal(make_registry(f"http://user:secret@127.0.0.1:{port}"))
    assert f"127.0.0.1:{port}" in failure.detail
    assert "secret" not in failure.detail
