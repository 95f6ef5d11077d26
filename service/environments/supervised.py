"""Runs one program, and ends it with all that it has started when whoever wanted it has gone.

Started as a process of its own: `python -P -m service.environments.supervised PARENT PROGRAM ...`,
as the leader of a session, so that its group is the program's and nobody else's.
"""

import os
import signal
import sys
from types import FrameType

from service.processes import lifetime


def main() -> None:
    """Ends as the program does; 128 and its number where a signal has ended that."""
    parent, *command = sys.argv[1:]
    signal.signal(signal.SIGTERM, _end)
    lifetime.die_with_parent(int(parent), signal.SIGTERM)
    lifetime.adopt_orphans()
    me = os.getpid()
    child = os.fork()
    if child == 0:
        _become(command, me)
    _, status = os.waitpid(child, 0)
    # What builds of sources have left behind.
    lifetime.end_orphans(())
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)


def _end(_number: int, _frame: FrameType | None) -> None:
    # What they have started, in sessions of their own or not, becomes this one's when they end.
    lifetime.end_orphans(())
    os._exit(128 + signal.SIGTERM)


def _become(command: list[str], parent: int) -> None:
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # Where this one is killed instead of asked.
        lifetime.die_with_parent(parent)
        os.execv(command[0], command)  # noqa: S606 - no shell
    finally:
        os._exit(127)


if __name__ == "__main__":
    main()
