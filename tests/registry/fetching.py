"""What tests of fetching share."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from service.errors import FollowingError
from service.following.ports import FetchedVersion, Registry
from service.refs import VersionId
from tests.registry.scripted_server import CREATED, response
from tests.registry.stores import MLMODEL

SECONDS = 240
# The one version of a scripted server, and the answers that make it whole.
SCRIPTED = VersionId("iris", CREATED, "1")
WHOLE = {"MLmodel": response(MLMODEL.encode()), "data": response(b"weights")}


INTACT = {"MLmodel": MLMODEL.encode(), "data": b"weights"}


async def scripted(registry: Registry) -> FetchedVersion:
    """The one version of a scripted server."""
    async with asyncio.timeout(SECONDS):
        return await registry.fetch(SCRIPTED)


async def fault(fetching: Coroutine[Any, Any, FetchedVersion]) -> FollowingError:
    """What fetching raises."""
    async with asyncio.timeout(SECONDS):
        with pytest.raises(FollowingError) as failure:
            await fetching
    assert failure.value.stage == "fetch"
    return failure.value


def files(folder: Path) -> dict[str, bytes]:
    """Every file below, by its path."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
