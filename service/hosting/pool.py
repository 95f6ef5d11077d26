"""The hosts of one version: an idle one gets what is waiting, a dead one is replaced.

Batching is work-conserving: nobody waits for company. At the end of the loop's turn an idle host
gets whatever may stand in one batch; while all are busy, requests gather.

A host that dies or overruns its time costs nobody an answer (P11): the requests that it held are
tried once more, each alone, on extra hosts (`SecondTries`); a replacement is started at once, and
meanwhile requests wait. They are refused while no host lives and, as `RestartBackoff` counts, the
next replacement may not help either.

Each request has one deadline, for all of its waits, calls, tries and slices together. Whose has
come is answered then, wherever it is; no host is ended for that.
"""

import asyncio
import contextvars
import math
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Self

from service.contract.model_input import EncodedInput, ModelInput, ValidInput
from service.contract.slicing import sliceable, slices
from service.errors import NoServable, Overloaded, PassingFault, ServiceError
from service.hosting.backoff import RestartBackoff
from service.hosting.host_handle import (
    BatchEnd,
    HostHandle,
    HostStarter,
    NotSent,
    Warmth,
    overran_its_own_time,
    refuse_unsendable,
    side_by_side,
    strictest,
)
from service.hosting.observer import HostingObserver, PoolStatus, Purpose
from service.hosting.queue import Answer, BatchQueue, Deadlines, Job, Marks, end_late
from service.hosting.second_tries import SecondTries
from service.hosting.slicing import encoded_slices, in_turn
from service.hosting.specification import HostedModel, PoolLimits
from service.processes.exhausted import is_want_of_processes
from service.processes.frames import Body
from service.processes.front.beside import Beside


class Pool:
    """Predicts with one version until it is closed. Made by `Pool.start`."""

    def __init__(
        self,
        starter: HostStarter,
        model: HostedModel,
        limits: PoolLimits,
        observer: HostingObserver,
        warmth: Warmth,
    ) -> None:
        self._starter = starter
        self._model = model
        self._limits = limits
        self._observer = observer
        self._waiting = BatchQueue(limits.max_batch_rows, row_wise=warmth.row_wise)
        self._hosts: set[HostHandle] = set()
        self._idle: list[HostHandle] = []
        self._keep_to(warmth)
        self._backoff = RestartBackoff(limits.hosts)
        self._second_tries = SecondTries(lambda: self._start_host(Purpose.SECOND_TRY), limits)
        self._deadlines = Deadlines(self._end_late)
        self._verifying = Beside("verify")
        self._tasks: set[asyncio.Task[None]] = set()
        # What is done for many must not run in the context of the one who happened to ask for it.
        self._context = contextvars.copy_context()
        self._woken = False
        self._tidying = False
        self._marked = False
        self._restarts = 0
        self._closed = False
        self._was_ready = True
        self._on_closed: Callable[[], None] = lambda: None
        self._on_ready_change: Callable[[], None] = lambda: None
        observer.opened(self._waiting.by_alias)

    @classmethod
    async def start(
        cls,
        starter: HostStarter,
        model: HostedModel,
        limits: PoolLimits,
        observer: HostingObserver,
        *,
        behind: bool = False,
    ) -> Self:
        """A pool whose hosts have all loaded and warmed up; `behind` others that serve already.

        They start side by side. Raises `VersionFault` or `PassingFault`; every process has ended
        then, as when cancelled.
        """
        starts = (starter.start(Purpose.SERVING, behind=behind) for _ in range(limits.hosts))
        started = await side_by_side(starts, lambda each: each[0].end())
        warmth = strictest([found for _, found in started])
        pool = cls(starter, model, limits, observer, warmth)
        for host, _ in started:
            pool._admit(host)
        return pool

    @property
    def ready(self) -> bool:
        """A host can answer, or a replacement is on its way that is worth waiting for."""
        return not self._closed and (bool(self._hosts) or self._backoff.bearable)

    @property
    def irreplaceable(self) -> bool:
        """No other could be loaded in place of a host that died: its files are altered, say."""
        return not self._closed and self._backoff.hopeless

    @property
    def status(self) -> PoolStatus:
        """A snapshot for people."""
        return PoolStatus(
            hosts=len(self._hosts),
            restarts=self._restarts,
            row_wise=self._warmth.row_wise,
            row_wise_reason=self._warmth.reason,
            waiting=len(self._waiting),
            memory_bytes=sum(host.held_bytes for host in self._hosts),
            outputs=self._warmth.outputs,
            crashing=not self._backoff.bearable,
        )

    async def predict(
        self,
        model_input: ValidInput,
        deadline: float = math.inf,
        alias: str = "",
        marks: Marks | None = None,
    ) -> Body:
        """The predictions as JSON, or as named outputs where the input asks for these.

        Raises `PredictionFailed`, `NotNow`, or `InvalidInput`, for what only MLflow, or the model's
        type hint, can tell of the input.
        A request of more rows than a batch takes turns with others, slice by slice, where slices
        are answered as the whole.
        At the `deadline`, by `time.monotonic`, it raises `PredictionTimedOut` if it is predicted
        then, and `Overloaded` if it waits.
        When cancelled, what has not begun is not predicted; what has, ends unseen.
        The `alias` that it comes by is told to the observer; its way is noted in `marks`.
        """
        if len(self._waiting) >= self._limits.max_queue:
            raise Overloaded("Too many requests are waiting for this model.")
        try:
            return await self._answer(model_input, deadline, alias, marks)
        except asyncio.CancelledError:
            self._tidy()
            raise

    def _answer(
        self, model_input: ValidInput, deadline: float, alias: str, marks: Marks | None
    ) -> Awaitable[Body]:
        rows, most = self._slice_rows, self._limits.max_reply_bytes
        if isinstance(model_input, ModelInput) and sliceable(model_input, rows):
            parts = slices(model_input, rows)
            return in_turn(parts, lambda part: self._queued(part, deadline, alias, marks), most)
        if isinstance(model_input, EncodedInput) and model_input.slices:
            encoded = encoded_slices(model_input)
            return in_turn(encoded, lambda part: self._queued(part, deadline, alias, marks), most)
        return self._queued(model_input, deadline, alias, marks)

    def _queued(
        self, model_input: ValidInput, deadline: float, alias: str, marks: Marks | None
    ) -> Answer:
        if not self.ready:
            raise NoServable(
                "No process of this version can answer right now.", self._backoff.pause
            )
        job = Job(model_input, Answer(loop=asyncio.get_running_loop()), deadline, alias, marks)
        self._waiting.add(job)
        if marks is not None:
            self._marked = True
            marks.queued = marks.queued or time.monotonic()
        if deadline < self._deadlines.at:
            self._deadlines.include(deadline)
        if not self._woken:
            self._wake()
        return job.answer

    async def close(self) -> None:
        """Ends every process; whoever still waits is refused. Returns when all are gone."""
        self._closed = True
        self._fail_waiting(NoServable("This version is no longer served."))
        self._deadlines.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._second_tries.close()
        try:
            await asyncio.gather(*(host.end() for host in self._hosts))
        finally:
            self._hosts.clear()
            self._idle.clear()
            self._on_closed()
        self._observer.closed()

    def when_closed(self, told: Callable[[], None]) -> None:
        """Calls it once every process is gone: what they were made of is needed no more."""
        self._on_closed = told

    def when_ready_changes(self, told: Callable[[], None]) -> None:
        """Calls it in the turn in which it cannot answer any more, or can again."""
        self._on_ready_change = told

    def _note_ready(self) -> None:
        before, self._was_ready = self._was_ready, self.ready
        if before is not self._was_ready:
            self._on_ready_change()

    async def _start_host(self, purpose: Purpose) -> HostHandle:
        try:
            # As long as a load may take: a disk may hang.
            async with asyncio.timeout(self._limits.load_seconds):
                await self._verifying.run(self._model.verify)
            host, found = await self._starter.start(purpose)
        except Exception as error:
            self._observer.host_not_started(error)
            raise
        self._keep_to(strictest([self._warmth, found]))
        return host

    def _keep_to(self, warmth: Warmth) -> None:
        self._warmth = warmth
        self._waiting.row_wise = warmth.row_wise
        self._slice_rows = self._limits.max_batch_rows if warmth.row_wise else sys.maxsize

    def _admit(self, host: HostHandle) -> None:
        self._hosts.add(host)
        self._idle.append(host)
        host.when_ended(lambda: self._lose(host))

    def _wake(self) -> None:
        self._woken = True
        asyncio.get_running_loop().call_soon(self._dispatch, context=self._context)

    def _tidy(self) -> None:
        # Once for all who leave in one turn of the loop.
        if not self._tidying:
            self._tidying = True
            asyncio.get_running_loop().call_soon(self._drop_unwanted, context=self._context)

    def _drop_unwanted(self) -> None:
        self._tidying = False
        self._waiting.drop_unwanted()
        for host in self._hosts:
            host.cancel_unwanted()

    def _dispatch(self) -> None:
        self._woken = False
        while self._idle and (batch := self._waiting.take_batch(len(self._idle))):
            self._send(self._idle.pop(), batch)

    def _send(self, host: HostHandle, batch: list[Job]) -> None:
        started = time.perf_counter()

        def ended(end: BatchEnd) -> None:
            self._ended(host, batch, end, time.perf_counter() - started)

        try:
            host.predict(batch, ended)
        except NotSent:
            self._idle.append(host)
            self._send_apart(batch)
        else:
            if self._marked:
                _mark_sent(batch)

    def _send_apart(self, batch: list[Job]) -> None:
        if len(batch) == 1:
            refuse_unsendable(batch[0])
        else:
            self._waiting.put_back(batch)

    def _ended(self, host: HostHandle, batch: list[Job], end: BatchEnd, seconds: float) -> None:
        if host.alive:
            # Before anybody is told: who fails to hear of it must not cost the host its next batch.
            self._idle.append(host)
            if len(self._waiting):
                self._dispatch()
            if end is BatchEnd.ANSWERED:
                self._backoff.answered()
                rows = sum(job.model_input.rows for job in batch)
                self._observer.batch(rows, seconds, batch[0].alias)
        else:
            self._lose(host)
        if end is BatchEnd.LOST:
            self._retry(host, batch)

    def _retry(self, host: HostHandle, lost: list[Job]) -> None:
        for job in lost:
            if not job.wanted:
                continue
            if self._closed:
                job.fail(NoServable("This version is no longer served."))
            elif not self._model.retry or (host.overran and len(lost) == 1):
                job.fail(host.fault)
            else:
                self._second_tries.add(job)

    def _lose(self, host: HostHandle) -> None:
        if host not in self._hosts:
            return
        self._hosts.discard(host)
        if host in self._idle:
            self._idle.remove(host)
        if not self._closed:
            self._restarts += 1
            self._backoff.died()
            self._keep(self._replace())
            self._note_ready()
            self._observer.host_restarted(host.ending.reason)

    async def _replace(self) -> None:
        while True:
            try:
                if not self.ready:
                    sentence = "The model's process could not be replaced."
                    self._fail_waiting(NoServable(sentence, self._backoff.pause))
                await asyncio.sleep(self._backoff.pause)
                host = await self._start_host(Purpose.SERVING)
            except Exception as error:  # noqa: BLE001 - supervision must outlive whatever a start meets
                # A disk that hangs is not the version's fault either.
                passing = isinstance(error, PassingFault | TimeoutError)
                passing = passing or is_want_of_processes(error)
                self._backoff.not_replaced(passing=passing)
                self._note_ready()
            else:
                self._backoff.replaced()
                self._admit(host)
                # In a turn of its own: the replacement is done, whatever becomes of that.
                self._wake()
                self._note_ready()
                return

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _end_late(self, now: float) -> float:
        predicted = [job for host in self._hosts for job in host.batch]
        earliest = min(
            end_late(self._waiting, now, _waited_too_long),
            end_late(predicted, now, overran_its_own_time),
            self._second_tries.end_late(now),
        )
        self._drop_unwanted()
        return earliest

    def _fail_waiting(self, error: ServiceError) -> None:
        for job in self._waiting.take_all():
            job.fail(error)


def _mark_sent(batch: list[Job]) -> None:
    now = time.monotonic()
    for job in batch:
        if job.marks is not None:
            job.marks.sent = job.marks.sent or now


def _waited_too_long() -> ServiceError:
    return Overloaded("The request has waited for a process for too long.")
