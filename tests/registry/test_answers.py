"""Answers that are none: each is understood, has its code, and costs nobody what serves (P5)."""

import asyncio

import pytest
from mlflow.server.security_utils import INVALID_HOST_MSG

from service.following.ports import Unanswered
from service.refs import ModelRef
from service.registry.wire import SENTENCES, Fault
from tests.registry.conftest import MakeRegistry, Watched
from tests.registry.looks import CHAMPION, GOOD, REF, SECONDS, refusal
from tests.registry.scripted_server import (
    CREATED,
    ScriptedServer,
    answer,
    registered_model,
    response,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")
HTML = response(b"<html><body>Sign in</body></html>", 200, "Content-Type: text/html")
NOT_FOUND = "RESOURCE_DOES_NOT_EXIST"
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
    "aliases that are not a list": answer({"registered_model": {"name": "iris", "aliases": 7}}),
    "a version that is a list": answer(
        {"registered_model": {"name": "iris", "aliases": [{"alias": "champion", "version": []}]}}
    ),
    "a version that is not a number": registered_model("iris", champion="1\r\nPodium-Evil: 1"),
    "a version without end": registered_model("iris", champion="1" * 100),
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
        found = (await make_registry(server.url).resolve([REF, other])).found
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
            assert (await registry.resolve([REF])).found == {REF: CHAMPION}
    assert len(forks.children) == 1
