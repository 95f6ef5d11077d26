"""`podium serve` where a platform has put it: a read-only root, a user of no name, a group.

    python -P -m tests.platform.confined HOW serve ...

HOW is `read-only`, `nameless`, or `group=FOLDER`. Of the root, only the folder that this is started
in can be written to. The nameless user's number stands in no list of users, its group is 0.
"""

import os
import sys
from pathlib import Path

_READ_ONLY = (
    'mount --make-rprivate / && mount --bind "$PWD" "$PWD" && mount -o remount,ro,bind / '
    '&& cd "$PWD" && ! touch /written-all-the-same 2>/dev/null && exec "$@"'
)
_NAMELESS = ("unshare", "--user", "--map-user=54321", "--map-group=0")


def main() -> None:
    """Becomes the service."""
    how, *arguments = sys.argv[1:]
    command = [sys.executable, "-P", "-m", "service", *arguments]
    if how == "read-only":
        command = ["unshare", "--mount", "sh", "-c", _READ_ONLY, "sh", *command]
    elif how == "nameless":
        command = [*_NAMELESS, *command]
    else:
        (Path(how.removeprefix("group=")) / "cgroup.procs").write_text(str(os.getpid()))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
