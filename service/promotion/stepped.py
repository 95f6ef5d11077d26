"""A promotion's steps: the version comes to a growing share of the alias before the alias moves.

Each step is written to the journal before the tag that splits the alias, and the tag is good for a
minute: it is put off while the command lives. So one that is gone leaves what ends by itself, and
what whoever goes on from there understands.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Final, Protocol, TypeVar

from service.promotion.deciding import AliasStanding
from service.promotion.held import why_held
from service.promotion.journal import WHOLE_SHARE, StepBegun, StepPlan, Written
from service.promotion.marking import block
from service.promotion.mover import Mover, now
from service.promotion.step_split import LIVES_SECONDS, StepSplit
from service.promotion.steps import GAVE_WAY, ArmSeen, ArmTally, StepLook, step_outcome
from service.promotion.stopped import MoveStopped, in_part, refused
from service.promotion.validated import require_fit
from service.registry.writer.faults import Unreachable, WriteRefused
from service.registry.writer.writer import NumberedVersion, RegisteredVersion
from service.split_tag import BadRolloutTag, Split
from service.typed import typed_on

_LOOK_EVERY: Final = 0.5
_REGISTRY_EVERY: Final = 5.0
_RENEW_EVERY: Final = LIVES_SECONDS / 3
_AGAIN_AFTER: Final = 2.0
_LONGEST_SPLIT: Final = 100
T = TypeVar("T")


class AskedArms(Protocol):
    """The instances among which a version comes step by step."""

    def tell(self) -> None:
        """They look at the registry now, those that can be reached."""

    def seen(self, version: str) -> Sequence[ArmSeen]:
        """What each says of that version's share, those that are silent too."""


class _Back(Exception):
    """The version goes back, and why."""

    def __init__(self, stop: MoveStopped) -> None:
        super().__init__(str(stop))
        self.stop = stop


@dataclass(slots=True)
class Stepping:
    """One promotion's.

    Attributes:
        said: what is told of each step, for people.
    """

    mover: Mover
    arms: AskedArms
    said: Callable[[str], None]
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _split: StepSplit | None = field(default=None, init=False)
    # Whether one has been written: from then on that it is not there is somebody's doing.
    _is_there: bool = field(default=False, init=False)
    _ahead: float = field(default=0.0, init=False)
    _renew_at: float = field(default=0.0, init=False)
    _look_at: float = field(default=0.0, init=False)
    _ends_at: float = field(default=0.0, init=False)

    def run(self, ours: Written, version: RegisteredVersion) -> Written:
        """Through all steps; the entry as it stands then. The split is still there.

        Raises `MoveStopped`: the version has gone back, or the move is somebody else's by now.
        """
        plan, tally = ours.entry.steps, ArmTally()
        if plan is None:
            return ours
        tally.note(self._seen(version.number))
        with self._undone(ours):
            for share in plan.left_after(ours.steps):
                ours = self._begun(ours, version, share)
                self._watched(ours, version, plan, tally)
            return self._noted(ours, WHOLE_SHARE)

    def leave(self, ours: Written, version: RegisteredVersion) -> None:
        """The alias is on the version: its split goes, once all give it everything.

        Sooner, those who had the version would be given the one before for a moment; but where one
        has given way, or is refused, nobody is to have it for a moment longer. What people have
        made of the split since stays. Raises `MoveStopped`: the alias is not there any more.
        """
        plan = ours.entry.steps
        if plan is None:
            return
        until = self.monotonic() + plan.seconds
        try:
            while self.monotonic() < until and not self._is_settled(version.number):
                self._kept(ours, version.number)
                self.sleep(_LOOK_EVERY)
        except _Back as changed:
            self.said(f"{changed}; that stays")
            return
        except MoveStopped:
            with contextlib.suppress(WriteRefused, Unreachable):
                self._clear()
            raise
        if self._patiently(lambda: self.mover.clear_split(self.mover.look(), version.number)):
            self.arms.tell()

    def _seen(self, number: str) -> Sequence[ArmSeen]:
        """What each says. Shares end by their clocks, so by that which is ahead of all others."""
        seen = self.arms.seen(number)
        self._ahead = max((e.ahead for e in seen if e.state != "silent"), default=self._ahead)
        return seen

    def _is_settled(self, number: str) -> bool:
        seen = self._seen(number)
        ends = any(each.worse or each.refuses for each in seen)
        return ends or all(each.serves == number for each in seen)

    def _kept(self, ours: Written, number: str) -> None:
        """The split of the last step lasts. Raises `_Back` where it is not this move's any more."""
        if self._split is None or self.monotonic() < self._look_at:
            return
        self._require_own(self._patiently(lambda: self.mover.reread(ours)), number)
        self._look_at = self.monotonic() + _REGISTRY_EVERY
        if self.monotonic() >= self._renew_at:
            self._write(ours, self._split.share, number, partial(self.mover.reread, ours))

    @contextlib.contextmanager
    def _undone(self, ours: Written) -> Iterator[None]:
        """Whatever ends a step ends its split as well, as far as MLflow answers."""
        try:
            yield
        except _Back as back:
            raise self._gone_back(ours, back.stop) from back
        except WriteRefused as error:
            raise self._gone_back(ours, refused(error.code.lower(), str(error))) from error
        except Unreachable as error:
            raise in_part("unreachable", f"{error}; {self._ends}") from error
        except (MoveStopped, KeyboardInterrupt):
            # Somebody else's by now, or to be gone on with: the journal stays as it is.
            with contextlib.suppress(WriteRefused, Unreachable):
                self._clear()
            raise

    @property
    def _ends(self) -> str:
        if self._split is None:
            return "no request goes to the version yet"
        return f"its share ends by itself at {self._split.until.isoformat()}"

    def _gone_back(self, ours: Written, stop: MoveStopped) -> MoveStopped:
        try:
            self._clear()
            if stop.code == GAVE_WAY:
                # Nobody else is to try it either, whose home is empty or whose alias comes later.
                self._block(ours, str(stop))
                stop = refused(GAVE_WAY, f"{stop}; version {ours.entry.to} is blocked")
            self.mover.give_up(ours, stop.code)
        except (WriteRefused, Unreachable) as error:
            undo = typed_on(self.mover.ref, "rollback", options=["--resume"])
            said = f"{stop}; not all of it is undone: {error}; {self._ends}"
            return in_part("not_put_back", said, f"{undo} undoes the rest")
        return stop

    def _block(self, ours: Written, why: str) -> None:
        named = NumberedVersion(self.mover.ref.name, str(ours.entry.to))
        origin = replace(self.mover.origin, reason=why)
        block(self.mover.writer, named, origin.told, origin)

    def _clear(self) -> None:
        """What this command has written goes; what others have written since stays."""
        standing, split = self.mover.look(), self._split
        if split is not None and standing.split == split.value:
            self.mover.clear_split(standing, split.version)
            self.arms.tell()

    def _begun(self, ours: Written, version: RegisteredVersion, share: float) -> Written:
        # Of what is preparing for minutes, people may have split the alias meanwhile.
        self._require_own(self._check(ours, version), version.number)
        ours = self._noted(ours, share)
        self._write(ours, share, version.number, partial(self.mover.still, ours))
        self.said(f"{share:g}% of its requests go to version {version.number}")
        return ours

    def _noted(self, ours: Written, share: float) -> Written:
        begun: StepBegun = self.mover.new_step(share)
        return self._patiently(lambda: self.mover.step(ours, begun))

    def _write(
        self, ours: Written, share: float, number: str, look: Callable[[], AliasStanding]
    ) -> None:
        def write() -> None:
            standing = look()
            self._require_own(standing, number)
            split = StepSplit.lasting(number, share, now() + timedelta(seconds=self._ahead))
            # Before it is written: whether that has arrived is not always known.
            self._split = split
            self.mover.write_split(ours, standing, split)

        self._patiently(write)
        self._is_there = True
        self._renew_at = self.monotonic() + _RENEW_EVERY
        self._ends_at = self.monotonic() + LIVES_SECONDS
        self.arms.tell()

    def _watched(
        self, ours: Written, version: RegisteredVersion, plan: StepPlan, tally: ArmTally
    ) -> None:
        began, share = self.monotonic(), ours.steps[-1].share
        tally.begin_step()
        while True:
            if self.monotonic() >= self._look_at:
                self._looked_after(ours, version, share)
            seen = self._seen(version.number)
            tally.note(seen)
            worse = _worse(seen) or tally.worse()
            seconds = self.monotonic() - began
            look = StepLook(share, seconds, tally.in_step, seen, worse, tally.doubt())
            outcome = step_outcome(look, plan)
            if isinstance(outcome, MoveStopped):
                raise _Back(outcome)
            if outcome:
                return
            self.sleep(_LOOK_EVERY)

    def _looked_after(self, ours: Written, version: RegisteredVersion, share: float) -> None:
        """The move is still this one, and its split lasts. Raises what ends the step."""
        self._require_own(self._check(ours, version), version.number)
        if self.monotonic() >= self._renew_at:
            self._write(ours, share, version.number, partial(self.mover.still, ours))

    def _require_own(self, standing: AliasStanding, number: str) -> None:
        """Raises `_Back` where people split the alias, or have ended what a step has written."""
        why, there = why_split(standing), standing.steps
        if why:
            raise _Back(refused("split_changed" if self._is_there else "split_already", why))
        if self._is_there and (there is None or there.version != number):
            raise _Back(refused("split_changed", "somebody has changed the split, or ended it"))

    def _check(self, ours: Written, version: RegisteredVersion) -> AliasStanding:
        standing = self._patiently(lambda: self.mover.still(ours))
        if why := why_held(standing):
            raise _Back(refused("held", why))
        try:
            named = NumberedVersion(version.name, version.number)
            require_fit(self._patiently(lambda: self.mover.writer.version_of(named)))
        except MoveStopped as unfit:
            raise _Back(unfit) from unfit
        self._look_at = self.monotonic() + _REGISTRY_EVERY
        return standing

    def _patiently(self, work: Callable[[], T]) -> T:
        """While MLflow does not answer, for as long as the split lasts; then raises that."""
        while True:
            try:
                return work()
            except Unreachable:
                if self.monotonic() >= self._ends_at:
                    raise
                self.sleep(_AGAIN_AFTER)


def why_split(standing: AliasStanding) -> str:
    """Why no version can come by steps: people split the alias. Empty if nobody does.

    A split that cannot be read counts: services go on by what it said before.
    """
    value = standing.split
    if value is None or standing.steps is not None:
        return ""
    try:
        split = Split.of(value, standing.ref.alias)
        if not split.arms or split.is_over(now()):
            return ""
    except BadRolloutTag:
        pass
    ends = typed_on(standing.ref, "split", options=["--clear"])
    return f"its requests are split already, as {value[:_LONGEST_SPLIT]}; {ends} ends that"


def _worse(seen: Sequence[ArmSeen]) -> str:
    return "; ".join(f"{each.url}: {each.worse}" for each in seen if each.worse)
