"""The digest of what the registry has at this moment, by the fetch that services use.

Into a folder of its own that nobody has used before: a cache may be older than an alteration.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from service.config.environment import host_environment
from service.config.settings import Settings
from service.errors import PassingFault, VersionFault
from service.following.ports import FetchedVersion
from service.local.passing_folder import passing_folder
from service.parts import new_registry, new_scratch
from service.promotion.stopped import refused, undecided
from service.refs import VersionId
from service.registry.roles import registry_role
from service.zygote.front.handle import Zygote
from service.zygote.front.spawning import ZygoteCommand


def digest_now(version: VersionId, settings: Settings, environment: Mapping[str, str]) -> str:
    """Downloads the version and returns its digest. Raises `MoveStopped`.

    Takes as much room in the temporary folder as the artifact, and leaves nothing.
    """
    with passing_folder() as folder:
        return fetched_into(folder, version, settings, environment).digest


def fetched_into(
    folder: Path, version: VersionId, settings: Settings, environment: Mapping[str, str]
) -> FetchedVersion:
    """The version, whose files are below a folder that nobody else uses. Raises `MoveStopped`."""
    apart = settings.model_copy(update={"home": folder})
    try:
        return asyncio.run(_fetched(version, apart, environment))
    except VersionFault as fault:
        raise refused(fault.reason, str(fault)) from fault
    except PassingFault as fault:
        raise undecided(fault.reason, str(fault)) from fault


async def _fetched(
    version: VersionId, settings: Settings, environment: Mapping[str, str]
) -> FetchedVersion:
    command = ZygoteCommand(
        (registry_role(environment),), host_environment(environment, settings.hosts)
    )
    zygote = Zygote(command, scratch=new_scratch(settings))
    try:
        registry = new_registry(settings, environment, zygote, lambda _stream, _line: None)
        try:
            fetched = await registry.fetch(version)
            fetched.lease.release()
            return fetched.forgotten()
        finally:
            await registry.close()
    finally:
        await zygote.close()
