"""A bound of what a child may allocate by itself, whatever it shares with the zygote.

Of its data alone (RLIMIT_DATA): what the zygote has mapped is shared, and larger than any sensible
limit; RLIMIT_AS would count that, and what is only reserved.
"""

import re
import resource
from pathlib import Path
from typing import Final

from service.processes.frames import FrameError

_STATUS: Final = Path("/proc/self/status")
_DATA: Final = re.compile(r"VmData:\s+(\d+) kB")
_KILOBYTE: Final = 1024


def limit_data(allowed: int) -> None:
    """From now on this process gets no more than so many bytes beside what it has.

    Allocations beyond that raise MemoryError. Raises `FrameError` where the kernel does not say
    how much there is.
    """
    found = _DATA.search(_STATUS.read_text())
    if found is None:
        raise FrameError("the kernel does not say how much memory this process has")
    limit = int(found[1]) * _KILOBYTE + allowed
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
