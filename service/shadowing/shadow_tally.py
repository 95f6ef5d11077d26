"""What is counted of one shadow beside what it is compared with; to be added up over fronts."""

import enum
from collections import Counter
from dataclasses import dataclass, field

from service.refs import VersionId
from service.rollout.quantiles import Quantiles
from service.rollout.tally import RowTally


class Dropped(enum.StrEnum):
    """Why nothing is known of a request that the shadow was to hear of."""

    BEHIND = "behind"
    """The shadow had not kept up with those before it."""
    BYTES = "bytes"
    """Those that waited for it held too many bytes."""
    TOO_LARGE = "too_large"
    """Its answer was longer than what is compared."""
    LEFT = "left"
    """The shadow was gone by then."""
    NOT_NOW = "not_now"
    """No process of the shadow could take it, or read it."""
    NOT_COMPARED = "not_compared"
    """The process that compares has ended over it, or could not read an answer."""


REASONS: dict[Dropped, str] = {
    Dropped.BEHIND: "the shadow had not kept up with those before it",
    Dropped.BYTES: "those that waited for it held too many bytes",
    Dropped.TOO_LARGE: "the answers were longer than what is compared",
    Dropped.LEFT: "the shadow was gone by then",
    Dropped.NOT_NOW: "no process of the shadow could take it",
    Dropped.NOT_COMPARED: "the two answers could not be compared",
}
"""Each as a clause for people."""


@dataclass(frozen=True, slots=True)
class ComparedVersions:
    """Whose answers are compared: those that were sent, and the shadow's."""

    served: VersionId
    heard: VersionId


@dataclass(eq=False, slots=True)
class ShadowTally:
    """Requests that the shadow was to hear of, by what has become of them.

    Attributes:
        requests: all of them.
        compared: those that both have answered.
        differed: of these, those with a row that was different.
        served_failed: those that the shadow alone has answered, by the error's code.
        heard_failed: those that it alone has failed, the same.
        both_failed: those that neither has answered.
        dropped: those of whom nothing is known, by why.
        rows: of those that were compared.
        served_seconds: of a call of the model, for each request that both have answered.
        heard_seconds: of the shadow's, which gives way to all others.
    """

    requests: int = 0
    compared: int = 0
    differed: int = 0
    both_failed: int = 0
    served_failed: Counter[str] = field(default_factory=Counter)
    heard_failed: Counter[str] = field(default_factory=Counter)
    dropped: Counter[Dropped] = field(default_factory=Counter)
    rows: RowTally = field(default_factory=RowTally)
    served_seconds: Quantiles = field(default_factory=Quantiles)
    heard_seconds: Quantiles = field(default_factory=Quantiles)

    def failed(self, served: str | None, heard: str | None) -> None:
        """One of the two has failed with that code, or both have."""
        if served is not None and heard is not None:
            self.both_failed += 1
        elif served is not None:
            self.served_failed[served] += 1
        elif heard is not None:
            self.heard_failed[heard] += 1

    def add(self, other: "ShadowTally") -> None:
        """All that the other has counted of the same two versions."""
        self.requests += other.requests
        self.compared += other.compared
        self.differed += other.differed
        self.both_failed += other.both_failed
        self.served_failed.update(other.served_failed)
        self.heard_failed.update(other.heard_failed)
        self.dropped.update(other.dropped)
        self.rows.add(other.rows)
        self.served_seconds.add(other.served_seconds)
        self.heard_seconds.add(other.heard_seconds)
