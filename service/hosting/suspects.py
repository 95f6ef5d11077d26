"""Requests whose host died are tried once more, each alone, where they can hurt nobody else."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from service.errors import NoServable, Overloaded
from service.hosting.host_handle import Host, NotSent, refuse_unsendable
from service.hosting.jobs import Job
from service.hosting.specification import Limits

_MAX_HOSTS: Final = 2
# What a suspect host may take to start on a busy machine, on top of one prediction before: at
# least so many seconds, or so many times what the first host took.
_START_SECONDS: Final = 10.0
_TIMES: Final = 3.0


class Suspects:
    """A bounded queue of second tries, and at most two hosts that are started for them.

    Who has waited for a second try for as long as a start and a prediction may take is refused.
    """

    def __init__(
        self, start_host: Callable[[], Awaitable[Host]], limits: Limits, start_seconds: float
    ) -> None:
        self._start_host = start_host
        self._limits = limits
        self._patience = limits.predict_seconds + max(_START_SECONDS, _TIMES * start_seconds)
        self._waiting: dict[Job, asyncio.TimerHandle] = {}
        self._workers: set[asyncio.Task[None]] = set()

    def add(self, job: Job) -> None:
        """The job is answered or failed in its turn; at once when too many wait already."""
        if len(self._waiting) >= self._limits.max_queue:
            job.fail(Overloaded("Too many requests are being tried a second time."))
            return
        loop = asyncio.get_running_loop()
        self._waiting[job] = loop.call_later(self._patience, self._give_up, job)
        if len(self._workers) < _MAX_HOSTS:
            worker = loop.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def close(self) -> None:
        """Ends the hosts; whoever still waits is refused."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._refuse_all()

    def _give_up(self, job: Job) -> None:
        self._waiting.pop(job)
        job.fail(Overloaded("The request has waited for a second try for too long."))

    async def _work(self) -> None:
        while self._waiting:
            try:
                host = await self._start_host()
            except Exception:  # noqa: BLE001 - whatever a start meets, nobody must wait for ever
                self._refuse_all()
                return
            try:
                await self._use(host)
            finally:
                await asyncio.shield(host.child.end())

    async def _use(self, host: Host) -> None:
        while host.child.alive and self._waiting:
            job = self._next()
            if job.wanted and await self._is_lost(host, job):
                job.fail(host.fault)

    def _next(self) -> Job:
        job = next(iter(self._waiting))
        self._waiting.pop(job).cancel()
        return job

    async def _is_lost(self, host: Host, job: Job) -> bool:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[list[Job]] = loop.create_future()
        try:
            host.predict([job], done.set_result)
        except NotSent:
            refuse_unsendable(job)
            return False
        try:
            return bool(await asyncio.shield(done))
        except asyncio.CancelledError:
            job.fail(NoServable("This version is no longer served."))
            raise

    def _refuse_all(self) -> None:
        while self._waiting:
            self._next().fail(NoServable("The model's process could not be replaced."))
