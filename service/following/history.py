"""What each slot has served before, over restarts too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.following.bake import BakeVerdict
from service.following.ports import FetchedVersion
from service.refs import ModelRef, VersionId
from service.rollout.verdict import Sample
from service.rollout_tags import RolloutTags


@dataclass(frozen=True, slots=True)
class ServedBefore:
    """A version that a slot has served, with its artifact; `since` in seconds since 1970.

    `environment` is the key of the one that it ran in; empty: in Podium's own.
    """

    fetched: FetchedVersion
    since: float
    environment: str = ""


class History(Protocol):
    """Remembers for each slot its last known good version, and which ones it has served."""

    async def last_known_good(self, ref: ModelRef) -> ServedBefore | None:
        """What the slot last served, if its artifact is still there, whole and unaltered.

        None if it is not, or nothing is known; never raises. Whoever asks owns the lease of what
        is returned. No registry is asked.
        """

    def baseline(self, ref: ModelRef) -> FetchedVersion | None:
        """What the slot last served, as it was described then; its files may be gone.

        Without an example and a lease.
        """

    def has_served(self, ref: ModelRef, version: VersionId) -> bool:
        """Whether the slot has served this version before (P12)."""

    def versions(self, ref: ModelRef) -> Sequence[VersionId]:
        """The versions that the slot has served, as far as they are remembered, the latest last."""

    def blocked(self, ref: ModelRef) -> Mapping[VersionId, str]:
        """Which of what the slot has served is blocked, and why, as it was last noted."""

    def block(self, ref: ModelRef, marked: Mapping[VersionId, str]) -> None:
        """These of what the slot has served are blocked, and no others; returns at once.

        Kept for the next start, which the registry may not answer.
        """

    def verdict(self, ref: ModelRef) -> BakeVerdict | None:
        """That the version that the slot's alias was on has given way, as it was last noted."""

    def judge(self, ref: ModelRef, verdict: BakeVerdict | None) -> None:
        """That it has; None: it has not, or that does not hold any more. Returns at once.

        Kept for the next start; nothing is of a slot that has never served.
        """

    def counted(self, ref: ModelRef) -> Sample:
        """What the last requests of what the slot last served had come to, as last noted."""

    def count(self, ref: ModelRef, sample: Sample) -> None:
        """They have come to that; returns at once.

        Kept for the next start, until the slot serves another version; nothing is of a slot that
        has never served.
        """

    def rollout(self, ref: ModelRef) -> RolloutTags:
        """What the registry's tags have last said of how the slot is rolled out."""

    def note_rollout(self, ref: ModelRef, tags: RolloutTags) -> None:
        """They say this now; returns at once.

        Kept for the next start, of a slot that has served.
        """

    def withdraw(self, ref: ModelRef) -> None:
        """What the slot last served is withdrawn: it is compared with, and never served again.

        Returns at once; may be called again.
        """

    def forget(self, ref: ModelRef) -> None:
        """There is no such slot any more: its files may go. What it has served stays known."""

    def note(self, ref: ModelRef, known: ServedBefore) -> None:
        """The slot serves this version from now on; returns at once.

        Never raises: what cannot be kept is logged.
        """
