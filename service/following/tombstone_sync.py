"""Tombstones in memory and in their store, made to agree: what could not be done is tried again."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable
from typing import Any, Final

from service.background import Work, begin
from service.refs import VersionId
from service.tombstones import Key, Tombstone, Tombstones, TombstoneStore

# A process takes some milliseconds to end, and a lock to be given back.
_PAUSES: Final = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
# For whoever waits; what takes longer goes on.
_DONE_SECONDS: Final = 10.0


class TombstoneSync:
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
        self._tried = frozenset[Key]()
        self._changes = 0
        self._recalled: tuple[Collection[Tombstone], int] | None = None
        self._stand(stones)

    @property
    def tasks(self) -> Collection[asyncio.Task[None]]:
        """What is being tried now."""
        return self._tasks.values()

    async def recall(self) -> None:
        """What is kept counts: another service of the home may have withdrawn, or taken back."""
        before = self._changes
        found = await self._store.read()
        if found is None or self._changes != before or self._has_recalled(found):
            return
        kept = {each.key: each for each in found} | self._unkept
        self._fall(each for each in self.stones.standing if each.key not in kept)
        self._stand(each for key, each in kept.items() if key not in self._unremoved)
        self._recalled = found, before

    def lay(self, stones: Iterable[Tombstone]) -> None:
        """They stand from now on, and are kept as soon as that can be.

        One that stands is kept anew: nobody knows whether it still is.
        """
        laid = [self.stones.like(each) or each for each in stones]
        self._stand(laid)
        for stone in laid:
            self._unremoved.pop(stone.key, None)
            self._unkept[stone.key] = stone
            self._changes += 1

    def take_back(self, stones: Iterable[Tombstone]) -> None:
        """They stand no more, and are kept no more as soon as that can be."""
        taken = tuple(stones)
        self._fall(taken)
        for stone in taken:
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

    async def lying(self, name: str, version: str) -> Collection[VersionId]:
        """The versions of that number of which something lies on this machine."""
        return await self._store.lying(name, version)

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

    def _has_recalled(self, found: Collection[Tombstone]) -> bool:
        if self._recalled is None:
            return False
        before, changes = self._recalled
        return before is found and changes == self._changes

    def _stand(self, stones: Iterable[Tombstone]) -> None:
        new = [each for each in stones if self.stones.like(each) is None]
        if new:
            self.stones.add(new)
            self._uncleared |= {each.key: each for each in new}

    def _fall(self, stones: Iterable[Tombstone]) -> None:
        fallen = tuple(stones)
        if fallen:
            self.stones.remove(fallen)
        for stone in fallen:
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
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            if self._ending:
                await asyncio.wait([*self._ending])
            # Somebody waits for what is new: it goes before what somebody else still uses.
            new = [each for key, each in self._uncleared.items() if key not in self._tried]
            asked = new or list(self._uncleared.values())
            self._tried = self._tried & self._uncleared.keys() | {each.key for each in asked}
            for stone in await self._store.clear(asked):
                self._uncleared.pop(stone.key, None)
            if not self._uncleared:
                return

    async def _all_tasks(self) -> None:
        if self.tasks:
            await asyncio.wait([*self.tasks], timeout=_DONE_SECONDS)

    def _run(self, lane: str, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks[lane] = begin(Work.WITHDRAWN, work)
        task.add_done_callback(lambda _: self._tasks.pop(lane))
