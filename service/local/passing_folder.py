"""A temporary folder that is gone at the end of its command, or by the next one after a kill.

It holds a file with a lock (flock(2)), which ends with its process, however that ends. So what was
left is told from what is in use; and what has no such file, or is somebody else's, is left alone.
"""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from service.processes.removal import remove_tree

_PREFIX: Final = "podium-"
_LOCK: Final = "lock"
# Short: sockets that a model puts somewhere below have 108 bytes for their whole path.
_INNER: Final = "in"


@contextmanager
def passing_folder() -> Iterator[Path]:
    """A new, empty one; those of commands that were killed are removed first. Blocks."""
    _remove_left(Path(tempfile.gettempdir()))
    lock = -1
    try:
        # Whoever has written there may have closed a folder to itself.
        with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as made:
            lock = _claimed(Path(made))
            inner = Path(made, _INNER)
            inner.mkdir()
            yield inner
    finally:
        if lock >= 0:
            os.close(lock)


def _claimed(folder: Path) -> int:
    """The lock, which stands under its name only once it is held."""
    before = folder / f"{_LOCK}.new"
    lock = os.open(before, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    before.rename(folder / _LOCK)
    return lock


def _remove_left(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if _is_left(folder):
                remove_tree(folder)


def _is_left(folder: Path) -> bool:
    """Whether it is this account's and its process has ended; raises OSError if nobody knows."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return False
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(lock)
