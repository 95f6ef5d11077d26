"""Leases on the environments that slots served last in: no eviction takes them from the next start.

From the moment when a history is opened, before anything is loaded, until it is closed.
"""

from dataclasses import dataclass, field
from typing import Protocol

from service.environments.environment import EnvironmentLease
from service.following.ports import NoLease
from service.refs import ModelRef


class KeepsEnvironments(Protocol):
    """Whoever has environments: `service.environments.late.LateEnvironments`."""

    def keep(self, key: str) -> EnvironmentLease:
        """A lease on what lies there under that key; both it and its end block as the disk does.

        Raises OSError.
        """


class NoEnvironments:
    """`KeepsEnvironments` of a service whose versions all run in Podium's own."""

    def keep(self, key: str) -> EnvironmentLease:
        """Nothing lies there."""
        return NoLease()


@dataclass(eq=False, repr=False)
class KeptEnvironments:
    """One a slot at most; one thread at a time may call this, and blocks as the disk does."""

    _environments: KeepsEnvironments = field(default_factory=NoEnvironments)
    _leases: dict[ModelRef, EnvironmentLease] = field(default_factory=dict, init=False)

    def keep(self, ref: ModelRef, key: str) -> None:
        """The slot's is that one instead of any other; an empty key is Podium's own.

        What was kept before is let go in any case, and after the other is kept. Raises OSError.
        """
        before = self._leases.pop(ref, None)
        try:
            if key:
                self._leases[ref] = self._environments.keep(key)
        finally:
            if before is not None:
                before.release()

    def release(self) -> None:
        """All of them may go; may be called again."""
        while self._leases:
            self._leases.popitem()[1].release()
