"""What the follower is after for a slot: a version, and how its tries have gone."""

from dataclasses import dataclass, replace

from service.refs import VersionId


@dataclass(frozen=True, slots=True)
class Pursuit:
    """One version that a slot is to get, and what its tries have come to. Replaced whole.

    A slot has two: of the version that its alias is on, and of its fall-back, the last known good.

    Attributes:
        version: None: there is none, or nobody has said yet which one it is.
        attempts: tries since the last success.
        due: when the next try may begin, in monotonic seconds.
        fault: the code of the version's own fault, for which it is not tried again (P13).
    """

    version: VersionId | None = None
    attempts: int = 0
    due: float = 0.0
    fault: str | None = None

    def is_due(self, now: float) -> bool:
        """Whether it may be tried now."""
        return self.fault is None and now >= self.due

    def tried(self, now: float) -> "Pursuit":
        """After one try more; the next one is due after a pause that has grown."""
        attempts = self.attempts + 1
        return replace(self, attempts=attempts, due=now + pause_after(attempts))

    def refused(self, fault: str) -> "Pursuit":
        """After the version was found to be at fault: it is not tried again."""
        return replace(self, due=0.0, fault=fault)

    def of(self, version: VersionId | None) -> "Pursuit":
        """Of that version, which is what was meant by these tries all along."""
        return replace(self, version=version)

    def reset(self) -> "Pursuit":
        """As if nothing had been tried: after a success, or when an operator asks."""
        return Pursuit(self.version)


def pause_after(attempts: int) -> float:
    """Seconds until a version that failed by another's fault is tried again: 1, 2, 4, up to 60."""
    return float(min(2 ** min(attempts - 1, 6), 60))
