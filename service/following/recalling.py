"""Asks what an empty slot served before the start, beside the loop: verifying may take minutes."""

import asyncio
from collections.abc import Callable, Collection
from functools import partial

from service.following.history import History
from service.following.observer import FollowingObserver
from service.following.ports import FetchedVersion
from service.following.refs import ModelRef
from service.following.slots import Slot


class Recaller:
    """One question for each slot at a time.

    `found` is given each version together with its lease; `keep` holds on to what is being ended.
    """

    def __init__(
        self,
        history: History,
        observer: FollowingObserver,
        found: Callable[[Slot, FetchedVersion], None],
        keep: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._history = history
        self._observer = observer
        self._found = found
        self._keep = keep
        self._asking: dict[ModelRef, asyncio.Task[None]] = {}

    @property
    def asking(self) -> Collection[asyncio.Task[None]]:
        """What has not been answered yet."""
        return self._asking.values()

    def ask(self, slot: Slot) -> None:
        """Returns at once; nothing new if the slot's question is not answered yet."""
        if slot.ref not in self._asking:
            task = asyncio.get_running_loop().create_task(self._ask(slot))
            self._asking[slot.ref] = task
            task.add_done_callback(partial(self._asked, slot.ref))

    def give_up(self, slot: Slot) -> None:
        """Nobody wants to know any more; what was found by then is given back."""
        task = self._asking.pop(slot.ref, None)
        if task is not None:
            task.cancel()
            self._keep(task)

    def _asked(self, ref: ModelRef, task: asyncio.Task[None]) -> None:
        if self._asking.get(ref) is task:
            del self._asking[ref]

    async def _ask(self, slot: Slot) -> None:
        try:
            known = await self._history.last_known_good(slot.ref)
            if known is not None:
                self._found(slot, known.fetched)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not end following
            self._observer.tick_failed(error)
