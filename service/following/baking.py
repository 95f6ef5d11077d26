"""A version that does worse than the one that was proven before it gives way by itself (P20).

From its swap on it bakes. What it takes the place of is kept warm meanwhile: the version that last
passed, however many came and went since. Only once its bake is over it is the slot's last known
good, and has served. A verdict counts if the slot still holds what was judged, and what it would
give way to can answer; all of that is looked at in one turn of the loop, so that an alias that
moves wins. It is kept for the next start, and looked at before anything is fetched.

One that comes back to what is proven bakes no more, nor does the first one of a slot. Where nothing
is warm, as after a start within a bake, the last known good is loaded beside what bakes.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol

from service.bake_tag import BakeRule
from service.following.bake import FAILS_MORE, SLOWER, STAGE, Bake, BakeVerdict
from service.following.gates.gate import GateFinding
from service.following.history import History
from service.following.open_versions import OpenVersions
from service.following.ports import Clock, FetchedVersion, Missing
from service.following.proven_return import ProvenReturn, ReturnsProven
from service.following.recording import Recorder
from service.following.second_opinions import SecondOpinions
from service.following.servable import Binding, Servable
from service.following.slot import Slot
from service.following.slot_status import Failure, Standing
from service.following.slots import Slots
from service.refs import VersionId
from service.retry_tag import may_retry
from service.rollout.durations import Durations, slower
from service.rollout.outcomes import recent
from service.rollout.verdict import LOOKS, BakeStep, Sample, is_worse, step_of

_EVERY_SECONDS: Final = 1.0
# In which caches are cold and hosts have just been warmed up.
_LEFT_OUT_SECONDS: Final = 5.0
# For which a look waits for what the proven version says of what has failed.
_OPINIONS_SECONDS: Final = 10.0
# An operator, or the slot's own past, has let pass what breaks clients: then they are refused.
_BREAKING_ALLOWED: Final = frozenset({"allowed_by_setting", "allowed_by_tag", "served_before"})


class _Worse(NamedTuple):
    code: str
    message: str


class TimesCalls(Protocol):
    """Whoever notes how long versions take, while that is `wanted`."""

    wanted: bool

    def of(self, version: VersionId) -> Durations | None:
        """Of that version; None where nothing of it is known."""
        ...


class NobodyTimes:
    """`TimesCalls` that knows of nothing."""

    wanted = False

    def of(self, _: VersionId) -> None:
        """Nothing."""


@dataclass(eq=False, repr=False)
class Baking:
    """Begins, watches and ends the bakes of all slots.

    `rule`: by which versions bake where no tag says otherwise; `times`: how long they take;
    `returns`: brings back what was proven before a start.
    """

    _slots: Slots
    _history: History
    _open: OpenVersions
    _recorder: Recorder
    _clock: Clock
    _rule: BakeRule
    _times: "TimesCalls"
    _returns: ReturnsProven
    _woken: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        """Makes known which verdicts were spoken before this start."""
        self._slots.watch(self._remember, self.stop)

    def _remember(self, slot: Slot) -> None:
        slot.verdict = self._history.verdict(slot.ref)

    async def run(self) -> None:
        """Looks at every bake, each second and at each hundredth request, until cancelled."""
        while True:
            bakes = any(slot.bake is not None for slot in self._slots.values())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_SECONDS if bakes else None):
                    await self._woken.wait()
            self._woken.clear()
            self._recorder.each(self._slots.values(), self.see_to)

    def rule_of(self, slot: Slot) -> BakeRule:
        """By which the slot's versions bake: as its tag says, else as the settings do."""
        return slot.plan.bake.rule(self._rule)

    def time(self) -> None:
        """Whether calls are timed hangs on what tags ask for."""
        slots = self._slots.values()
        self._times.wanted = any(self.rule_of(slot).slower is not None for slot in slots)

    def bakes(self, slot: Slot, servable: Servable) -> bool:
        """Whether it has to show something, were it swapped in now."""
        # An arm has what serves beside it to be compared with, and whoever gave it its share to
        # take that back.
        if slot.standing is Standing.ARM:
            return False
        if servable.version != slot.aspired or not self.rule_of(slot).seconds:
            return False
        proven = self._history.baseline(slot.ref)
        return proven is not None and proven.version != servable.version

    def begin(self, slot: Slot, findings: Sequence[GateFinding]) -> None:
        """It was swapped in, and has to show it; `findings` is what gates have let pass."""
        binding, warm = slot.binding, slot.previous
        assert binding is not None  # noqa: S101 - it was swapped in
        older = warm.binding if warm is not None and warm.is_proven else None
        self.stop(slot)
        now = self._clock
        binding.outcomes.reached = self._woken.set
        bake = Bake(
            binding.servable.version,
            binding.outcomes,
            None,
            self.rule_of(slot),
            now.monotonic(),
            now.wall(),
            breaks=any(found.code in _BREAKING_ALLOWED for found in findings),
        )
        if older is None:
            slot.bake = replace(bake, coming=self._coming_back(slot))
        else:
            # For a start within the bake, after which nothing else is known of them.
            self._history.count(slot.ref, recent(older.outcomes.blocks))
            slot.bake = self._beside(bake, binding, older)
        self._woken.set()

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """What is under way."""
        bakes = [slot.bake for slot in self._slots.values() if slot.bake is not None]
        under_way = [each for bake in bakes for each in (bake.opinions, bake.coming)]
        return {task for each in under_way if each is not None for task in each.tasks}

    def see_to(self, slot: Slot) -> None:
        """One look at the slot's bake, and what follows from it."""
        bake, binding = slot.bake, slot.binding
        if bake is None:
            return
        if binding is None or binding.outcomes is not bake.outcomes:
            self.stop(slot)  # it serves something else, or nothing
            return
        if bake.coming is not None:
            bake = slot.bake = self._looked_for(slot, bake, binding)
        seconds = self._clock.monotonic() - bake.began
        bake = slot.bake = self._due(slot, self._timed(bake, seconds))
        older = self._comparable(slot)
        waits = older is not None and self._waits(bake, older)
        if older is not None and not waits:
            worse = self._worse(slot, bake, older, last=seconds >= bake.rule.seconds)
            if worse is not None:
                self._give_way(slot, bake, older, worse)
                return
        # Where there is nothing to compare it with, nobody waits for requests.
        awaited = bake.coming is not None
        requests = bake.sample.requests if awaited or older is not None else LOOKS[0]
        step = step_of(requests, seconds, bake.time, due=waits or awaited)
        if step in {BakeStep.PASS, BakeStep.PASS_UNPROVEN}:
            self._end(slot, binding.servable, older)
        elif step is BakeStep.UNPROVEN and not bake.unproven:
            self._go_on(slot, replace(bake, unproven=True))

    def moved(self, slot: Slot, found: VersionId | Missing) -> None:
        """The registry has said where the alias is: once it is elsewhere, no verdict holds."""
        # A hold moves no alias.
        alias_on = found if slot.held is None else slot.held.alias_on
        if slot.verdict is not None and alias_on != slot.verdict.version:
            self.forgive(slot)

    @staticmethod
    def is_judged(slot: Slot, version: VersionId | None) -> bool:
        """Whether that version has given way there."""
        return slot.verdict is not None and slot.verdict.version == version

    @staticmethod
    def refuse(slot: Slot) -> None:
        """The alias is on what has given way: the slot says why it is not served."""
        verdict = slot.verdict
        assert verdict is not None  # noqa: S101 - as `is_judged` has said
        if slot.pursuit.fault != verdict.code:
            slot.pursuit = slot.pursuit.refused(verdict.code)
        if slot.failure is None or slot.failure.of_look or slot.failure.version is None:
            slot.failure = Failure.of_bake(verdict)

    def forgive(self, slot: Slot) -> None:
        """The verdict does not hold any more: the alias has moved, or an operator has said so."""
        verdict, slot.verdict = slot.verdict, None
        if verdict is None:
            return
        self._history.judge(slot.ref, None)
        if slot.quarantined == verdict.version:
            slot.lift()
        if slot.failure is not None and slot.failure.stage == STAGE:
            slot.failure = None

    def _coming_back(self, slot: Slot) -> ProvenReturn | None:
        """What brings the slot's last known good; None where that may answer nobody."""
        last = self._history.baseline(slot.ref)
        if last is None or self._is_marked(last.version):
            return None
        return ProvenReturn(self._returns, slot.ref, last.version, self._woken.set)

    def _looked_for(self, slot: Slot, bake: Bake, binding: Binding) -> Bake:
        """With what comes back beside it, once that is there; without, where it cannot come."""
        coming = bake.coming
        assert coming is not None  # noqa: S101 - asked only where something is to come
        last = self._history.baseline(slot.ref)
        lost = coming.is_lost or last is None or self._is_marked(last.version)
        if lost:
            coming.close()
            return replace(bake, coming=None)
        coming.see_to()
        if coming.servable is None:
            return bake
        older = self._open.keep_beside(slot, coming.servable)
        older.outcomes.resume(self._history.counted(slot.ref))
        coming.close()
        return self._beside(replace(bake, coming=None), binding, older)

    def _beside(self, bake: Bake, binding: Binding, older: Binding) -> Bake:
        """From now on it is compared with that."""
        opinions = bake.outcomes.doubts = self._opinions(binding, older, breaks=bake.breaks)
        return replace(bake, older=older, opinions=opinions, since=bake.outcomes.tally)

    def _opinions(self, binding: Binding, older: Binding, *, breaks: bool) -> SecondOpinions:
        new, old = binding.servable.fetched, older.servable.fetched
        same = _contract(new) == _contract(old)
        tried = may_retry(new.tags) and may_retry(old.tags)
        return SecondOpinions(
            older.servable,
            binding.outcomes,
            self._clock.monotonic,
            self._woken.set,
            predicts=same and tried,
            reads=not same and not breaks,
        )

    @staticmethod
    def stop(slot: Slot) -> None:
        """What the slot serves has nothing to show any more, or the service ends."""
        bake, slot.bake = slot.bake, None
        if bake is None:
            return
        bake.outcomes.reached = bake.outcomes.doubts = None
        for each in (bake.opinions, bake.coming):
            if each is not None:
                each.close()

    def _timed(self, bake: Bake, seconds: float) -> Bake:
        if bake.timed or seconds < _LEFT_OUT_SECONDS:
            return bake
        durations = self._times.of(bake.version)
        if durations is not None:
            durations.clear()
        return replace(bake, timed=True)

    def _due(self, slot: Slot, bake: Bake) -> Bake:
        """From when on its look could have been taken, but for what others say."""
        older = self._comparable(slot)
        if not bake.is_due or older is None or not _can_answer(older.servable):
            return replace(bake, due_since=None) if bake.due_since is not None else bake
        now = self._clock.monotonic()
        return replace(bake, due_since=now) if bake.due_since is None else bake

    def _waits(self, bake: Bake, older: Binding) -> bool:
        """Whether a look is due that is not to be taken yet.

        A version that cannot answer may again; one that is slow to say, or is not loaded, is not
        waited for for long.
        """
        if not bake.is_due or not _can_answer(older.servable):
            return bake.is_due
        since, opinions = bake.due_since, bake.opinions
        late = since is not None and self._clock.monotonic() - since >= _OPINIONS_SECONDS
        return opinions is not None and opinions.too_soon and not late

    def _worse(self, slot: Slot, bake: Bake, older: Binding, *, last: bool) -> _Worse | None:
        """Where a look is due: what it has found."""
        if not _can_answer(older.servable):
            return None
        if bake.is_due:
            slot.bake = bake.looked()
        found = self._fails_more(bake, older) if bake.is_due and bake.rule.errors else None
        return found or (self._is_slower(bake, older) if bake.is_due or last else None)

    def _comparable(self, slot: Slot) -> Binding | None:
        """What it gives way to; None where there is none, or nobody may be answered by that."""
        older = slot.older
        if older is None:
            return None
        return None if self._is_marked(older.servable.version) else older

    def _is_marked(self, version: VersionId) -> bool:
        return version in self._slots.blocked or version in self._slots.tombstones

    @staticmethod
    def _fails_more(bake: Bake, older: Binding) -> _Worse | None:
        new, old = bake.sample, bake.proven_sample
        if not is_worse(new, old):
            return None
        number, before = bake.version.version, older.servable.version.version
        return _Worse(
            FAILS_MORE,
            f"Version {number} has failed {new.failures} of {new.requests} requests "
            f"({new.percent}), version {before} {old.failures} of its last {old.requests} "
            f"({old.percent}): it gives way to that.",
        )

    def _is_slower(self, bake: Bake, older: Binding) -> _Worse | None:
        factor = bake.rule.slower
        new, old = self._times.of(bake.version), self._times.of(older.servable.version)
        if factor is None or not bake.timed or new is None or old is None:
            return None
        found = slower(new, old, factor)
        if found is None:
            return None
        number, before = bake.version.version, older.servable.version.version
        rows = "1 row" if found.least_rows == 1 else f"{found.least_rows} rows and more"
        return _Worse(
            SLOWER,
            f"Calls of {rows} take version {number} {_told(found.new_seconds)} (median), version "
            f"{before} {_told(found.old_seconds)}, and at most {factor:g} times as long is "
            "allowed: it gives way to that.",
        )

    def _give_way(self, slot: Slot, bake: Bake, older: Binding, worse: _Worse) -> None:
        before = older.servable.version
        verdict = BakeVerdict(
            bake.version, worse.code, worse.message, self._clock.wall(), before.version
        )
        if slot.aspired == bake.version:
            # First of all: whatever fails after this, it is not brought back by the next start.
            self._history.judge(slot.ref, verdict)
            slot.verdict = verdict
        self.stop(slot)
        self._open.swap(slot, older.servable)
        self._open.drop_previous(slot)
        if slot.verdict is not None:
            self.refuse(slot)
        self._recorder.gave_way(slot, bake, older.servable, verdict)

    def _end(self, slot: Slot, servable: Servable, older: Binding | None) -> None:
        """Nothing stands against it; but what fails all the time is nobody's last known good."""
        bake = slot.bake
        assert bake is not None  # noqa: S101 - its time is over
        if bake.rule.errors and _is_doubtful(bake, older):
            if not bake.failing:
                self._go_on(slot, replace(bake, unproven=True, failing=True))
            return
        self.stop(slot)
        self._open.cool(slot)
        self._recorder.proven(slot, servable, bake)

    def _go_on(self, slot: Slot, bake: Bake) -> None:
        slot.bake = bake
        self._recorder.unproven(slot, bake)


def _is_doubtful(bake: Bake, older: Binding | None) -> bool:
    """Whether so much fails that it is not proven, though no look has found it to be worse."""
    compared = older is not None and _can_answer(older.servable) and bake.is_compared
    if bake.sample.requests >= LOOKS[0]:
        return not compared and bake.mostly_fails
    # No look was taken: with so few nobody gives way, and nobody is proven by failing either.
    old = bake.proven_sample if compared else Sample()
    return is_worse(bake.sample, old) or (bake.mostly_fails and bake.whole.rate > old.rate)


def _can_answer(older: Servable) -> bool:
    return older.held and older.predictor.ready


def _contract(fetched: FetchedVersion) -> tuple[object, ...]:
    return fetched.signature, fetched.from_type_hint


def _told(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"
