"""Requests that wait for a host, which of them may stand in one batch, and how long they wait.

The wait of whoever's time is over is ended by one timer for all requests of a pool. Nothing is kept
for a request: who waits is looked through when the earliest of the deadlines may have come, which
with deadlines that are all as far away is once in so long.
"""

import asyncio
import contextvars
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from service.contract.model_input import ValidInput
from service.errors import ServiceError
from service.processes.frames import Body

# Loops count time in integers: nobody is waited for at once for longer than that.
_LONGEST_SLEEP: Final = 3600.0


class Answer(asyncio.Future[Body]):
    """What a request waits for. Whoever is no task may set `resume`: it is called when it is there.

    At once, while a task that awaits it runs in the loop's next turn.
    """

    resume: Callable[[], None] | None = None

    def give(self, reply: Body) -> None:
        """The reply is there."""
        self.set_result(reply)
        if self.resume is not None:
            self.resume()

    def refuse(self, error: ServiceError) -> None:
        """There will be none."""
        self.set_exception(error)
        if self.resume is not None:
            self.resume()


class Marks(Protocol):
    """Where somebody asks when a request came how far, by `time.monotonic`; None: not yet.

    Attributes:
        queued: it waited for a host; of a request that is predicted in slices, the first.
        sent: a host had it; the same.
    """

    queued: float | None
    sent: float | None


@dataclass(eq=False, repr=False, slots=True)
class Job:
    """One request on its way to an answer: pending, then answered or failed, once.

    `alone` is set where it must not be joined with others any more. At `deadline`, by
    `time.monotonic`, it fails wherever it is; inf for one that has none. `alias`: by which it came.
    `marks`: where it is noted when it was sent.
    """

    model_input: ValidInput
    answer: Answer
    deadline: float = math.inf
    alias: str = ""
    marks: Marks | None = None
    alone: bool = field(default=False, init=False)

    @property
    def join_key(self) -> Hashable | None:
        """Equal keys may stand in one batch; None: only ever alone."""
        return None if self.alone else self.model_input.join_key

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for the answer."""
        return not self.answer.done()

    def succeed(self, reply: Body) -> None:
        """Answers, if anybody still waits."""
        if self.wanted:
            self.answer.give(reply)

    def fail(self, error: ServiceError) -> None:
        """Fails, if anybody still waits."""
        if self.wanted:
            self.answer.refuse(error)


class BatchQueue:
    """The queue of one pool: first come, first served, joined where that changes no answer.

    `row_wise` is whether the version is taken to answer each row by itself (P16); a host that
    starts later may have seen otherwise.
    """

    def __init__(self, max_batch_rows: int, *, row_wise: bool) -> None:
        self._jobs: deque[Job] = deque()
        self._max_batch_rows = max_batch_rows
        self.row_wise = row_wise

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs)

    def by_alias(self) -> Mapping[str, int]:
        """How many there are by each alias; in any thread."""
        # The copy is made in one step, whatever the loop does meanwhile.
        return Counter(job.alias for job in tuple(self._jobs))

    def add(self, job: Job) -> None:
        """Puts it behind all others."""
        self._jobs.append(job)

    def put_back(self, jobs: Sequence[Job]) -> None:
        """Before all others again, each to be answered alone."""
        for job in reversed(jobs):
            job.alone = True
            self._jobs.appendleft(job)

    def drop_unwanted(self) -> None:
        """Takes out those for whose answer nobody waits any more."""
        self._jobs = deque(job for job in self._jobs if job.wanted)

    def take_all(self) -> list[Job]:
        """Everybody; the queue is empty afterwards."""
        jobs = list(self._jobs)
        self._jobs.clear()
        return jobs

    def take_batch(self, hosts: int = 1) -> list[Job]:
        """The oldest job that is still wanted, and those behind it that may stand in its batch.

        Where so many `hosts` are idle, no more of them than one host's share of all rows that wait.
        """
        jobs = self._jobs
        while jobs:
            first = jobs.popleft()
            if first.wanted:
                joins = self.row_wise and first.join_key is not None
                return self._joined(first, hosts) if joins and jobs else [first]
        return []

    def _joined(self, first: Job, hosts: int) -> list[Job]:
        batch, left = [first], deque[Job]()
        key, room = first.join_key, self._most_rows(first, hosts) - first.model_input.rows
        while self._jobs:
            job = self._jobs.popleft()
            if not job.wanted:
                continue
            if job.join_key == key and job.model_input.rows <= room:
                batch.append(job)
                room -= job.model_input.rows
            else:
                left.append(job)
        self._jobs = left
        return batch

    def _most_rows(self, first: Job, hosts: int) -> int:
        if hosts == 1:
            return self._max_batch_rows
        rows = first.model_input.rows + sum(job.model_input.rows for job in self._jobs)
        return min(self._max_batch_rows, math.ceil(rows / hosts))


class Deadlines:
    """Calls `end_late` with the time when the earliest deadline that it was told of has come.

    That fails everybody who is late, and returns the earliest deadline of those who wait on; inf
    where nobody does. Times are `time.monotonic`'s. Runs in the context in which it was made.

    Whoever waits until `at` or longer need not be told of: `include` would do nothing.
    """

    def __init__(self, end_late: Callable[[float], float]) -> None:
        self._end_late = end_late
        self._context = contextvars.copy_context()
        self.at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def include(self, deadline: float) -> None:
        """Somebody waits until then."""
        if deadline < self.at:
            self._wait_until(deadline)

    def close(self) -> None:
        """Nobody waits any more."""
        self.at = math.inf
        if self._timer is not None:
            self._timer.cancel()

    def _wait_until(self, deadline: float) -> None:
        self.close()
        self.at = deadline
        seconds = min(max(0.0, deadline - time.monotonic()), _LONGEST_SLEEP)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._look, context=self._context)

    def _look(self) -> None:
        self.at = math.inf
        self.include(self._end_late(time.monotonic()))


def end_late(jobs: Iterable[Job], now: float, error: Callable[[], ServiceError]) -> float:
    """Fails those whose deadline has come; the earliest one of the others, inf without any."""
    wanted = [job for job in jobs if job.wanted]
    # Before any of them is failed: whoever is told goes on at once, and may do anything.
    late = [job for job in wanted if job.deadline <= now]
    earliest = min((job.deadline for job in wanted if job.deadline > now), default=math.inf)
    for job in late:
        job.fail(error())
    return earliest
