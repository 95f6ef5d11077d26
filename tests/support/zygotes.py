"""The real zygote, started once for all tests that need hosts: its imports take seconds."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from service.comparer.wire import COMPARER_ROLE
from service.config.environment import host_environment
from service.decoder.wire import DECODER_ROLE
from service.hosting.specification import HOST_ROLE, SKOPS_HOST_ROLE
from service.inspector.wire import INSPECTOR_ROLE
from service.processes.front.scratch import Scratch
from service.registry.roles import DATABASE_ROLE, FORWARDER_ROLE, REGISTRY_ROLE
from service.zygote.front.handle import Zygote
from service.zygote.front.spawning import ZygoteCommand


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def zygote(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Zygote]:
    """For tests marked `pytest.mark.asyncio(loop_scope="session")`; they must not end it."""
    roles = (HOST_ROLE, DECODER_ROLE, REGISTRY_ROLE, DATABASE_ROLE)
    late = (SKOPS_HOST_ROLE, INSPECTOR_ROLE, FORWARDER_ROLE, COMPARER_ROLE)
    command = ZygoteCommand(roles, host_environment(os.environ, hosts=2), late=late)
    made = Zygote(command, scratch=Scratch(tmp_path_factory.mktemp("tmp")))
    await made.start()
    yield made
    await made.close()
