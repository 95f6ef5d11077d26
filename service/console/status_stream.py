"""How slots, looks, the ledger and requests change, as events: written once for all who watch.

While nobody watches nothing is done.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from service.background import Work, begin
from service.console.stats import stats_text
from service.console.time_series import TimeSeries
from service.console.watchers import Watchers
from service.following.ledger import Ledger, LedgerEntry
from service.following.slot import Slot
from service.following.slot_status import Failure, SlotStatus
from service.following.slots import Slots
from service.http.models import ModelsTexts
from service.http.swaps import swap_text
from service.http.written import json_text
from service.processes.front.beside import Beside

STEP_SECONDS: Final = 0.2
"""At most so often anybody is told how a slot is."""
ALIVE_SECONDS: Final = 10.0
"""At least so often whoever watches hears something."""
_ALIVE: Final = b": alive\n\n"


def event_text(name: str, data: bytes) -> bytes:
    """One event of a `text/event-stream`; JSON as it is written here is one line."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


class StatusStream:
    """Tells `watchers` what has changed, `step` by `step`.

    Each of them is told first how everything is (`models`). What is written needs `texts` for slots
    and looks; all the rest is written `beside` the loop, too. `monotonic` gives seconds.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - all that it tells of
        self,
        slots: Slots,
        ledger: Ledger,
        series: TimeSeries,
        texts: ModelsTexts,
        instance: str,
        beside: Beside,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = slots
        self._ledger = ledger
        self._series = series
        self._texts = texts
        self._instance = instance
        self._beside = beside
        self._monotonic = monotonic
        self._wake = asyncio.Event()
        self.watchers = Watchers(self._wake.set)
        self._seen: Mapping[str, SlotStatus] = {}
        self._told: dict[tuple[str, bool], bytes] = {}
        self._others: object = None
        self._last_id = self._second = 0
        self._failure: Failure | None = None
        self._alive_at = 0.0
        self._begin_anew()

    async def run(self) -> None:
        """Tells of changes as they come, until cancelled."""
        while True:
            while not self.watchers:
                self._wake.clear()
                await self._wake.wait()
            self._begin_anew()
            with self._following():
                while self.watchers:
                    self._wake.clear()
                    await self.step()
                    await asyncio.sleep(STEP_SECONDS)
                    await self._until_woken()

    async def step(self) -> None:
        """Tells what has changed since the last step, and greets those who have come since."""
        second = self._series.last_second
        for tell in (
            partial(self._tell_slots, turned=second != self._second),
            self._tell_swaps,
            self._tell_look,
            partial(self._tell_stats, second),
            self._greet,
        ):
            await tell()
        if self._monotonic() >= self._alive_at:
            self._alive_at = self._monotonic() + ALIVE_SECONDS
            self.watchers.offer({False: _ALIVE, True: _ALIVE})

    def _begin_anew(self) -> None:
        for each in self.watchers:
            each.greeted = False
        self._seen = self._slots.status.slots
        self._told = {}
        self._others = self._texts.others
        self._last_id = self._ledger.last_id
        self._second = self._series.last_second
        self._failure = self._slots.look.failure
        self._alive_at = self._monotonic() + ALIVE_SECONDS

    @property
    def _kinds(self) -> Collection[bool]:
        return {each.why for each in self.watchers if each.greeted}

    async def _tell_slots(self, *, turned: bool) -> None:
        before, now = self._seen, self._slots.status.slots
        self._seen = now
        changed = {
            key
            for key, slot in self._slots.items()
            if before.get(key) is not (status := now.get(key))
            or (turned and status is not None and _moves(slot, status))
        }
        for key in before.keys() - now.keys():
            self._told = {kind: text for kind, text in self._told.items() if kind[0] != key}
            gone = event_text("gone", json_text({"ref": key}))
            self.watchers.offer({False: gone, True: gone})
        for why in self._kinds if changed else ():
            await self._tell_changed(changed, why=why)

    async def _tell_changed(self, changed: Collection[str], *, why: bool) -> None:
        slots = {key: slot for key, slot in self._slots.items() if key in changed}
        texts = await self._texts.slots(slots.values(), why=why)
        for key, text in zip(slots, texts, strict=True):
            if self._told.get((key, why)) != text:
                self._told[key, why] = text
                self._offer("slot", text, why=why)

    async def _tell_swaps(self) -> None:
        entries, self._last_id = self._ledger.since(self._last_id), self._ledger.last_id
        for why in self._kinds if entries else ():
            written = partial(_swap_texts, entries, detailed=why)
            for text in await self._beside.run(written):
                self._offer("swap", text, why=why)

    async def _tell_look(self) -> None:
        failure = self._slots.look.failure
        if failure == self._failure and self._monotonic() < self._alive_at:
            return
        self._failure = failure
        for why in self._kinds:
            self._offer("look", self._texts.look(why=why), why=why)

    async def _tell_stats(self, second: int) -> None:
        first, self._second = self._second + 1, second
        kept = self._series.kept(first) if first <= second else ()
        if kept:
            written = partial(stats_text, self._instance, kept, first, second)
            text = event_text("stats", b"".join(await self._beside.run(written)))
            self.watchers.offer({False: text, True: text})

    async def _greet(self) -> None:
        others = self._texts.others
        if others != self._others:
            # What is told nowhere else has changed: everybody is told everything anew.
            self._others = others
            for each in self.watchers:
                each.greeted = False
        came = [each for each in self.watchers if not each.greeted]
        for why in {each.why for each in came}:
            text = event_text("models", b"".join(await self._texts.whole(why=why)))
            for each in came:
                if each.why is why:
                    each.greeted = True
                    each.offer(text)

    def _offer(self, name: str, text: bytes, *, why: bool) -> None:
        event = event_text(name, text)
        for each in self.watchers:
            if each.greeted and each.why is why:
                each.offer(event)

    @contextlib.contextmanager
    def _following(self) -> Iterator[None]:
        following = begin(Work.CONSOLE, self._follow())
        try:
            yield
        finally:
            following.cancel()

    async def _follow(self) -> None:
        async for _ in self._slots.statuses():
            self._wake.set()

    async def _until_woken(self) -> None:
        """Something has changed, or a second is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0 - STEP_SECONDS):
                await self._wake.wait()


def _swap_texts(entries: Sequence[LedgerEntry], *, detailed: bool) -> Sequence[bytes]:
    return [swap_text(each, detailed=detailed) for each in entries]


def _moves(slot: Slot, status: SlotStatus) -> bool:
    """Whether what is told of it changes though its status does not: counts, and for how long."""
    lags = status.aspired is not None and status.aspired != status.version
    return bool(status.bake or status.arms or status.coming or lags or slot.shadow.ref)
