"""How the zygote of a service is started: the first thing of a start, for it takes the longest.

So nothing is imported here that the front could import while the zygote imports too.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping

from service.comparer.wire import COMPARER_ROLE
from service.config.environment import host_environment
from service.config.settings import Settings
from service.decoder.wire import DECODER_ROLE
from service.hosting.specification import HOST_ROLE, SKOPS_HOST_ROLE
from service.inspector.wire import INSPECTOR_ROLE
from service.registry.front.served_formats import may_be_skops
from service.registry.roles import FORWARDER_ROLE, registry_role
from service.zygote.front.spawning import Spawned, ZygoteCommand


def zygote_command(
    settings: Settings, environment: Mapping[str, str], *, loads: bool = True
) -> ZygoteCommand:
    """For the settings, and the registry that MLflow's variables in `environment` name.

    What skops imports takes half a second and 13 MB, and twice that where it comes after the first
    forks; it is imported late where it will hardly be needed. So is all that serves, where no
    version is loaded: it is by far the most.
    """
    roles: tuple[str, ...] = (HOST_ROLE, DECODER_ROLE, registry_role(environment))
    if settings.model_tracking:
        roles = (*roles, FORWARDER_ROLE)
    by_skops = (SKOPS_HOST_ROLE, INSPECTOR_ROLE)
    of_shadows = (COMPARER_ROLE,)
    child_environment = host_environment(os.environ, settings.hosts)
    if not loads:
        first, *others = registry_role(environment), *roles, *by_skops, *of_shadows
        return ZygoteCommand((first,), child_environment, late=tuple(others))
    # What patterns will find may well be skops', too.
    served = settings.history_folder(environment)
    may_need = settings.patterns or may_be_skops(served, settings.refs)
    if settings.trust == "no-pickle" or may_need:
        return ZygoteCommand((*roles, *by_skops), child_environment, late=of_shadows)
    return ZygoteCommand(roles, child_environment, late=(*by_skops, *of_shadows))


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
