"""An environment for each version that a test wants one for, when the test says so."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from service.environments.choosing import EnvironmentChoice
from service.environments.environment import BuildProgress, BuiltEnvironment
from service.errors import FollowingError
from service.following.environments import RunsIn
from service.following.gates.gate import GateFinding
from service.following.ports import FetchedVersion
from service.refs import VersionId
from tests.support.serving import open_gate


@dataclass
class CountedLease:
    """How often it was given back."""

    released: int = 0

    def release(self) -> None:
        self.released += 1


def built(key: str, lease: CountedLease | None = None) -> BuiltEnvironment:
    """One that lies nowhere."""
    packages = {"mlflow": "2.16.2", "scikit-learn": "1.5.2"}
    return BuiltEnvironment(key, Path(key), Path(key, "python"), "3.10.13", packages, lease=lease)


@dataclass
class FakeEnvironments:
    """`FindsEnvironments`: builds for `wanting` versions; a build waits at its version's gate.

    `instead` are versions for which Podium's own stands in, until they are taken out again.
    """

    wanting: set[VersionId] = field(default_factory=set)
    gates: dict[VersionId, asyncio.Event] = field(default_factory=dict)
    errors: dict[VersionId, FollowingError] = field(default_factory=dict)
    instead: set[VersionId] = field(default_factory=set)
    building: asyncio.Event = field(default_factory=asyncio.Event)
    begun: list[VersionId] = field(default_factory=list)
    cancelled: list[VersionId] = field(default_factory=list)
    leases: dict[VersionId, CountedLease] = field(default_factory=dict)

    async def choose(self, fetched: FetchedVersion) -> EnvironmentChoice:
        return EnvironmentChoice(builds=fetched.version in self.wanting)

    async def judge(
        self, fetched: FetchedVersion, choice: EnvironmentChoice
    ) -> Sequence[GateFinding]:
        return ()

    async def foresee(
        self, fetched: FetchedVersion, choice: EnvironmentChoice
    ) -> Sequence[GateFinding]:
        if choice.builds and fetched.version in self.errors:
            raise self.errors[fetched.version]
        return [GateFinding("requirements", "environment_to_build", "64 packages.")][
            : choice.builds
        ]

    async def find(
        self,
        fetched: FetchedVersion,
        choice: EnvironmentChoice,
        tell: Callable[[BuildProgress], None],
    ) -> RunsIn:
        assert choice.builds
        version = fetched.version
        self.begun.append(version)
        tell(BuildProgress("install", 64))
        self.building.set()
        try:
            await self.gates.get(version, open_gate()).wait()
        except asyncio.CancelledError:
            self.cancelled.append(version)
            raise
        if version in self.errors:
            raise self.errors[version]
        if version in self.instead:
            return RunsIn(awaited=True)
        lease = self.leases[version] = CountedLease()
        return RunsIn(built(f"key-{version.version}", lease))
