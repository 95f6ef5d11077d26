"""What following tells whoever wants to know; metrics and logs implement it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

from service.background import Work, tell
from service.environments.environment import BuildProgress
from service.following.bake import BakeVerdict
from service.following.environments import RunsIn
from service.following.slot_status import Failure
from service.hold_tag import Hold
from service.refs import ModelRef, VersionId


class FollowingObserver(Protocol):
    """Told of every look, swap and refusal. `detail` is free text, for logs alone."""

    def looked(self, seconds: float, failure: Failure | None, detail: str) -> None:
        """A look at the registry has ended."""

    def slot_came(self, ref: ModelRef) -> None:
        """A pattern has found it in the registry."""

    def slot_went(self, ref: ModelRef) -> None:
        """A pattern has found it before; the registry has it no more, and nothing stands in."""

    def arm_came(self, ref: ModelRef) -> None:
        """A tag names it as an arm: it is followed from now on."""

    def arm_went(self, ref: ModelRef) -> None:
        """No tag names it any more."""

    def tag_wrong(self, ref: ModelRef, tag: str, sentence: str) -> None:
        """A tag of that name says what cannot be done for the slot; told once."""
        ...

    def tags_unknown(self, model: str, tags: Sequence[str]) -> None:
        """Tags of the model begin as Podium's do and mean nothing; told when others do."""
        ...

    def tags_late(self, ref: ModelRef, seconds: float) -> None:
        """Tags steer the slot, and looks are so many seconds apart; told once."""
        ...

    def shared(self, ref: ModelRef, sentence: str) -> None:
        """The slot shares its requests otherwise from now on; the sentence says how."""
        ...

    def unmatched(self, patterns: Sequence[str]) -> None:
        """These patterns find nothing; told when others do or do not."""

    def left_out(self, count: int) -> None:
        """So many that patterns mean have no room; told when the number changes."""

    def missing(self, ref: ModelRef, failure: Failure, detail: str) -> None:
        """A look found the alias or the model gone, as `failure.code` says; told once."""

    def unanswered(self, ref: ModelRef, failure: Failure, detail: str) -> None:
        """A look was answered for other slots, and not for this one; told once."""

    def staging(self, version: VersionId) -> None:
        """A version is being brought into service."""

    def building(self, version: VersionId, progress: BuildProgress) -> None:
        """The build of a version's environment has come to a step."""
        ...

    def found_environment(self, version: VersionId, runs_in: RunsIn, seconds: float) -> None:
        """The environment that a version is to run in is there; it took so long."""
        ...

    def swapped(
        self,
        ref: ModelRef,
        old: VersionId | None,
        new: VersionId,
        stages: Mapping[str, float],
    ) -> None:
        """A slot serves another version; `stages` holds the seconds that each stage took."""

    def stands_in(self, ref: ModelRef, version: VersionId, failure: Failure | None) -> None:
        """What the slot has just been given is its last known good; `failure` is why, if known."""

    def baked(self, ref: ModelRef, version: VersionId, sentence: str) -> None:
        """What the slot serves has done no worse than what was proven before: it is proven now."""
        ...

    def unproven(self, ref: ModelRef, version: VersionId, sentence: str) -> None:
        """Too few requests came in its time; it is watched for longer."""
        ...

    def not_brought_back(
        self, ref: ModelRef, version: VersionId, failure: Failure, detail: str
    ) -> None:
        """What was proven before a start is not there for what bakes to give way to."""
        ...

    def gave_way(
        self, ref: ModelRef, version: VersionId, to: VersionId, verdict: BakeVerdict
    ) -> None:
        """The slot serves what was proven again: the version after it has done worse."""
        ...

    def emptied(self, ref: ModelRef, version: VersionId, failure: Failure) -> None:
        """The slot serves that version no more, for the alias or the model is gone."""

    def withdrawn(self, ref: ModelRef, version: VersionId, failure: Failure) -> None:
        """The slot serves that version no more, and nothing in its place: it is withdrawn."""

    def refused(self, ref: ModelRef, version: VersionId, failure: Failure, detail: str) -> None:
        """A version could not be brought into service."""

    def abandoned(self, version: VersionId) -> None:
        """Work on a version has ended because no alias points there any more."""

    def retired(self, version: VersionId) -> None:
        """Nobody holds the version any more; its processes are being ended."""

    def held(self, ref: ModelRef, hold: Hold) -> None:
        """The slot stays on what it serves; told once, and again where the hold changes."""
        ...

    def released(self, ref: ModelRef) -> None:
        """The slot follows its alias again."""
        ...

    def unblocked(self, ref: ModelRef, version: VersionId) -> None:
        """A version that the slot had refused for being blocked is not blocked any more."""
        ...

    def prepared(self, ref: ModelRef, version: str, stages: Mapping[str, float]) -> None:
        """A version is ready for the slot, should its alias move there; as an operator asked."""
        ...

    def not_prepared(self, ref: ModelRef, version: str, failure: Failure) -> None:
        """It could not be made ready."""
        ...

    def preparation_ended(self, ref: ModelRef, version: str, why: str) -> None:
        """It is not kept ready any more; `why` is a clause for people."""
        ...

    def shadowed(self, ref: ModelRef, version: VersionId, alias: str, share: int) -> None:
        """The slot's requests are heard by that version, so many of `service.split_tag.WHOLE`."""
        ...

    def unshadowed(self, ref: ModelRef, version: VersionId, alias: str) -> None:
        """That version hears of them no more."""
        ...

    def shadow_failed(
        self, ref: ModelRef, version: VersionId, failure: Failure, detail: str
    ) -> None:
        """A version that was to hear of the slot's requests could not be brought."""
        ...

    def tick_failed(self, error: Exception) -> None:
        """A tick ended by an error that nobody expected; the next one comes."""

    def slot_failed(self, ref: ModelRef, error: Exception) -> None:
        """A step of this slot ended by an error that nobody expected; others went on."""


def careful(observer: FollowingObserver) -> FollowingObserver:
    """The same observer. What it raises is told as what it is, and holds up nobody."""
    return cast("FollowingObserver", _Careful(observer))


class _Careful:
    def __init__(self, observer: FollowingObserver) -> None:
        self._observer = observer

    def __getattr__(self, event: str) -> Callable[..., None]:
        def told(*what: Any) -> None:
            try:
                getattr(self._observer, event)(*what)
            except Exception as error:  # noqa: BLE001 - telling must not end following
                tell(Work.FOLLOWING, error)

        return told
