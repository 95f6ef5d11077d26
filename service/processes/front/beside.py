"""Work that blocks, done beside the event loop by daemon threads of its own.

Unlike the loop's own executor, whose threads everybody shares: a disk that hangs keeps the threads
of whoever asked it, and no others, and not the end of the process either.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

from service.background import Work, tell_from_thread
from service.processes.exhausted import is_want_of_processes, processes_exhausted

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Job = Callable[[], None]

# A thread that has had nothing to do for so long ends.
_IDLE_SECONDS: Final = 10.0


class Beside:
    """At most so many `threads`, which start when there is something to do; the rest waits.

    Where no more thread can be started those that there are do it all. Failures of what nobody
    waits for are told as that `work`'s, or under the `name` that the threads have for people.
    """

    def __init__(self, name: str | Work, threads: int = 1) -> None:
        self._name = name if isinstance(name, Work) else f"podium-{name}"
        self._most = threads
        self._jobs = queue.SimpleQueue[_Job]()
        self._lock = threading.Lock()
        self._threads = 0
        self._unfinished = 0

    async def run(self, work: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """What the work returns or raises; when cancelled, what has begun ends unseen.

        Raises `PassingFault` where there is no thread for it, and none can be started.
        """
        return await self._begun(partial(work, *args, **kwargs), lambda _: None)

    async def obtain(self, work: Callable[[], _T], give_back: Callable[[_T], None]) -> _T:
        """The same for what has to be given back: what comes too late for whoever asked is."""
        answer = self._begun(work, give_back)
        try:
            return await answer
        except asyncio.CancelledError:
            # It may have been answered in this very turn of the loop.
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                give_back(answer.result())
            raise

    def _begun(
        self, work: Callable[[], _T], give_back: Callable[[_T], None]
    ) -> "asyncio.Future[_T]":
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_T] = loop.create_future()

        def job() -> None:
            if answer.cancelled():
                return
            try:
                found = work()
            except BaseException as error:  # noqa: BLE001 - raised again, where it is waited for
                _tell(loop, partial(_fail, answer, error))
            else:
                _tell(loop, partial(_answer, answer, found, give_back))

        try:
            self._add(job)
        except RuntimeError as error:
            if not is_want_of_processes(error):
                raise
            raise processes_exhausted("start", repr(error)) from error
        return answer

    def submit(self, work: Callable[[], None]) -> "Future[None]":
        """Done some time later; what it raises is told, too. From any thread; raises nothing.

        Where there is no thread for it, and none can be started, that is told, and the work waits
        for the next one that can.
        """
        done = Future[None]()
        job = partial(_submitted, work, done)
        try:
            self._add(job)
        except RuntimeError as error:
            with self._lock:
                self._put(job)
            tell_from_thread(error, self._name)
        return done

    def finish(self, seconds: float) -> bool:
        """Whether one thread has done all that was asked for so far in so many seconds; blocks."""
        try:
            self.submit(lambda: None).result(seconds)
        except TimeoutError:
            return False
        return True

    @property
    def unfinished(self) -> int:
        """How much is being done, or waits."""
        return self._unfinished

    def _add(self, job: _Job) -> None:
        # Whoever adds something meanwhile must not count on a thread that then does not start.
        with self._lock:
            if self._threads < min(self._most, self._unfinished + 1):
                self._start()
            self._put(job)

    def _put(self, job: _Job) -> None:
        self._unfinished += 1
        self._jobs.put(job)

    def _start(self) -> None:
        try:
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
        except RuntimeError:
            if not self._threads:
                raise
        else:
            self._threads += 1

    def _run(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                if self._may_end():
                    return
                continue
            job()
            # What it was made of is not kept until the next one comes.
            del job
            with self._lock:
                self._unfinished -= 1

    def _may_end(self) -> bool:
        with self._lock:
            idle = self._unfinished < self._threads
            if idle:
                self._threads -= 1
            return idle


def _submitted(work: Callable[[], None], done: "Future[None]") -> None:
    try:
        work()
    except Exception as error:  # noqa: BLE001 - whoever asked may not wait for it
        tell_from_thread(error)
        done.set_exception(error)
    else:
        done.set_result(None)


def _tell(loop: asyncio.AbstractEventLoop, told: Callable[[], None]) -> None:
    # Nobody waits any more where the loop has been closed.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(told)


def _answer(answer: "asyncio.Future[_T]", found: _T, give_back: Callable[[_T], None]) -> None:
    if answer.done():
        give_back(found)
    else:
        answer.set_result(found)


def _fail(answer: "asyncio.Future[Any]", error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
