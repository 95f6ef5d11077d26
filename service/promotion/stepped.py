"""A promotion's steps: the version comes to a growing share of the alias before the alias moves.

Each step is written to the journal before the tag that splits the alias, and the tag is good for a
minute: it is put off while the command lives. So one that is gone leaves what ends by itself, and
what whoever goes on from there understands.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
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
from service.typed import typed_on

_LOOK_EVERY: Final = 0.5
_REGISTRY_EVERY: Final = 5.0
_RENEW_EVERY: Final = LIVES_SECONDS / 3
_AGAIN_AFTER: Final = 2.0
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
        tally.note(self.arms.seen(version.number))
        with self._undone(ours):
            for share in plan.left_after(ours.steps):
                ours = self._begun(ours, version, share)
                self._watched(ours, version, plan, tally)
            return self._noted(ours, WHOLE_SHARE)

    def leave(self, ours: Written, version: RegisteredVersion) -> None:
        """The alias is on the version: its split goes, once all give it everything.

        Sooner, those who had the version would be given the one before for a moment.
        """
        plan = ours.entry.steps
        if plan is None:
            return
        until = self.monotonic() + plan.seconds
        while self.monotonic() < until and not self._all_serve(version.number):
            if self._split is not None and self.monotonic() >= self._renew_at:
                self._write(self._split.share, version.number)
            self.sleep(_LOOK_EVERY)
        if self._patiently(lambda: self.mover.clear_split(self.mover.look(), version.number)):
            self.arms.tell()

    def _all_serve(self, number: str) -> bool:
        return all(each.serves == number for each in self.arms.seen(number))

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
        self._check(ours, version)
        ours = self._noted(ours, share)
        self._write(share, version.number)
        self.said(f"{share:g}% of its requests go to version {version.number}")
        return ours

    def _noted(self, ours: Written, share: float) -> Written:
        begun: StepBegun = self.mover.new_step(share)
        return self._patiently(lambda: self.mover.step(ours, begun))

    def _write(self, share: float, number: str) -> None:
        def write() -> None:
            split = StepSplit.lasting(number, share, now())
            # Before it is written: whether that has arrived is not always known.
            self._split = split
            self.mover.write_split(split)

        self._patiently(write)
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
            seen = self.arms.seen(version.number)
            tally.note(seen)
            worse = _worse(seen) or tally.worse()
            look = StepLook(share, self.monotonic() - began, tally.in_step, seen, worse)
            outcome = step_outcome(look, plan)
            if isinstance(outcome, MoveStopped):
                raise _Back(outcome)
            if outcome:
                return
            self.sleep(_LOOK_EVERY)

    def _looked_after(self, ours: Written, version: RegisteredVersion, share: float) -> None:
        """The move is still this one, and its split lasts. Raises what ends the step."""
        standing = self._check(ours, version)
        there = StepSplit.read(standing.split)
        if there is None or there.version != version.number:
            raise _Back(refused("split_changed", "somebody has changed the split, or ended it"))
        if self.monotonic() >= self._renew_at:
            self._write(share, version.number)

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


def _worse(seen: Sequence[ArmSeen]) -> str:
    return "; ".join(f"{each.url}: {each.worse}" for each in seen if each.worse)
