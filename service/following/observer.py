"""What following tells whoever wants to know; metrics and logs implement it."""

from collections.abc import Mapping
from typing import Protocol

from service.following.refs import ModelRef, VersionId
from service.following.slots import Failure


class FollowingObserver(Protocol):
    """Told of every look, swap and refusal. `detail` is free text, for logs alone."""

    def looked(self, seconds: float, failure: Failure | None, detail: str) -> None:
        """A look at the registry has ended."""
        ...

    def missing(self, ref: ModelRef, failure: Failure, detail: str) -> None:
        """A look found the alias or the model gone, as `failure.code` says; told once."""
        ...

    def unanswered(self, ref: ModelRef, failure: Failure, detail: str) -> None:
        """A look was answered for other slots, and not for this one; told once."""
        ...

    def staging(self, version: VersionId) -> None:
        """A version is being brought into service."""
        ...

    def swapped(
        self,
        ref: ModelRef,
        old: VersionId | None,
        new: VersionId,
        stages: Mapping[str, float],
    ) -> None:
        """A slot serves another version; `stages` holds the seconds that each stage took."""
        ...

    def refused(self, ref: ModelRef, version: VersionId, failure: Failure, detail: str) -> None:
        """A version could not be brought into service."""
        ...

    def abandoned(self, version: VersionId) -> None:
        """Work on a version has ended because no alias points there any more."""
        ...

    def retired(self, version: VersionId) -> None:
        """Nobody holds the version any more; its processes are being ended."""
        ...

    def tick_failed(self, error: Exception) -> None:
        """A tick ended by an error that nobody expected; the next one comes."""
        ...
