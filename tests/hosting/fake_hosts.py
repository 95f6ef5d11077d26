"""Hosts without processes that double as `tests/models/temperamental.py` does, moods included."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final

import orjson

from service.errors import ModelFailed, PredictionFailed, PredictionTimedOut, VersionFault
from service.host.wire import encode_batch
from service.hosting.host_handle import BatchEnd, NotSent, Warmth
from service.hosting.observer import Purpose
from service.hosting.queue import Job
from service.processes.front.ending import Ending, EndReason
from tests.models.temperamental import EXIT, HANG, RAISE

_PIDS: Final = count(1)


class FakeHost:
    """`HostHandle` that predicts in the loop's next turn, unless it is held up."""

    def __init__(self) -> None:
        self.pid = next(_PIDS)
        self.batch: Sequence[Job] = ()
        self.batches: list[list[float]] = []
        self.held_bytes = 0
        self.held_up = False
        self._ended: Callable[[BatchEnd], None] | None = None
        self._killed_for: EndReason | None = None
        self._watchers: list[Callable[[], None]] = []

    @property
    def alive(self) -> bool:
        return self._killed_for is None

    @property
    def ending(self) -> Ending:
        assert self._killed_for is not None
        return Ending(self.pid, self._killed_for, "SIGKILL")

    @property
    def overran(self) -> bool:
        return self._killed_for is EndReason.TIME_LIMIT

    @property
    def fault(self) -> PredictionFailed:
        return PredictionTimedOut("It took long.") if self.overran else ModelFailed("It died.")

    def when_ended(self, told: Callable[[], None]) -> None:
        self._watchers.append(told)

    def predict(self, batch: Sequence[Job], ended: Callable[[BatchEnd], None]) -> None:
        assert not self.batch, "one batch at a time"
        try:
            encode_batch([job.model_input for job in batch])
        except Exception as error:
            raise NotSent(str(error)) from error
        self.batch, self._ended = batch, ended
        asyncio.get_running_loop().call_soon(self._begin)

    def cancel_unwanted(self) -> None:
        if self.held_up and self.batch and not any(job.wanted for job in self.batch):
            self._come_to(BatchEnd.CANCELLED)

    async def end(self) -> None:
        self._die(EndReason.UNWANTED)

    def hold_up(self) -> None:
        """It begins nothing until it goes on."""
        self.held_up = True

    def go_on(self) -> None:
        """It begins what it was sent meanwhile."""
        self.held_up = False
        self._begin()

    def _begin(self) -> None:
        if self.held_up or not self.batch or not self.alive:
            return
        rows = [[float(x) for x in job.model_input.columns[0].values] for job in self.batch]  # type: ignore[union-attr]  # tests send nothing else
        numbers = [number for each in rows for number in each]
        self.batches.append(numbers)
        if EXIT in numbers or HANG in numbers:
            self._die(EndReason.EXIT if EXIT in numbers else EndReason.TIME_LIMIT)
            return
        batch = self.batch
        try:
            self._come_to(BatchEnd.ANSWERED)
        finally:
            self._give(batch, rows)

    @staticmethod
    def _give(batch: Sequence[Job], rows: Sequence[list[float]]) -> None:
        for job, values in zip(batch, rows, strict=True):
            if RAISE in values:
                job.fail(ModelFailed("It raised."))
            else:
                job.succeed(orjson.dumps([2 * value for value in values]))

    def _die(self, reason: EndReason) -> None:
        if not self.alive:
            return
        self._killed_for = reason
        for told in self._watchers:
            asyncio.get_running_loop().call_soon(told)
        if self.batch:
            self._come_to(BatchEnd.LOST)

    def _come_to(self, end: BatchEnd) -> None:
        ended, self.batch, self._ended = self._ended, (), None
        assert ended is not None
        ended(end)


class FakeHosts:
    """`HostStarter` of these; `refused` starts none."""

    def __init__(self, *, refused: bool = False) -> None:
        self.started: list[FakeHost] = []
        self._refused = refused

    async def start(self, purpose: Purpose, *, behind: bool = False) -> tuple[FakeHost, Warmth]:
        await asyncio.sleep(0)
        if self._refused:
            raise VersionFault("load", "load_failed", "It could not be loaded.")
        self.started.append(FakeHost())
        return self.started[-1], Warmth(row_wise=True, reason="as the test says")
