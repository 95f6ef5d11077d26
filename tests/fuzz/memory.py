"""What a process and all below it hold of memory."""

import contextlib
import re
from pathlib import Path
from typing import Final

from tests.support.services import descendants_of

_PSS: Final = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


def proportional_bytes(pid: int) -> int:
    """The proportional set size (proc(5), smaps_rollup), which counts shared pages once."""
    return sum(_of_one(each) for each in (pid, *descendants_of(pid)))


def _of_one(pid: int) -> int:
    with contextlib.suppress(OSError):
        found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0
