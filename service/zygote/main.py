"""What imports once what models need, and then forks.

    python -P -m service.zygote.main FD FRONT ROLES LATE

in Podium's own environment; in a version's, `service.zygote.front.spawning` says how.

FD is the control socket, FRONT the process to end with, ROLES and LATE modules, joined by commas,
whose `run` a child calls with its channel; LATE ones are imported when the first is asked for. A
host that is forked from here is ready in a tenth of the time of one that imports by itself, and
shares the libraries' memory. The environment is what the front allows; no credential is among it.
"""

import gc
import importlib
import signal
import socket
import sys
import traceback
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Final

from service.host.isolation import note_podiums_modules
from service.processes import lifetime
from service.processes.child.keeper import Role
from service.processes.child.scheduling import FORKING, prefer_as_victim
from service.zygote.forker import Forker, note_generators

_HOST: Final = "service.host.main"
_SKOPS_HOST: Final = "service.host.main_with_skops"
# Before all else: for each of some eight hundred functions it looks through every module that is
# there. Where it comes last, as for a late role, it takes twice the time.
_FIRST_FOR_SKOPS: Final = ("skops.io",)
# Loaders and what nearly every scikit-learn model touches when it is loaded and when it predicts.
PRELOADED: Final = (
    "mlflow.pyfunc",
    "mlflow.sklearn",
    "mlflow.artifacts",
    "mlflow.tracking",
    "pandas",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "sklearn.preprocessing",
)


def _preload(roles: Iterable[str], shared: Iterable[str] = ()) -> None:
    # What is imported stays: to look for garbage in it takes a tenth of the time and finds none.
    gc.disable()
    for module in shared:
        _import_if_there(module)
    for role in roles:
        importlib.import_module(role)
    if "sklearn.utils" in sys.modules:
        _use_once()
    note_podiums_modules()
    note_generators()
    # What is shared with every child must not be written to by their collectors.
    gc.freeze()
    gc.enable()


def _import_if_there(module: str) -> None:
    # A version's environment has what that version needs. What cannot be imported there for another
    # reason is told, and may not be needed either.
    try:
        importlib.import_module(module)
    except ModuleNotFoundError:
        return
    except Exception:  # noqa: BLE001 - code of others, as it happens to be installed
        traceback.print_exc()


def _use_once() -> None:
    # scikit-learn imports what it reads DataFrames with when it is given the first one: seven
    # megabytes in each host, and a twentieth of a second of its start. No thread is started here.
    frame = sys.modules["pandas"].DataFrame({"x": [1.0]})
    sys.modules["sklearn.utils"].check_array(frame)


def _role(allowed: Collection[str], name: str) -> Role:
    if name not in allowed:
        raise KeyError(name)
    if name not in sys.modules:
        _preload([name])
    role: Role = sys.modules[name].run
    return role


def main(preloaded: Sequence[str] = PRELOADED) -> None:
    """Serves the front that started this process, and ends with it."""
    descriptor, front, roles, late = sys.argv[1:]
    lifetime.die_with_parent(int(front))
    lifetime.adopt_orphans()
    prefer_as_victim(FORKING)
    control = socket.socket(fileno=int(descriptor))
    # Where hosts come late, if at all, so does what they share.
    shared = () if _HOST in late.split(",") else preloaded
    shared = (*(_FIRST_FOR_SKOPS if _SKOPS_HOST in roles.split(",") else ()), *shared)
    _preload(roles.split(","), shared)
    forker = Forker(control, partial(_role, {*roles.split(","), *late.split(",")}))
    # From here on there are children: the front's end is answered by ending them first.
    lifetime.die_with_parent(int(front), signal.SIGTERM)
    forker.run()


if __name__ == "__main__":
    main()
