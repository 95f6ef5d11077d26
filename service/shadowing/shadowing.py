"""Has shadows predict what was answered, as many at once as a batch takes, and compares the two.

Each slot's shadow has a line of its own, so that one that hangs keeps no other from its requests.
Whatever takes longer than a moment is done in other processes: the shadow's hosts, a decoder for
who reads by another contract, and the comparer.
"""

import asyncio
import contextvars
import random
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from service.background import Work, begin
from service.comparer.front import ComparedBatch, ReplyPair
from service.comparer.wire import LONGEST_PAIR
from service.contract.model_input import EncodedInput, ValidInput
from service.errors import NotNow, ServiceError
from service.following.servable import Shadow
from service.predicting.hearing import HeardRequest
from service.predicting.request import Timeline
from service.processes.frames import Body
from service.refs import ModelRef
from service.rollout.comparison import all_equal
from service.rollout.tally import Likeness, RowTally
from service.shadowing.shadow_line import AnsweredRequest, ShadowBytes, ShadowLine
from service.shadowing.shadow_tally import ComparedVersions, Dropped
from service.split_tag import WHOLE

_AT_ONCE: Final = 16
"""Requests of one shadow that are predicted at once."""
_PAIRS: Final = 64
"""Pairs of replies that are compared at once."""


class Compares(Protocol):
    """`service.comparer.front.Comparer`."""

    async def compare(self, pairs: Sequence[ReplyPair]) -> ComparedBatch | None:
        """What they come to; None where that cannot be told. Raises nothing."""
        ...


class ShadowSample(NamedTuple):
    """A request over which the two differed, with both answers; None for one that failed."""

    heard: HeardRequest
    served: Body | None
    shadow: Body | None
    error: str | None


class KeepsSamples(Protocol):
    """Whoever keeps samples: `service.shadowing.shadow_samples`."""

    def keep(self, sample: ShadowSample) -> None:
        """Maybe. Returns at once, raises nothing."""


class _Pair(NamedTuple):
    answered: AnsweredRequest
    line: ShadowLine
    replies: ReplyPair


@dataclass(eq=False, repr=False)
class Shadowing:
    """`service.predicting.hearing.HearsRequests`, until it is closed.

    Attributes:
        _shadow_of: what hears of that slot's requests now; None: nothing does.
        _comparer: tells what pairs of replies come to.
        _most_bytes: that waiting requests may hold in all.
        _seconds: that a shadow may take over one request.
        _samples: keeps some of what differed; None: nothing is kept.
        _wall: seconds since 1970.
    """

    _shadow_of: Callable[[ModelRef], Shadow | None]
    _comparer: Compares
    _most_bytes: int
    _seconds: float
    _samples: KeepsSamples | None = None
    _wall: Callable[[], float] = time.time
    _lines: dict[ModelRef, ShadowLine] = field(default_factory=dict, init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _pairs: deque[_Pair] = field(default_factory=deque, init=False)
    _comparing: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Nothing is begun before the first request comes."""
        self._bytes = ShadowBytes(self._most_bytes)
        # What is done for many must not run in the context of the one who happened to come first.
        self._context = contextvars.copy_context()

    @property
    def keeps_bodies(self) -> bool:
        """Samples have them."""
        return self._samples is not None

    @property
    def tasks(self) -> frozenset[asyncio.Task[None]]:
        """What is under way."""
        return frozenset(self._tasks)

    @property
    def lines(self) -> Mapping[ModelRef, ShadowLine]:
        """Of every slot whose shadow has heard of anything."""
        return self._lines

    @staticmethod
    def wants(share: int) -> bool:
        """By chance: what comes in turns is heard of all the same."""
        return share >= WHOLE or random.randrange(WHOLE) < share  # noqa: S311 - not for secrets

    def hear(self, heard: HeardRequest, answer: Body | None, error: str | None) -> None:
        """It waits for the shadow, if there is room."""
        shadow = heard.shadow
        versions = ComparedVersions(shadow.against.version, shadow.binding.servable.version)
        line = self._line(heard.ref, shadow)
        tally = line.of(versions, self._wall())
        tally.requests += 1
        size = heard.size + (0 if answer is None else len(answer))
        answered = AnsweredRequest(heard, answer, error, tally, size)
        if answer is not None and 2 * len(answer) > LONGEST_PAIR:
            tally.dropped[Dropped.TOO_LARGE] += 1
        else:
            line.add(answered)
            if line.working < min(_AT_ONCE, len(line.waiting)):
                line.working += 1
                self._begin(self._work(line))

    def _line(self, ref: ModelRef, shadow: Shadow) -> ShadowLine:
        """Another shadow's begins anew: it has not to wait for one before it, which may hang."""
        servable, line, now = shadow.binding.servable, self._lines.get(ref), self._shadow_of(ref)
        # A request that came before the change is no reason to go back.
        is_gone = now is None or now.binding.servable is not servable
        if line is not None and (is_gone or line.servable is servable):
            return line
        if line is not None:
            line.leave()
        made = self._lines[ref] = ShadowLine(ref, self._bytes, servable)
        return made

    async def close(self) -> None:
        """What waits is forgotten."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def forget(self, ref: ModelRef) -> None:
        """There is no such slot any more; what waits comes to its end uncounted."""
        self._lines.pop(ref, None)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._context.copy().run(begin, Work.SHADOWING, work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, line: ShadowLine) -> None:
        try:
            while line.waiting:
                await self._serve(line, line.waiting.popleft())
        finally:
            line.working -= 1

    async def _serve(self, line: ShadowLine, answered: AnsweredRequest) -> None:
        servable = answered.heard.shadow.binding.servable
        now = self._shadow_of(line.ref)
        if now is None or now.binding.servable is not servable or servable.refusal is not None:
            line.drop(answered, Dropped.LEFT)
            return
        servable.hold()
        try:
            await self._predict(line, answered)
        except NotNow:
            line.drop(answered, Dropped.NOT_NOW)
        except ServiceError as error:
            line.hold(-answered.size)
            self._failed(answered, error.code)
        except BaseException:
            line.drop(answered, Dropped.NOT_NOW)
            raise
        finally:
            servable.release()

    async def _predict(self, line: ShadowLine, answered: AnsweredRequest) -> None:
        heard = answered.heard
        servable, alias = heard.shadow.binding.servable, heard.shadow.binding.ref.alias
        deadline = time.monotonic() + self._seconds
        marks = Timeline(0.0)
        model_input = await self._read(heard, deadline)
        reply = await servable.predictor.predict(model_input, deadline, alias, marks)
        if answered.answer is None:
            line.hold(-answered.size)
            self._failed(answered, None)
            return
        _note_seconds(answered, marks.sent, time.monotonic())
        if reply == answered.answer:
            line.hold(-answered.size)
            _note(answered, all_equal(heard.model_input.rows), Likeness.EQUAL)
        elif len(reply) + len(answered.answer) > LONGEST_PAIR:
            line.drop(answered, Dropped.TOO_LARGE)
        else:
            line.hold(len(reply))
            named = model_input.reply is not None
            replies = ReplyPair(answered.answer, reply, heard.model_input.rows, named=named)
            self._pairs.append(_Pair(answered, line, replies))
            if not self._comparing:
                self._comparing = True
                self._begin(self._compare())

    @staticmethod
    async def _read(heard: HeardRequest, deadline: float) -> ValidInput:
        read, servable = heard.model_input, heard.shadow.binding.servable
        sliced = isinstance(read, EncodedInput) and read.slices
        if heard.shadow.reads_same and not sliced:
            return read
        body = heard.body if isinstance(heard.body, bytes) else list(heard.body)
        return await heard.parse(servable.reader, heard.headers, body, deadline)

    def _failed(self, answered: AnsweredRequest, code: str | None) -> None:
        answered.tally.failed(answered.error, code)
        if code is not None and answered.error is None:
            self._keep(ShadowSample(answered.heard, answered.answer, None, code))

    def _keep(self, sample: ShadowSample) -> None:
        if self._samples is not None:
            self._samples.keep(sample)

    async def _compare(self) -> None:
        try:
            while self._pairs:
                await self._compare_some(self._next_pairs())
        finally:
            self._comparing = False

    async def _compare_some(self, batch: Sequence[_Pair]) -> None:
        found = await self._comparer.compare([each.replies for each in batch])
        for each in batch:
            each.line.hold(-each.answered.size - len(each.replies.heard))
        self._note_all(batch, found)

    def _next_pairs(self) -> Sequence[_Pair]:
        """The oldest, and those behind it of the same two versions, as far as one batch may go."""
        batch = [self._pairs.popleft()]
        size = _size(batch[0])
        while self._pairs and len(batch) < _PAIRS:
            pair = self._pairs[0]
            size += _size(pair)
            if size > LONGEST_PAIR or pair.answered.tally is not batch[0].answered.tally:
                break
            batch.append(self._pairs.popleft())
        return batch

    def _note_all(self, batch: Sequence[_Pair], found: ComparedBatch | None) -> None:
        tally = batch[0].answered.tally
        if found is None:
            tally.dropped[Dropped.NOT_COMPARED] += len(batch)
            return
        tally.rows.add(found.tally)
        for pair, likeness in zip(batch, found.likeness, strict=True):
            if likeness is None:
                tally.dropped[Dropped.NOT_COMPARED] += 1
                continue
            _note(pair.answered, None, likeness)
            if likeness is Likeness.DIFFERENT:
                served, heard = pair.replies[:2]
                self._keep(ShadowSample(pair.answered.heard, served, heard, None))


def _size(pair: _Pair) -> int:
    return len(pair.replies.served) + len(pair.replies.heard)


def _note(answered: AnsweredRequest, rows: RowTally | None, likeness: Likeness) -> None:
    tally = answered.tally
    tally.compared += 1
    tally.differed += likeness is Likeness.DIFFERENT
    if rows is not None:
        tally.rows.equal += rows.equal


def _note_seconds(answered: AnsweredRequest, sent: float | None, now: float) -> None:
    served = answered.heard.timeline
    if sent is not None and served.sent is not None and served.answered is not None:
        answered.tally.served_seconds.note(served.answered - served.sent)
        answered.tally.heard_seconds.note(now - sent)
