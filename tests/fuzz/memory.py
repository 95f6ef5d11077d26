"""What a process and all below it hold of memory."""

import contextlib
import re
from pathlib import Path
from typing import Final

from tests.support.services import descendants_of

_OWN: Final = re.compile(r"^Pss_Anon:\s+(\d+) kB", re.MULTILINE)


def own_bytes(pid: int) -> int:
    """The anonymous part of the proportional set sizes (proc(5), smaps_rollup).

    Pages that the processes share count once. Files do not count: what a process has of a library
    depends on how many others use it, also of those that are none of the service's.
    """
    return sum(_of_one(each) for each in (pid, *descendants_of(pid)))


def _of_one(pid: int) -> int:
    with contextlib.suppress(OSError):
        found = _OWN.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0
