"""Leases on what lies in the cache, as the front holds them: locks taken and given back beside it.

A disk may hang for as long as it likes, and every touch of a file with it; the event loop touches
none.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from service.background import Work
from service.processes.front.beside import Beside
from service.registry.store.locks import Lock

_THREADS: Final = 4


class Locks:
    """Takes locks for a front, and gives them back, in threads of its own."""

    def __init__(self) -> None:
        self._beside = Beside(Work.CACHE, _THREADS)

    async def lease(
        self, place: Path, seconds: float, on_release: Callable[[], None]
    ) -> "CacheLease":
        """A lease on that place. Raises OSError, `Locked`, or TimeoutError after so many seconds.

        `on_release` is called on this loop once the lease has been given back.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            lock = await self._beside.obtain(partial(_taken, place), self._give_back)
        return CacheLease(_Held(lock, self._give_back), partial(_called, loop, on_release))

    def lease_at_once(self, place: Path) -> "CacheLease":
        """The same, where whoever asks may block as long as the disk does."""
        return self.lease_of(_taken(place))

    def lease_of(self, lock: Lock, when_free: Callable[[], None] | None = None) -> "CacheLease":
        """The same for a lock that has been taken already, and is the lease's from now on.

        `when_free` is called on this loop once it, and all that share it, have been given back.
        """
        if when_free is None:
            return CacheLease(_Held(lock, self._give_back), lambda: None)
        told = partial(_called, asyncio.get_running_loop(), when_free)

        def give_back(lock: Lock, _: Callable[[], None]) -> None:
            self._give_back(lock, told)

        return CacheLease(_Held(lock, give_back), lambda: None)

    def _give_back(self, lock: Lock, then: Callable[[], None] = lambda: None) -> None:
        self._beside.submit(partial(_release, lock, then))


class CacheLease:
    """`service.following.ports.Lease` on a place of the cache."""

    def __init__(self, held: "_Held", on_release: Callable[[], None]) -> None:
        self._held: _Held | None = held
        self._on_release = on_release

    def share(self) -> "CacheLease":
        """Another one on the same place; giving it back tells nobody."""
        if self._held is None:
            raise RuntimeError("the lease was given back")
        self._held.shares += 1
        return CacheLease(self._held, lambda: None)

    def release(self) -> None:
        """Gives it back; may be called again. Returns at once, and raises nothing."""
        held, self._held = self._held, None
        if held is not None:
            held.drop(self._on_release)


class _Held:
    """A lock, and how many leases it stands for; only ever touched on one thread at a time."""

    def __init__(self, lock: Lock, give_back: Callable[[Lock, Callable[[], None]], None]) -> None:
        self._lock = lock
        self._give_back = give_back
        self.shares = 1

    def drop(self, then: Callable[[], None]) -> None:
        self.shares -= 1
        if self.shares:
            then()
        else:
            self._give_back(self._lock, then)


def _taken(place: Path) -> Lock:
    return Lock.shared_at_once(place, lambda: None)


def _release(lock: Lock, then: Callable[[], None]) -> None:
    # What a disk says at the end of a lock is of no use to anybody.
    with contextlib.suppress(OSError):
        lock.release()
    then()


def _called(loop: asyncio.AbstractEventLoop, on_release: Callable[[], None]) -> None:
    # At the end of the service the loop may be gone.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(on_release)
