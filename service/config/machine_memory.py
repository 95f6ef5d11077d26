"""How much memory there is for this process: the machine's, or less where its cgroups say so."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from service.config.cores import group_folders

_ROOT: Final = Path("/")
_CONTROLLER: Final = "memory"


def usable_memory(root: Path = _ROOT) -> int:
    """Bytes. `root` is what stands for `/` of the files that the kernel tells it by.

    A limit binds all groups below the one that it is set on (cgroups(7)).
    """
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    for folder, unified in group_folders(root, _CONTROLLER):
        limit = _read(folder / ("memory.max" if unified else "memory.limit_in_bytes"))
        # `max` where there is none; version 1 has a number that is larger than any memory.
        if limit.isdigit() and int(limit) > 0:
            yield int(limit)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
