"""Locks on what lies in the cache: shared by whoever uses it, exclusive to take it away (flock(2)).

A lock ends with its process, however that ends. Its file lies beside what it protects.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

LOCK_SUFFIX: Final = ".lock"


class Locked(Exception):
    """Somebody else holds a lock that stands in the way."""


class Lock:
    """Held from the moment it is made until `release`, which may be called again.

    The file's times say when what it protects was last used.
    """

    def __init__(
        self, descriptor: int, *, shared: bool, on_release: Callable[[], None] = lambda: None
    ) -> None:
        self._descriptor = descriptor
        self._shared = shared
        self._on_release = on_release

    @classmethod
    def shared(cls, place: Path) -> Self:
        """With others who share it; raises OSError.

        Others take the exclusive lock for moments alone, so that waiting is short.
        """
        descriptor = _open(place, fcntl.LOCK_SH)
        _note_use(descriptor)
        return cls(descriptor, shared=True)

    @classmethod
    def shared_at_once(cls, place: Path, on_release: Callable[[], None]) -> Self:
        """The same without waiting; raises OSError, and `Locked` while somebody has it alone.

        `on_release` is called once, when it has been given back.
        """
        descriptor = _open(place, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return cls(descriptor, shared=True, on_release=on_release)

    @classmethod
    def exclusive(cls, place: Path) -> Self:
        """Alone, at once; raises `Locked` while anybody else has it, and OSError."""
        return cls(_open(place, fcntl.LOCK_EX | fcntl.LOCK_NB), shared=False)

    def release(self) -> None:
        """Gives it back."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor == -1:
            return
        if self._shared:
            _note_use(descriptor)
        os.close(descriptor)
        self._on_release()


def _note_use(descriptor: int) -> None:
    # Where it cannot be noted, on a disk that is read-only say, nothing is evicted either.
    with contextlib.suppress(OSError):
        os.utime(descriptor)


def lock_file(place: Path) -> Path:
    """Where the lock of what lies there is, or would be."""
    return place.with_name(place.name + LOCK_SUFFIX)


def _open(place: Path, operation: int) -> int:
    path = lock_file(place)
    while True:
        # Less what the umask takes: a group may share the home (`service.config.home`).
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o660)
        try:
            fcntl.flock(descriptor, operation)
            if _is_at(descriptor, path):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise Locked(place.name) from None
        except BaseException:
            os.close(descriptor)
            raise
        # Whoever had it alone has taken the file away; the lock of the next one is another.
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
