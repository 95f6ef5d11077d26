"""Tombstones in memory and in their store, made to agree: what could not be done is tried again."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable
from typing import Any, Final

from service.background import Work, begin
from service.following.tombstones import Key, Tombstone, Tombstones, TombstoneStore

# A process takes some milliseconds to end, and a lock to be given back.
_PAUSES: Final = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
# For whoever waits; what takes longer goes on.
_DONE_SECONDS: Final = 10.0


class Burying:
    """The tombstones that stand, and what is still to be done about each.

    `ending` are tasks that end what reads the files of withdrawn versions; `stones` those that were
    kept before the start.
    """

    def __init__(
        self,
        store: TombstoneStore,
        ending: Collection[asyncio.Task[None]],
        stones: Iterable[Tombstone] = (),
    ) -> None:
        self.stones = Tombstones()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._store = store
        self._ending = ending
        self._unkept: dict[Key, Tombstone] = {}
        self._unremoved: dict[Key, Tombstone] = {}
        self._uncleared: dict[Key, Tombstone] = {}
        self._changes = 0
        for stone in stones:
            self._stand(stone)

    @property
    def tasks(self) -> Collection[asyncio.Task[None]]:
        """What is being tried now."""
        return self._tasks.values()

    async def recall(self) -> None:
        """What is kept counts: another service of the home may have withdrawn, or taken back."""
        before = self._changes
        found = await self._store.read()
        if found is None or self._changes != before:
            return
        kept = {each.key: each for each in found} | self._unkept
        for stone in self.stones.standing:
            if stone.key not in kept:
                self._fall(stone)
        for stone in kept.values():
            if stone.key not in self._unremoved:
                self._stand(stone)

    def lay(self, stone: Tombstone) -> None:
        """It stands from now on, and is kept as soon as that can be."""
        self._unremoved.pop(stone.key, None)
        if stone.key not in {each.key for each in self.stones.standing}:
            self._stand(stone)
            self._unkept[stone.key] = stone
            self._changes += 1

    def take_back(self, stone: Tombstone) -> None:
        """It stands no more, and is kept no more as soon as that can be."""
        self._fall(stone)
        self._unkept.pop(stone.key, None)
        self._unremoved[stone.key] = stone
        self._changes += 1

    def see_to(self) -> None:
        """Begins with what is still to be done, unless that is being tried."""
        # What has to be written down does not wait for files that somebody still uses.
        if (self._unkept or self._unremoved) and "keep" not in self._tasks:
            self._run("keep", self._keep_all())
        if self._uncleared and "clear" not in self._tasks:
            self._run("clear", self._clear_all())

    async def done(self) -> None:
        """Returns when all is done, or has failed for now, or after some seconds."""
        await self._all_tasks()
        self.see_to()  # what was asked for while something else was tried
        await self._all_tasks()

    def is_kept(self, name: str, version: str) -> bool:
        """Whether the next start will know of that version what is known now."""
        return not any(
            (each.name, each.version) == (name, version)
            for each in (*self._unkept.values(), *self._unremoved.values())
        )

    def is_cleared(self, name: str, version: str) -> bool:
        """Whether nothing is left of what is withdrawn of that version."""
        stones = self._uncleared.values()
        return not any((each.name, each.version) == (name, version) for each in stones)

    def stop(self) -> None:
        """Nothing more is tried; the next start does."""
        for task in self.tasks:
            task.cancel()

    def _stand(self, stone: Tombstone) -> None:
        if stone.key not in {each.key for each in self.stones.standing}:
            self.stones.add(stone)
            self._uncleared[stone.key] = stone

    def _fall(self, stone: Tombstone) -> None:
        self.stones.remove(stone)
        self._uncleared.pop(stone.key, None)

    async def _keep_all(self) -> None:
        for stone in list(self._unkept.values()):
            if await self._store.keep(stone) and self._unkept.get(stone.key) is stone:
                del self._unkept[stone.key]
                self._changes += 1
        for stone in list(self._unremoved.values()):
            if await self._store.remove(stone) and self._unremoved.get(stone.key) is stone:
                del self._unremoved[stone.key]
                self._changes += 1

    async def _clear_all(self) -> None:
        for stone in list(self._uncleared.values()):
            await self._clear(stone)

    async def _clear(self, stone: Tombstone) -> None:
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            if self._ending:
                await asyncio.wait([*self._ending])
            if await self._store.clear(stone):
                self._uncleared.pop(stone.key, None)
                return

    async def _all_tasks(self) -> None:
        if self.tasks:
            await asyncio.wait([*self.tasks], timeout=_DONE_SECONDS)

    def _run(self, lane: str, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks[lane] = begin(Work.WITHDRAWN, work)
        task.add_done_callback(lambda _: self._tasks.pop(lane))
