"""Makes versions ready before an alias moves to them, and keeps them warm for a while.

An operator asks for a slot, and a version of its model. It goes the way of every version, fetch,
gates, load and warm-up, one work with that of an alias that comes to want it, and is not swapped
in. Once the alias moves there it is, at once and without a second load. It serves nobody before.

Of one slot the newest wish holds. What is not wanted when its time is up is ended, so is what is
withdrawn. A dry run (`dry_runs`) leaves nothing behind but files in the cache.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from service.background import Work, begin
from service.errors import FollowingError, NotPrepared, PassingFault, VersionFault
from service.following.asked_version import AskedKey, AskedVersion
from service.following.coming_versions import ComingVersions
from service.following.dry_runs import DryRuns, candidacy, compare, withdrawn, withdrawn_by_tag
from service.following.environments import FindsEnvironments, PodiumsOwnAlone
from service.following.gates.gate import GateClosed, GateFinding, Gates
from service.following.journey import Journey
from service.following.open_versions import OpenVersions
from service.following.ports import Clock, FetchedVersion, Registry
from service.following.preparation import Artifact, Preparation, Refusal
from service.following.recording import Recorder, defect, failure_of
from service.following.sentences import listed, named
from service.following.servable import Servable
from service.following.slot import Slot
from service.following.slots import Slots
from service.refs import VersionId

# One is judged after the other: whoever waits for more than a few has lost patience.
_MOST_DRY_RUNS: Final = 16
# What has ended is remembered, so that whoever asked learns of it.
_MOST_REMEMBERED: Final = 50


@dataclass(eq=False, repr=False)
class Preparing:
    """What operators have asked for; at most `most` versions are kept beside what serves.

    `service.following.coming_versions.Askers`.
    """

    _slots: Slots
    _registry: Registry
    _gates: Gates
    _open: OpenVersions
    _coming: ComingVersions
    _recorder: Recorder
    _clock: Clock
    _most: int
    _environments: FindsEnvironments = field(default_factory=PodiumsOwnAlone)
    _asked: dict[AskedKey, AskedVersion] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Is asked of each version on its way."""
        self._coming.beside = self
        self._dry_runs = DryRuns(self._registry, self._gates, self._clock, self._environments)

    def ask(
        self, slot: Slot, number: str, keep_seconds: float, *, dry_run: bool, reason: str = ""
    ) -> Preparation:
        """Begins with it, or follows what has begun; how it stands now. The ledger has `reason`."""
        self.see_to_all()
        asked = AskedVersion(slot, number, dry_run, keep_seconds, self._clock.wall(), reason)
        found = self._asked.pop(asked.key, None)
        if found is not None and found.open:
            self._keep(found, keep_seconds)
            asked = found
        else:
            self._begin(asked)
        self._asked[asked.key] = asked
        self._forget_the_oldest()
        self._coming.abandon_the_unwanted()
        return asked.told(self._clock)

    def told(self, slot: Slot, number: str | None = None, *, dry_run: bool = False) -> Preparation:
        """How it stands with that version, or with the newest; raises `NotPrepared`."""
        self.see_to_all()
        for each in reversed(self._asked.values()):
            if (each.slot, each.dry_run) == (slot, dry_run) and number in {None, each.number}:
                return each.told(self._clock)
        raise NotPrepared("Nobody has asked to prepare that for this model and alias.")

    @property
    def tasks(self) -> Collection[asyncio.Task[None]]:
        """What is under way, beside what `ComingVersions` does for it."""
        tasks = [each.task for each in self._asked.values()]
        return [each for each in tasks if each is not None and not each.done()]

    def see_to_all(self) -> None:
        """Lets go of whatever is not to be kept any more."""
        for each in [each for each in self._asked.values() if each.open]:
            if why := self._why_over(each):
                self._end(each, why)
        self._coming.abandon_the_unwanted()

    def close(self) -> None:
        """Lets go of everything."""
        for each in [each for each in self._asked.values() if each.open]:
            self._end(each, "the service stops")

    @property
    def versions(self) -> Collection[VersionId]:
        """Those that are made ready, or are."""
        return {each.version for each in self._kept() if each.version is not None}

    def let_go(self) -> None:
        """What is withdrawn is not kept."""
        for each in self._kept():
            if each.version in self._slots.tombstones:
                self._refuse(each, [withdrawn(each.number)])

    def wants(self, version: VersionId) -> bool:
        """Whether anybody waits for that version."""
        return bool(self._waiting(version))

    def slots(self, version: VersionId) -> Sequence[Slot]:
        """Those whose gates it has to pass."""
        return [each.slot for each in self._waiting(version)]

    def judge(self, fetched: FetchedVersion, journey: Journey) -> bool:
        """Whether it passes the gates of any slot that it is made ready for."""
        waiting = self._waiting(fetched.version)
        for each in waiting:
            each.shared = journey
        # Each is asked: those whose gates it does not pass learn so now.
        passed = [self._passes(each, fetched) is not None for each in waiting]
        return any(passed)

    def received(self, servable: Servable, journey: Journey) -> None:
        """It is loaded."""
        for each in self._waiting(servable.version):
            each.shared = journey
            self._take(each, servable)

    def failed(self, version: VersionId, error: FollowingError, journey: Journey) -> None:
        """It is not coming."""
        for each in self._waiting(version):
            each.shared = journey
            self._refuse(each, [error])

    def over(self, version: VersionId) -> None:
        """Nobody is at it any more, whatever was told before."""
        for each in self._waiting(version):
            if each.task is None or each.task.done():
                message = "The work on it was ended; ask for it again."
                self._refuse(each, [PassingFault("load", "abandoned", message)])

    def _begin(self, asked: AskedVersion) -> None:
        if not asked.dry_run:
            for each in self._kept():
                if each.slot is asked.slot:
                    self._end(each, f"version {asked.number} was asked for")
        if full := self._busy() if asked.dry_run else self._full():
            self._refuse(asked, [full])
            return
        asked.task = begin(Work.FOLLOWING, self._to_its_end(asked))

    def _busy(self) -> FollowingError | None:
        judged = [each for each in self._asked.values() if each.dry_run and each.open]
        if len(judged) < _MOST_DRY_RUNS:
            return None
        message = f"{_MOST_DRY_RUNS} versions are judged already, one after the other; ask later."
        return PassingFault("wait", "dry_runs_enough", message)

    def _full(self) -> FollowingError | None:
        if not self._most:
            message = "This service keeps no version ready: PODIUM_MAX_PREPARED is 0."
            return VersionFault("wait", "preparing_off", message)
        kept = [each for each in self._kept() if not each.serves]
        if len(kept) < self._most:
            return None
        those = [f"{named(str(each.slot.ref))} version {each.number}" for each in kept]
        message = (
            f"This service keeps {self._most} prepared versions at most (PODIUM_MAX_PREPARED); "
            f"there are: {listed(those)}."
        )
        return PassingFault("wait", "prepared_enough", message)

    def _keep(self, asked: AskedVersion, seconds: float) -> None:
        asked.keep_seconds = seconds
        if asked.state == "ready":
            asked.until = self._clock.monotonic() + seconds

    def _forget_the_oldest(self) -> None:
        over = [each.key for each in self._asked.values() if not each.open]
        for key in over[: max(0, len(self._asked) - _MOST_REMEMBERED)]:
            del self._asked[key]

    async def _to_its_end(self, asked: AskedVersion) -> None:
        try:
            with asked.own.timed("look", self._clock.monotonic):
                version = asked.version = await self._identified(asked)
            await (self._judged if asked.dry_run else self._brought)(asked, version)
        except FollowingError as error:
            self._refuse(asked, [error])
        except Exception as error:  # noqa: BLE001 - a defect of ours must not end following
            self._refuse(asked, [defect("prepare", error)])
        self._slots.changed()

    async def _identified(self, asked: AskedVersion) -> VersionId:
        found = await self._registry.identify(asked.slot.ref.name, asked.number)
        if found is None:
            message = "The registry has no such version of that model."
            raise VersionFault("look", "unknown_version", message)
        if found in self._slots.tombstones:
            raise withdrawn(asked.number)
        return found

    async def _judged(self, asked: AskedVersion, version: VersionId) -> None:
        verdict = await self._dry_runs.judge(partial(candidacy, asked.slot), version, asked.own)
        asked.artifact = verdict.artifact
        if verdict.closed:
            self._refuse(asked, verdict.closed)
        else:
            asked.state = "passed"

    async def _brought(self, asked: AskedVersion, version: VersionId) -> None:
        there = self._open.ready(version)
        if there is None:
            # What comes of it is told by `received` or `failed`.
            asked.shared = self._coming.prepare(version)
            return
        there.hold()
        try:
            await compare(self._gates, partial(candidacy, asked.slot), there.fetched)
            self._take(asked, there)
        finally:
            there.release()

    def _passes(self, asked: AskedVersion, fetched: FetchedVersion) -> Sequence[GateFinding] | None:
        """What the gates of its slot let pass; None where they do not, which it learns."""
        if by_tag := withdrawn_by_tag(fetched):
            self._refuse(asked, by_tag)
            return None
        try:
            return self._gates.check_slot(candidacy(asked.slot, fetched))
        except FollowingError as error:
            self._refuse(asked, [error])
        except Exception as error:  # noqa: BLE001 - a defect of ours, over this slot alone
            self._refuse(asked, [defect("gates", error)])
        return None

    def _take(self, asked: AskedVersion, servable: Servable) -> None:
        findings = self._passes(asked, servable.fetched) if asked.state == "preparing" else None
        if findings is None:
            return
        servable.hold()
        asked.own.saw(findings)
        asked.servable = servable
        asked.ended("ready", self._clock.monotonic())
        asked.artifact = Artifact(servable.fetched.digest, None)
        asked.until = self._clock.monotonic() + asked.keep_seconds
        asked.slot.prepared = servable.version
        seconds, found = asked.seconds(self._clock.monotonic()), asked.findings
        self._recorder.prepared(asked.slot, servable.version, seconds, found, asked.reason)

    def _refuse(self, asked: AskedVersion, errors: Sequence[FollowingError]) -> None:
        self._release(asked)
        asked.ended("refused", self._clock.monotonic())
        asked.refusals = tuple(self._refusal(asked, error) for error in errors)
        if asked.dry_run:
            return
        for error in errors:
            asked.own.saw(error.findings if isinstance(error, GateClosed) else ())
        first, seconds = asked.refusals[0], asked.seconds(self._clock.monotonic())
        said = first, seconds, asked.findings, asked.reason
        self._recorder.not_prepared(asked.slot, asked.number, *said)

    def _refusal(self, asked: AskedVersion, error: FollowingError) -> Refusal:
        failure = failure_of(error, asked.version, self._clock)
        gate = error.gate if isinstance(error, GateClosed) else None
        return Refusal(failure, not isinstance(error, VersionFault), gate)

    def _why_over(self, asked: AskedVersion) -> str:
        """Why it is not to be kept any more; empty if it is."""
        if self._slots.get(str(asked.slot.ref)) is not asked.slot:
            return "the service does not follow this model and alias any more"
        serves = asked.serves
        left, asked.served = asked.served and not serves, asked.served or serves
        if left:
            return "it has served, and the alias has moved on"
        servable = asked.servable
        if servable is None:
            return ""
        if not serves and self._open.ready(servable.version) is not servable:
            return "its processes have ended"
        return "its time is up" if asked.until <= self._clock.monotonic() else ""

    def _end(self, asked: AskedVersion, why: str) -> None:
        self._release(asked)
        asked.ended("ended", self._clock.monotonic())
        asked.why = why
        if not asked.dry_run:
            self._recorder.let_go(asked.slot, asked.number, why)

    def _release(self, asked: AskedVersion) -> None:
        servable, asked.servable = asked.servable, None
        if servable is not None:
            servable.release()
            asked.slot.prepared = None
        if asked.task is not None and asked.task is not asyncio.current_task():
            asked.task.cancel()

    def _waiting(self, version: VersionId) -> Sequence[AskedVersion]:
        """Whoever wants it and has not got it."""
        return [
            each for each in self._kept() if (each.version, each.state) == (version, "preparing")
        ]

    def _kept(self) -> Sequence[AskedVersion]:
        return [each for each in self._asked.values() if each.open and not each.dry_run]
