"""Becomes the command it is given, with one promise made to the kernel: not to outlive `up`.

    python -P -m service.local.launch PARENT COMMAND [ARGUMENT ...]

When PARENT ends, however it ends, the command gets SIGTERM. A program of its own, because code
that runs between fork and exec in a process with threads may deadlock.
"""

import os
import signal
import sys

from service.processes.lifetime import die_with_parent


def main() -> None:
    """Replaces this process by the command; returns never."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    die_with_parent(parent, signal.SIGTERM)
    os.execvp(command[0], command)  # noqa: S606 - the command comes from `up` itself


if __name__ == "__main__":
    main()
