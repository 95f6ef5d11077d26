"""What a version fails at, or refuses, is asked of the version that was proven before it, too.

Unseen, after the client has its error, and only to know whose fault it is: what both fail at is the
client's, or nobody's. At most 20 a second, one after the other, and no more are held than wait for
the next second; the answers are thrown away.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from service.background import Work, begin
from service.contract.model_input import ValidInput
from service.errors import ClientError, NotNow, PredictionFailed
from service.following.ports import ReadsRequests
from service.following.servable import Servable
from service.rollout.outcomes import FAILURES, REFUSALS, Outcomes

MOST_A_SECOND: Final = 20
ENOUGH: Final = 20
"""With so many nobody waits for more of them before a version is judged."""
_MOST_BYTES: Final = 16 * 1024**2
# Nobody could say of it what the other version would do: its processes had died.
_UNTRIED: Final = frozenset({"no_servable"})

Read = Callable[[ReadsRequests], Awaitable[ValidInput]]
"""Reads one request by that version's reader."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A request that came to an error: what was made of it, None if nothing; how it is read."""

    code: str
    model_input: ValidInput | None
    read: Read
    size: int


@dataclass(eq=False, repr=False)
class SecondOpinions:
    """Of one proven version on one that bakes, until they are closed.

    `predicts`: failures are tried; `reads`: refusals are. `told` hears of each one that has come.
    """

    _older: Servable
    _outcomes: Outcomes
    _monotonic: Callable[[], float]
    _told: Callable[[], None]
    predicts: bool
    reads: bool
    tried: int = field(default=0, init=False)
    _offered: int = field(default=0, init=False)
    _waiting: deque[Doubt] = field(default_factory=deque, init=False)
    _held: int = field(default=0, init=False)
    _second: int = field(default=0, init=False)
    _in_second: int = field(default=0, init=False)
    _task: asyncio.Task[None] | None = field(default=None, init=False)
    _closed: bool = field(default=False, init=False)

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """What is under way."""
        return () if self._task is None or self._task.done() else (self._task,)

    @property
    def too_soon(self) -> bool:
        """Whether a verdict would come too soon: of what failed, nobody knows yet whose fault."""
        if self._offered and not self.tried:
            return True
        return bool(self.tasks) and self.tried < ENOUGH

    def doubt(self, doubt: Doubt) -> None:
        """It is asked about, unless too many are."""
        if self._closed or not self._is_askable(doubt):
            return
        if self._held + doubt.size > _MOST_BYTES or not self._is_in_time():
            return
        self._offered += 1
        self._waiting.append(doubt)
        self._held += doubt.size
        if self._task is None or self._task.done():
            self._task = begin(Work.FOLLOWING, self._ask())

    def close(self) -> None:
        """Nobody is asked any more."""
        self._closed = True
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    def _is_askable(self, doubt: Doubt) -> bool:
        if doubt.code in FAILURES - _UNTRIED:
            return self.predicts and doubt.model_input is not None
        return self.reads and doubt.code in REFUSALS and doubt.model_input is None

    def _is_in_time(self) -> bool:
        second = int(self._monotonic())
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        return self._in_second <= MOST_A_SECOND and len(self._waiting) < MOST_A_SECOND

    async def _ask(self) -> None:
        while self._waiting:
            doubt = self._waiting.popleft()
            try:
                if not self._older.cold and self._older.predictor.ready and self._older.held:
                    await self._asked(doubt)
            finally:
                self._held -= doubt.size
            self._told()

    async def _asked(self, doubt: Doubt) -> None:
        self._older.hold()
        try:
            with contextlib.suppress(NotNow):  # it says nothing, then
                if doubt.model_input is None:
                    self._outcomes.asked(taken=await self._takes(doubt.read))
                else:
                    self._outcomes.tried(spared=await self._fails(doubt.model_input))
                self.tried += 1
        finally:
            self._older.release()

    async def _takes(self, read: Read) -> bool:
        try:
            await read(self._older.reader)
        except ClientError:
            return False
        return True

    async def _fails(self, model_input: ValidInput) -> bool:
        try:
            await self._older.predictor.predict(model_input)
        except (PredictionFailed, ClientError):
            return True
        return False
