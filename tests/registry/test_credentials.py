"""Credentials reach the process that asks the registry, and no other."""

import base64
from pathlib import Path

import pytest

from service.following.ports import Missing
from service.hosting.specification import HOST_ROLE
from service.refs import ModelRef
from service.zygote.front.handle import Zygote
from tests.registry.conftest import MakeRegistry, Watched
from tests.registry.scripted_server import ScriptedServer, answer

pytestmark = pytest.mark.asyncio(loop_scope="session")
REF = ModelRef("iris", "champion")
GONE = answer({"error_code": "RESOURCE_DOES_NOT_EXIST"}, 404)
SECRETS = {"MLFLOW_TRACKING_USERNAME": "podium", "MLFLOW_TRACKING_PASSWORD": "a secret"}


async def test_registry_is_asked_with_the_given_credentials(make_registry: MakeRegistry) -> None:
    """As MLflow's client sends them."""
    async with ScriptedServer(otherwise=GONE) as server:
        registry = make_registry(server.url, **SECRETS)
        assert (await registry.resolve([REF])).found == {REF: Missing.MODEL}
    expected = base64.b64encode(b"podium:a secret").decode()
    assert server.asked[0].headers["authorization"] == f"Basic {expected}"


async def test_credentials_stay_out_of_every_process_but_the_registrys(
    zygote: Zygote, make_registry: MakeRegistry, forks: Watched
) -> None:
    """They travel in a message, so neither the zygote nor a host has them to inherit."""
    async with ScriptedServer(otherwise=GONE) as server:
        await make_registry(server.url, **SECRETS).resolve([REF])
    host = await zygote.fork(HOST_ROLE, 1000, forks.printed)
    try:
        parent = int(Path(f"/proc/{host.pid}/stat").read_text().rpartition(")")[2].split()[1])
        for process in (host.pid, parent):
            environment = Path(f"/proc/{process}/environ").read_bytes()
            assert b"PATH=" in environment
            assert b"MLFLOW_TRACKING" not in environment
            assert b"a secret" not in environment
    finally:
        await host.end()
