"""A private temporary folder for every child, removed when it has ended.

They stand below a folder of the running service's own, which it holds a lock on (flock(2)). A lock
ends with its process, however that ends: so the next service tells what a killed one has left,
which it removes, from what belongs to another that lives and shares the place.
"""

import fcntl
import itertools
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from service.background import Work
from service.processes.front.beside import Beside
from service.processes.removal import remove_tree

_LOCK_SUFFIX = ".lock"
# Less what the umask takes: a group may share the home (`service.config.home`).
_MODE = 0o660


class Scratch:
    """Temporary folders below `place`, which is made if need be; raises OSError if it cannot be.

    Names are short: sockets that a model puts there have 108 bytes for their whole path.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        # A folder of a million files holds nobody up, nor the end of the process.
        self._removing = Beside(Work.REMOVAL)
        self._numbers = itertools.count(1)
        self._own, self._lock = self._claimed()

    def folder(self) -> Path:
        """A new, empty folder, also where somebody has removed the place; raises OSError."""
        try:
            return self._made()
        except FileNotFoundError:
            own, lock = self._claimed()
            os.close(self._lock)
            self._own, self._lock = own, lock
            return self._made()

    def _made(self) -> Path:
        folder = self._own / str(next(self._numbers))
        folder.mkdir(mode=0o700)
        return folder

    def _claimed(self) -> tuple[Path, int]:
        self._place.mkdir(parents=True, exist_ok=True)
        with _locked(self._place / _LOCK_SUFFIX):
            for dead in _dead(self._place):
                self.remove(dead)
            own = self._place / secrets.token_hex(3)
            lock = os.open(f"{own}{_LOCK_SUFFIX}", os.O_RDWR | os.O_CREAT, _MODE)
            fcntl.flock(lock, fcntl.LOCK_EX)
            own.mkdir(mode=0o700)
        return own, lock

    def remove(self, folder: Path) -> None:
        """Is gone some time later, as far as the system lets it go; returns at once."""
        self._removing.submit(partial(remove_tree, folder))

    def tidy(self, seconds: float = 5.0) -> bool:
        """Removes what services that were killed have left; blocks.

        Whether that, and all else that was to be removed, has gone in so many seconds.
        """
        if self._place.is_dir():
            with _locked(self._place / _LOCK_SUFFIX):
                for dead in _dead(self._place):
                    self.remove(dead)
        return self._removing.finish(seconds)

    def close(self, seconds: float = 5.0) -> None:
        """Removes everything; what is left after so many seconds is the next service's to remove.

        Blocks meanwhile.
        """
        self.remove(self._own)
        self._removing.finish(seconds)
        if not self._own.exists():
            Path(f"{self._own}{_LOCK_SUFFIX}").unlink(missing_ok=True)
        os.close(self._lock)


def _dead(place: Path) -> Iterator[Path]:
    # Under the place's lock, so whoever has no lock of its own is not on its way to one either.
    for own in place.iterdir():
        if own.name.endswith(_LOCK_SUFFIX):
            continue
        lock = Path(f"{own}{_LOCK_SUFFIX}")
        if not _is_held(lock):
            lock.unlink(missing_ok=True)
            yield own


def _is_held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    except PermissionError:  # another account's, of a home that a group shares
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
