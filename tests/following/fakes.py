"""A registry and a stager that do as they are told, when they are told."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from service.bake_tag import NEVER, BakeRule
from service.blocked_tag import blocked_by
from service.environments.environment import BuildProgress, BuiltEnvironment
from service.errors import FollowingError, PassingFault
from service.following.bake import BakeVerdict
from service.following.baking import TimesCalls
from service.following.environments import FindsEnvironments, RunsIn
from service.following.follower import Follower
from service.following.gates.gate import Gates
from service.following.history import ServedBefore
from service.following.ledger import Ledger, LedgerEntry
from service.following.observer import FollowingObserver
from service.following.ports import (
    Clock,
    FetchedVersion,
    LookAnswer,
    Missing,
    Resolution,
    Staged,
    Stager,
    Unanswered,
    VersionMarks,
)
from service.following.slot import Slot
from service.following.slot_status import Failure
from service.following.slots import Slots
from service.hold_tag import Hold
from service.patterns import MOST_FOUND, RefPattern
from service.refs import ModelRef, VersionId
from service.rollout.verdict import Sample
from service.rollout_tags import NO_TAGS, RolloutTags
from service.shadow_tag import aliases_named
from service.split_tag import version_number
from service.tombstones import WITHDRAWN_TAG, Key, Tombstone, reason_of
from tests.support.serving import (
    FakeContract,
    FakePredictor,
    fetched_version,
    open_gate,
    staged_with,
)

CREATED = 1_700_000_000_000


def version(number: int, name: str = "iris", created: int = CREATED) -> VersionId:
    """Version `number` of the model."""
    return VersionId(name, created, str(number))


@dataclass
class FakeRegistry:
    """Aliases that a test moves; a look waits at `look_gate`, a fetch at its version's gate."""

    aliases: dict[ModelRef, Resolution] = field(default_factory=dict)
    down: FollowingError | None = None
    unlisted: Unanswered | None = None
    look_gate: asyncio.Event = field(default_factory=open_gate)
    fetch_gates: dict[VersionId, asyncio.Event] = field(default_factory=dict)
    fetch_errors: dict[VersionId, FollowingError] = field(default_factory=dict)
    fetched: list[VersionId] = field(default_factory=list)
    looking: asyncio.Event = field(default_factory=asyncio.Event)
    models: dict[str, list[VersionId]] = field(default_factory=dict)
    gone: set[VersionId] = field(default_factory=set)
    models_made: int = 0
    # What a version is fetched as, where it differs from `fetched_version`.
    fetched_fields: dict[VersionId, dict[str, Any]] = field(default_factory=dict)
    tag_looks: list[list[VersionId]] = field(default_factory=list)
    tags_down: FollowingError | None = None
    exists_gate: asyncio.Event = field(default_factory=open_gate)
    # How often that which looks need has been started.
    starts: int = 0
    # Of how many versions a look is told whether they are withdrawn, and of which beside.
    most_tags: int | None = None
    tagged: set[VersionId] = field(default_factory=set)
    holds: dict[ModelRef, Hold] = field(default_factory=dict)
    rollout: dict[ModelRef, RolloutTags] = field(default_factory=dict)
    unknown_tags: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def register(self, name: str) -> VersionId:
        """The model's next version; the model is made with its first one."""
        if name not in self.models:
            self.models_made += 1
            self.models[name] = []
        versions = self.models[name]
        created = versions[0].created if versions else CREATED + self.models_made
        versions.append(version(len(versions) + 1, name, created))
        return versions[-1]

    def delete_version(self, version: VersionId) -> None:
        """Its aliases go with it."""
        self.gone.add(version)
        for ref in [ref for ref, found in self.aliases.items() if found == version]:
            del self.aliases[ref]

    def delete_model(self, name: str) -> None:
        """With all its versions."""
        for each in self.models.pop(name):
            self.delete_version(each)

    def rename_model(self, name: str, to: str) -> None:
        """Its aliases stay with it; the time that it was made at does too."""
        self.models[to] = [replace(each, name=to) for each in self.models.pop(name)]
        for ref in [ref for ref in self.aliases if ref.name == name]:
            found = self.aliases.pop(ref)
            if isinstance(found, VersionId):
                self.aliases[replace(ref, name=to)] = replace(found, name=to)

    async def prepare(self) -> None:
        if self.down is not None:
            raise self.down

    async def resolve(self, refs: Sequence[ModelRef]) -> LookAnswer:
        self.looking.set()
        # The answer is on its way while it waits.
        found = {ref: self._resolution(ref) for ref in refs}
        await self.look_gate.wait()
        if self.down is not None:
            raise self.down
        holds = {ref: hold for ref, hold in self.holds.items() if ref in found}
        answered = [ref for ref, each in found.items() if not isinstance(each, Unanswered)]
        rollout = {ref: self.rollout.get(ref, NO_TAGS) for ref in answered}
        named = {
            ModelRef(ref.name, alias): self._resolution(ModelRef(ref.name, alias))
            for ref, tags in rollout.items()
            for alias in aliases_named(tags, ref.alias)
        }
        return LookAnswer(
            found, holds=holds, rollout=rollout, named=named, unknown_tags=self.unknown_tags
        )

    def _resolution(self, ref: ModelRef) -> Resolution:
        number = version_number(ref.alias)
        if number is None:
            return self.aliases.get(ref, self._missing(ref))
        there = [each for each in self.models.get(ref.name, ()) if each not in self.gone]
        return next((each for each in there if each.version == number), self._missing(ref))

    async def survey(
        self, refs: Sequence[ModelRef], patterns: Sequence[RefPattern], room: int
    ) -> LookAnswer:
        if self.unlisted is not None:
            return replace(await self.resolve(refs), unlisted=self.unlisted)
        meant = [
            ref
            for ref, found in sorted(self.aliases.items(), key=lambda each: str(each[0]))
            if isinstance(found, VersionId)
            and ref not in refs
            and any(pattern.matches(ref.name, ref.alias) for pattern in patterns)
        ]
        found = await self.resolve([*refs, *meant[:room]])
        return replace(found, left_out=len(meant[room:]))

    def _missing(self, ref: ModelRef) -> Missing:
        return Missing.ALIAS if ref.name in self.models else Missing.MODEL

    async def fetch(self, version: VersionId) -> FetchedVersion:
        self.fetched.append(version)
        await self.fetch_gates.get(version, open_gate()).wait()
        if version in self.fetch_errors:
            raise self.fetch_errors[version]
        if version in self.gone:
            raise PassingFault("fetch", "version_gone", "The version was deleted.")
        return replace(fetched_version(version), **self.fetched_fields.get(version, {}))

    async def tags(
        self, versions: Sequence[VersionId]
    ) -> Mapping[VersionId, Mapping[str, str] | None]:
        self.tag_looks.append(list(versions))
        if self.down is not None:
            raise self.down
        return {each: self._tags(each) for each in versions}

    async def exists(self, name: str, version: str) -> bool:
        await self.exists_gate.wait()
        if self.down is not None:
            raise self.down
        there = {each.version for each in self.models.get(name, ()) if each not in self.gone}
        return version in there

    async def identify(self, name: str, version: str) -> VersionId | None:
        await self.exists_gate.wait()
        if self.down is not None:
            raise self.down
        there = [each for each in self.models.get(name, ()) if each not in self.gone]
        return next((each for each in there if each.version == version), None)

    async def marks(
        self, names: Sequence[str], met: Sequence[VersionId], marked: Sequence[VersionId]
    ) -> VersionMarks:
        if silent := self.down or self.tags_down:
            raise silent
        asked = [*met[: self.most_tags], *self.tagged]
        said = {each: reason_of((self._tags(each) or {}).get(WITHDRAWN_TAG)) for each in asked}
        return VersionMarks(
            {each: reason for each, reason in said.items() if reason is not None},
            [each for each in marked if self._tags(each) is not None and said.get(each) is None],
            [each for each in met if each not in said],
            {each: why for each in {*asked, *marked} if (why := self._blocked(each)) is not None},
        )

    def _blocked(self, version: VersionId) -> str | None:
        return blocked_by(self._tags(version) or {})

    def _tags(self, version: VersionId) -> Mapping[str, str] | None:
        if version in self.gone:
            return None
        tags: Mapping[str, str] = self.fetched_fields.get(version, {}).get("tags", {})
        return tags


@dataclass
class FakeHistory:
    """`service.following.history.History` in memory; `lost` are versions whose artifact is gone."""

    known: dict[ModelRef, ServedBefore] = field(default_factory=dict)
    served: set[tuple[ModelRef, VersionId]] = field(default_factory=set)
    lost: set[VersionId] = field(default_factory=set)
    in_turn: list[tuple[ModelRef, VersionId]] = field(default_factory=list)
    forgotten: list[ModelRef] = field(default_factory=list)
    marked: dict[ModelRef, Mapping[VersionId, str]] = field(default_factory=dict)
    verdicts: dict[ModelRef, BakeVerdict | None] = field(default_factory=dict)
    said: dict[ModelRef, RolloutTags] = field(default_factory=dict)
    counts: dict[ModelRef, Sample] = field(default_factory=dict)

    async def last_known_good(self, ref: ModelRef) -> ServedBefore | None:
        known = self.known.get(ref)
        return None if known is None or known.fetched.version in self.lost else known

    def baseline(self, ref: ModelRef) -> FetchedVersion | None:
        known = self.known.get(ref)
        return None if known is None else known.fetched

    def has_served(self, ref: ModelRef, version: VersionId) -> bool:
        return (ref, version) in self.served

    def versions(self, ref: ModelRef) -> Sequence[VersionId]:
        told = [each for each in self.served if each not in self.in_turn]
        return [each for slot, each in (*told, *self.in_turn) if slot == ref]

    def blocked(self, ref: ModelRef) -> Mapping[VersionId, str]:
        return self.marked.get(ref, {})

    def block(self, ref: ModelRef, marked: Mapping[VersionId, str]) -> None:
        if ref in self.known:
            self.marked[ref] = marked

    def rollout(self, ref: ModelRef) -> RolloutTags:
        return self.said.get(ref, NO_TAGS)

    def note_rollout(self, ref: ModelRef, tags: RolloutTags) -> None:
        self.said[ref] = tags

    def verdict(self, ref: ModelRef) -> BakeVerdict | None:
        return self.verdicts.get(ref)

    def judge(self, ref: ModelRef, verdict: BakeVerdict | None) -> None:
        if ref in self.known:
            self.verdicts[ref] = verdict

    def counted(self, ref: ModelRef) -> Sample:
        return self.counts.get(ref, Sample())

    def count(self, ref: ModelRef, sample: Sample) -> None:
        if ref in self.known:
            self.counts[ref] = sample

    def withdraw(self, ref: ModelRef) -> None:
        self.lost.add(self.known[ref].fetched.version)

    def forget(self, ref: ModelRef) -> None:
        self.forgotten.append(ref)

    def note(self, ref: ModelRef, known: ServedBefore) -> None:
        self.lost.discard(known.fetched.version)
        before = self.baseline(ref)
        if before is not None and before.version != known.fetched.version:
            self.counts.pop(ref, None)
        self.known[ref] = known
        served = ref, known.fetched.version
        self.served.add(served)
        self.in_turn = [*(each for each in self.in_turn if each != served), served]


@dataclass
class FakeTombstones:
    """`service.tombstones.TombstoneStore` in memory; a test may have its disk fail.

    `files` are versions that lie here, `held` those whose files somebody uses; `cleared` those of
    whom nothing is left; `purges` what each purge was asked for.
    """

    kept: dict[Key, Tombstone] = field(default_factory=dict)
    fails: bool = False
    files: set[VersionId] = field(default_factory=set)
    held: set[VersionId] = field(default_factory=set)
    cleared: list[str] = field(default_factory=list)
    writes: int = 0
    purges: list[list[str]] = field(default_factory=list)

    async def read(self) -> Collection[Tombstone] | None:
        return None if self.fails else tuple(self.kept.values())

    async def keep(self, stone: Tombstone) -> bool:
        if not self.fails:
            self.kept[stone.key] = stone
            self.writes += 1
        return not self.fails

    async def remove(self, stone: Tombstone) -> bool:
        if not self.fails:
            self.kept.pop(stone.key, None)
        return not self.fails

    async def lying(self, name: str, version: str) -> Collection[VersionId]:
        return {each for each in self.files if (each.name, each.version) == (name, version)}

    async def clear(self, stones: Collection[Tombstone]) -> Collection[Tombstone]:
        self.files -= {each for each in self.files if any(stone.covers(each) for stone in stones)}
        self.purges.append([stone.version for stone in stones])
        gone = [stone for stone in stones if not any(map(stone.covers, self.held))]
        self.cleared += [stone.version for stone in gone]
        return gone


@dataclass
class FakeStager:
    """Stages predictors that answer with their version's number; waits at a version's gate."""

    gates: dict[VersionId, asyncio.Event] = field(default_factory=dict)
    entered: dict[VersionId, asyncio.Event] = field(
        default_factory=lambda: defaultdict(asyncio.Event)
    )
    errors: dict[VersionId, FollowingError] = field(default_factory=dict)
    staged: list[VersionId] = field(default_factory=list)
    cancelled: list[VersionId] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    predictors: dict[VersionId, FakePredictor] = field(default_factory=dict)
    environments: dict[VersionId, BuiltEnvironment | None] = field(default_factory=dict)

    async def stage(self, fetched: FetchedVersion, environment: BuiltEnvironment | None) -> Staged:
        wanted = fetched.version
        self.environments[wanted] = environment
        self.staged.append(wanted)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.entered[wanted].set()
        try:
            await self.gates.get(wanted, open_gate()).wait()
        except asyncio.CancelledError:
            self.cancelled.append(wanted)
            raise
        finally:
            self.at_once -= 1
        if wanted in self.errors:
            raise self.errors[wanted]
        predictor = self.predictors[wanted] = FakePredictor(answer=wanted.version)
        return staged_with(FakeContract(), predictor)


@dataclass
class Events:
    """Everything that following has told, as tuples that begin with the event's name."""

    told: list[tuple[Any, ...]] = field(default_factory=list)

    def looked(self, seconds: float, failure: Failure | None, detail: str) -> None:
        self.told.append(("looked", failure))

    def slot_came(self, ref: ModelRef) -> None:
        self.told.append(("slot_came", str(ref)))

    def arm_came(self, ref: ModelRef) -> None:
        self.told.append(("arm_came", str(ref)))

    def arm_went(self, ref: ModelRef) -> None:
        self.told.append(("arm_went", str(ref)))

    def tag_wrong(self, ref: ModelRef, tag: str, sentence: str) -> None:
        self.told.append(("tag_wrong", str(ref), tag, sentence))

    def tags_unknown(self, model: str, tags: Sequence[str]) -> None:
        self.told.append(("tags_unknown", model, tuple(tags)))

    def tags_late(self, ref: ModelRef, seconds: float) -> None:
        self.told.append(("tags_late", str(ref), seconds))

    def shared(self, ref: ModelRef, sentence: str) -> None:
        self.told.append(("shared", str(ref), sentence))

    def slot_went(self, ref: ModelRef) -> None:
        self.told.append(("slot_went", str(ref)))

    def unmatched(self, patterns: Sequence[str]) -> None:
        self.told.append(("unmatched", *patterns))

    def left_out(self, count: int) -> None:
        self.told.append(("left_out", count))

    def missing(self, ref: ModelRef, failure: Failure, detail: str) -> None:
        self.told.append(("missing", str(ref), failure.code))

    def unanswered(self, ref: ModelRef, failure: Failure, detail: str) -> None:
        self.told.append(("unanswered", str(ref), failure.code))

    def staging(self, version: VersionId) -> None:
        self.told.append(("staging", version))

    def building(self, version: VersionId, progress: BuildProgress) -> None:
        self.told.append(("building", version, progress.step))

    def found_environment(self, version: VersionId, runs_in: RunsIn, seconds: float) -> None:
        self.told.append(("found_environment", version, runs_in.key))

    def swapped(
        self,
        ref: ModelRef,
        old: VersionId | None,
        new: VersionId,
        stages: Mapping[str, float],
    ) -> None:
        self.told.append(("swapped", str(ref), old, new))

    def stands_in(self, ref: ModelRef, version: VersionId, failure: Failure | None) -> None:
        self.told.append(("stands_in", str(ref), version, failure and failure.code))

    def baked(self, ref: ModelRef, version: VersionId, sentence: str) -> None:
        self.told.append(("baked", str(ref), version))

    def unproven(self, ref: ModelRef, version: VersionId, sentence: str) -> None:
        self.told.append(("unproven", str(ref), version))

    def not_brought_back(
        self, ref: ModelRef, version: VersionId, failure: Failure, detail: str
    ) -> None:
        self.told.append(("not_brought_back", str(ref), version, failure.code))

    def gave_way(
        self, ref: ModelRef, version: VersionId, to: VersionId, verdict: BakeVerdict
    ) -> None:
        self.told.append(("gave_way", str(ref), version, to, verdict.code))

    def emptied(self, ref: ModelRef, version: VersionId, failure: Failure) -> None:
        self.told.append(("emptied", str(ref), version, failure.code))

    def withdrawn(self, ref: ModelRef, version: VersionId, failure: Failure) -> None:
        self.told.append(("withdrawn", str(ref), version))

    def refused(self, ref: ModelRef, version: VersionId, failure: Failure, detail: str) -> None:
        self.told.append(("refused", str(ref), version, failure.code))

    def abandoned(self, version: VersionId) -> None:
        self.told.append(("abandoned", version))

    def retired(self, version: VersionId) -> None:
        self.told.append(("retired", version))

    def held(self, ref: ModelRef, hold: Hold) -> None:
        self.told.append(("held", str(ref), hold))

    def released(self, ref: ModelRef) -> None:
        self.told.append(("released", str(ref)))

    def unblocked(self, ref: ModelRef, version: VersionId) -> None:
        self.told.append(("unblocked", str(ref), version))

    def prepared(self, ref: ModelRef, version: str, stages: Mapping[str, float]) -> None:
        self.told.append(("prepared", str(ref), version, *stages))

    def not_prepared(self, ref: ModelRef, version: str, failure: Failure) -> None:
        self.told.append(("not_prepared", str(ref), version, failure.code))

    def preparation_ended(self, ref: ModelRef, version: str, why: str) -> None:
        self.told.append(("preparation_ended", str(ref), version, why))

    def shadowed(self, ref: ModelRef, version: VersionId, alias: str, share: int) -> None:
        self.told.append(("shadowed", str(ref), version, alias, share))

    def unshadowed(self, ref: ModelRef, version: VersionId, alias: str) -> None:
        self.told.append(("unshadowed", str(ref), version, alias))

    def shadow_failed(
        self, ref: ModelRef, version: VersionId, failure: Failure, detail: str
    ) -> None:
        self.told.append(("shadow_failed", str(ref), version, failure.code))

    def tick_failed(self, error: Exception) -> None:
        self.told.append(("tick_failed", error))

    def slot_failed(self, ref: ModelRef, error: Exception) -> None:
        self.told.append(("slot_failed", str(ref), error))

    def of(self, name: str) -> list[tuple[Any, ...]]:
        """The events of one name, without it."""
        return [event[1:] for event in self.told if event[0] == name]


@dataclass
class Time:
    """A clock that moves when it is told to; both its times are the same seconds."""

    now: float = 1000.0

    @property
    def clock(self) -> Clock:
        return Clock(wall=lambda: self.now, monotonic=lambda: self.now)


class World:
    """A follower with everything around it in a test's hand."""

    def __init__(  # noqa: PLR0913 - whatever a test wants otherwise
        self,
        *refs: str,
        keep_warm_seconds: float = 60.0,
        gates: Gates | None = None,
        history: FakeHistory | None = None,
        stager: Stager | None = None,
        observer: FollowingObserver | None = None,
        keeps_missing: bool = True,
        tombstones: FakeTombstones | None = None,
        patterns: Sequence[str] = (),
        most: int = MOST_FOUND,
        max_prepared: int = 2,
        noted: Callable[[LedgerEntry], None] | None = None,
        environments: FindsEnvironments | None = None,
        bake: BakeRule = NEVER,
        times: TimesCalls | None = None,
        takes_arms: bool = True,
        poll_seconds: float = 1.0,
    ) -> None:
        named = refs or (() if patterns else ("iris@champion",))
        self.refs = [ModelRef.parse(ref) for ref in named]
        self.registry = FakeRegistry()
        self.stager = FakeStager()
        self.events = Events()
        self.time = Time()
        meant = [RefPattern.parse(pattern) for pattern in patterns]
        self.slots = Slots(self.refs, meant, most)
        self.history = history or FakeHistory()
        self.ledger = Ledger(noted=noted)
        self.tombstones = tombstones or FakeTombstones()
        self.follower = Follower(
            self.slots,
            self.registry,
            stager or self.stager,
            observer or self.events,
            self.time.clock,
            poll_seconds=poll_seconds,
            keep_warm_seconds=keep_warm_seconds,
            gates=gates or Gates(),
            history=self.history,
            ledger=self.ledger,
            keeps_missing=keeps_missing,
            tombstones=self.tombstones,
            withdrawn=self.tombstones.kept.values(),
            max_prepared=max_prepared,
            environments=environments,
            bake=bake,
            times=times,
            takes_arms=takes_arms,
        )

    @property
    def slot(self) -> Slot:
        """The first one."""
        return self.slots.default

    def move(self, to: Resolution, ref: int = 0) -> None:
        """Points an alias elsewhere."""
        self.registry.aliases[self.refs[ref]] = to

    async def follow(self) -> None:
        """One tick, and everything that it has begun."""
        await self.follower.tick()
        await self.follower.settled()

    async def follow_to(self, to: Resolution) -> None:
        """Moves the first alias and follows it to the end."""
        self.move(to)
        await self.follow()
