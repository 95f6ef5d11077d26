"""Room in the cache: what was used longest ago goes first, and nothing that anybody serves."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service.registry.store.artifacts import discard, is_place
from service.registry.store.locks import LOCK_SUFFIX, lock_file


@dataclass(frozen=True, slots=True)
class _Lying:
    place: Path
    size: int
    used_at: float


def make_room(cache: Path, limit: int, needed: int = 0) -> None:
    """Discards until `needed` bytes more are within `limit`, and fit on the disk, as far as it can.

    Least recently used first. What somebody holds a lock on stays, whatever the limit is. Raises
    OSError with ENOSPC if the disk has no room for them then.
    """
    lying = sorted(_lying(cache), key=lambda each: each.used_at)
    used = sum(each.size for each in lying)
    for each in lying:
        if used + needed <= limit and needed <= _free(cache):
            break
        # What cannot be taken away now is another's to use, or its disk is broken.
        with contextlib.suppress(OSError):
            if discard(each.place):
                used -= each.size
    _remove_lone_locks(cache)
    if needed and needed > _free(cache):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _lying(cache: Path) -> Iterator[_Lying]:
    if not cache.is_dir():
        return
    for place in cache.iterdir():
        if is_place(place.name):
            with contextlib.suppress(OSError):
                yield _Lying(place, _size(place), _used_at(place))


def _remove_lone_locks(cache: Path) -> None:
    for lock in cache.glob(f"*{LOCK_SUFFIX}"):
        place = lock.with_suffix("")
        with contextlib.suppress(OSError):
            if not place.exists():
                discard(place)


def _used_at(place: Path) -> float:
    try:
        return lock_file(place).stat().st_mtime
    except FileNotFoundError:
        return place.stat().st_mtime


def _size(place: Path) -> int:
    size, waiting = 0, [place]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                else:
                    size += entry.stat(follow_symlinks=False).st_size
    return size


def _free(cache: Path) -> int:
    cache.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(cache).free
