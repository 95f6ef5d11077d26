"""A process above one that runs code of others: it adopts what that leaves, reaps it, and ends it.

Whoever runs the code could not do so itself. To the kernel an orphan that it has adopted is a child
like those that its own code has started and will ask for one day, and whoever reaps one of these
takes its exit status away. A keeper starts one child; all that come to it later are orphans.
"""

import contextlib
import os
import resource
import signal
import socket
from collections.abc import Callable
from typing import Final, NoReturn

from service.processes import lifetime

Role = Callable[[socket.socket], None]
_kept: Final = set[Role]()


def kept(role: Role) -> Role:
    """Marks what a child may be asked to be: such a child has a keeper."""
    _kept.add(role)
    return role


def is_kept(role: Role) -> bool:
    """Whether a child in that role has a keeper."""
    return role in _kept


def keep(child: int, parent: int) -> NoReturn:
    """Reaps orphans until the child ends, ends what it has left, and ends as it has.

    `child` is the only one that this process has started. It is killed when `parent` ends, which
    has started this process: so nothing is left either where nobody above is there to see to it.
    """
    # Its number is its own until it is reaped, which is below.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    lifetime.die_with_parent(parent, signal.SIGTERM)
    while (dead := _next_dead()) != child:
        os.waitpid(dead, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    lifetime.end_group(child)
    _, status = os.waitpid(child, 0)
    lifetime.end_orphans(keep=())
    _end_with(os.waitstatus_to_exitcode(status))


def _next_dead() -> int:
    found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    return 0 if found is None else found.si_pid


def _end_with(status: int) -> NoReturn:
    if status < 0:
        # The child has left a core, if anybody wants one.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):  # nobody can handle SIGKILL
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)
