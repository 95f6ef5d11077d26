"""Requests whose host died are tried once more, each alone, where they can hurt nobody else."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from service.errors import NoServable, Overloaded, PassingFault, ServiceError
from service.hosting.host_handle import (
    BatchEnd,
    HostHandle,
    NotSent,
    overran_its_own_time,
    refuse_unsendable,
)
from service.hosting.queue import Job, end_late
from service.hosting.specification import PoolLimits

_MAX_HOSTS: Final = 2
# Before a start is tried again that has failed by nobody's fault.
_PAUSES: Final = (0.0, 1.0)


class SecondTries:
    """A bounded queue of second tries, and at most two hosts that are started for them."""

    def __init__(self, start_host: Callable[[], Awaitable[HostHandle]], limits: PoolLimits) -> None:
        self._start_host = start_host
        self._limits = limits
        self._waiting: deque[Job] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._hosts: set[HostHandle] = set()

    def add(self, job: Job) -> None:
        """The job is answered or failed in its turn; at once when too many wait already."""
        if len(self._waiting) >= self._limits.max_queue:
            job.fail(Overloaded("Too many requests are being tried a second time."))
            return
        self._waiting.append(job)
        if len(self._workers) < _MAX_HOSTS:
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    def end_late(self, now: float) -> float:
        """Fails those whose deadline has come; returns the earliest one of the others."""
        predicted = [job for host in self._hosts for job in host.batch]
        earliest = min(
            end_late(self._waiting, now, _waited_too_long),
            end_late(predicted, now, overran_its_own_time),
        )
        self._waiting = deque(job for job in self._waiting if job.wanted)
        return earliest

    async def close(self) -> None:
        """Ends the hosts; whoever still waits is refused."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._refuse_all()

    async def _started(self) -> HostHandle:
        # What kept one from starting may have passed, as its death, or that of the zygote.
        for pause in _PAUSES:
            try:
                return await self._start_host()
            except PassingFault:
                await asyncio.sleep(pause)
        return await self._start_host()

    async def _work(self) -> None:
        while self._waiting:
            try:
                host = await self._started()
            except Exception:  # noqa: BLE001 - whatever a start meets, nobody must wait for ever
                self._refuse_all()
                return
            self._hosts.add(host)
            try:
                await self._use(host)
            finally:
                self._hosts.discard(host)
                await asyncio.shield(host.end())

    async def _use(self, host: HostHandle) -> None:
        while host.alive and self._waiting:
            job = self._waiting.popleft()
            if job.wanted and await self._is_lost(host, job):
                job.fail(host.fault)

    async def _is_lost(self, host: HostHandle, job: Job) -> bool:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[BatchEnd] = loop.create_future()
        try:
            host.predict([job], done.set_result)
        except NotSent:
            refuse_unsendable(job)
            return False
        try:
            return await asyncio.shield(done) is BatchEnd.LOST
        except asyncio.CancelledError:
            job.fail(NoServable("This version is no longer served."))
            raise

    def _refuse_all(self) -> None:
        while self._waiting:
            job = self._waiting.popleft()
            job.fail(NoServable("The model's process could not be replaced."))


def _waited_too_long() -> ServiceError:
    return Overloaded("The request has waited for a second try for too long.")
