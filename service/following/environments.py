"""What following needs of who finds environments for versions, and where a version runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.environments.choosing import EnvironmentChoice
from service.environments.environment import BuildProgress, BuiltEnvironment
from service.following.gates.gate import GateFinding
from service.following.ports import FetchedVersion


@dataclass(frozen=True, slots=True)
class RunsIn:
    """Where a version runs.

    Attributes:
        built: the environment that was built for it; None: it runs in Podium's own.
        awaited: whether it runs in Podium's own only until one of its own can be had.
        findings: what was seen on the way there, and is no obstacle.
    """

    built: BuiltEnvironment | None = None
    awaited: bool = False
    findings: tuple[GateFinding, ...] = ()

    @property
    def key(self) -> str:
        """The environment's; empty: Podium's own."""
        return "" if self.built is None else self.built.key

    def release(self) -> None:
        """Nothing of the version runs there any more; may be called again. Raises nothing."""
        if self.built is not None and self.built.lease is not None:
            self.built.lease.release()


PODIUMS_OWN = RunsIn()
"""Where all versions run that nothing else is said of."""


class FindsEnvironments(Protocol):
    """Whoever says where versions run, and has environments built for them.

    All raise `EnvironmentRefused`, `EnvironmentDelayed` or `PassingFault`.
    """

    async def choose(self, fetched: FetchedVersion) -> EnvironmentChoice:
        """Where the version is to run, as far as that is known before anything is built."""
        ...

    async def judge(
        self, fetched: FetchedVersion, choice: EnvironmentChoice
    ) -> Sequence[GateFinding]:
        """What the gate of requirements makes of it there; raises `GateClosed`."""
        ...

    async def foresee(
        self, fetched: FetchedVersion, choice: EnvironmentChoice
    ) -> Sequence[GateFinding]:
        """What building its environment would come to, if that has to be built: nothing is built.

        Raises what `find` would, as far as that is known without a build.
        """
        ...

    async def find(
        self,
        fetched: FetchedVersion,
        choice: EnvironmentChoice,
        tell: Callable[[BuildProgress], None],
    ) -> RunsIn:
        """Where it runs, built and leased where it has to be. Cancelling ends what was begun.

        Raises `GateClosed` too, where Podium's own has to stand in and the gate of requirements
        does not let it.
        """
        ...


class PodiumsOwnAlone:
    """`FindsEnvironments` that has none built."""

    async def choose(self, fetched: FetchedVersion) -> EnvironmentChoice:
        """Podium's own."""
        return EnvironmentChoice()

    async def judge(
        self, fetched: FetchedVersion, choice: EnvironmentChoice
    ) -> Sequence[GateFinding]:
        """Nothing."""
        return ()

    async def foresee(
        self, fetched: FetchedVersion, choice: EnvironmentChoice
    ) -> Sequence[GateFinding]:
        """Nothing is built."""
        return ()

    async def find(
        self,
        fetched: FetchedVersion,
        choice: EnvironmentChoice,
        tell: Callable[[BuildProgress], None],
    ) -> RunsIn:
        """Podium's own."""
        return PODIUMS_OWN
