"""How the zygote of a service is started: the first thing of a start, for it takes the longest.

So nothing is imported here that the front could import while the zygote imports too.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping

from service.environment import host_environment
from service.hosting.roles import DECODER_ROLE, HOST_ROLE, INSPECTOR_ROLE, SKOPS_HOST_ROLE
from service.processes.spawning import Spawned, ZygoteCommand
from service.registry.roles import registry_role
from service.settings import Settings


def zygote_command(settings: Settings, environment: Mapping[str, str]) -> ZygoteCommand:
    """For the settings, and the registry that MLflow's variables in `environment` name."""
    hosting = (HOST_ROLE, SKOPS_HOST_ROLE, DECODER_ROLE, INSPECTOR_ROLE)
    return ZygoteCommand(
        (*hosting, registry_role(environment)), host_environment(os.environ, settings.hosts)
    )


@contextlib.contextmanager
def zygote_begun(settings: Settings, environment: Mapping[str, str]) -> Iterator[Spawned | None]:
    """A zygote that imports already, gone at the end; None if none can be started now."""
    try:
        begun = zygote_command(settings, environment).spawn()
    except OSError:
        yield None  # whoever needs one will try again, and say why not
        return
    try:
        yield begun
    finally:
        begun.end()
