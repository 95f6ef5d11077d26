"""Whoever serves a version keeps its files, until nothing reads them any more."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from service.errors import VersionFault
from tests.following.fakes import World, version


@dataclass
class FakeLease:
    """Remembers what it saw when it was released."""

    look: Callable[[], bool] = lambda: True
    seen: list[bool] = field(default_factory=list)

    def release(self) -> None:
        self.seen.append(self.look())

    def share(self) -> "FakeLease":
        return self


def leased(world: World, number: int) -> FakeLease:
    """The lease that the version will be fetched with."""
    lease = FakeLease()
    world.registry.fetched_fields[version(number)] = {"lease": lease}
    return lease


async def test_p8_lease_is_released_once_the_processes_are_gone() -> None:
    """Not while the version serves or is kept warm: its hosts may still read its files."""
    world = World(keep_warm_seconds=10)
    lease = leased(world, 1)
    await world.follow_to(version(1))
    lease.look = lambda: world.stager.predictors[version(1)].closed
    await world.follow_to(version(2))
    assert lease.seen == []
    world.time.now += 11
    await world.follow()
    assert lease.seen == [True]


async def test_lease_of_a_version_that_cannot_be_staged_is_released() -> None:
    """It is nobody's."""
    world = World()
    lease = leased(world, 1)
    world.stager.errors[version(1)] = VersionFault("load", "model_failed", "No.")
    await world.follow_to(version(1))
    assert lease.seen == [True]


async def test_lease_of_a_version_that_is_abandoned_is_released() -> None:
    """The alias moved on while it loaded."""
    world = World()
    lease = leased(world, 1)
    world.stager.gates[version(1)] = asyncio.Event()
    world.move(version(1))
    await world.follower.tick()
    await world.stager.entered[version(1)].wait()
    await world.follow_to(version(2))
    assert lease.seen == [True]


async def test_lease_of_what_serves_is_released_when_the_service_ends() -> None:
    """For others that share the home."""
    world = World()
    lease = leased(world, 1)
    await world.follow_to(version(1))
    await world.follower.close()
    assert lease.seen == [True]
