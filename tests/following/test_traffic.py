"""What requests read of a slot: each change of it is another epoch (P21)."""

from service.following.ports import Missing
from service.following.servable import Arm, Traffic
from service.split_tag import WHOLE
from tests.following.fakes import World, version
from tests.following.test_pauses import lose
from tests.support.serving import make_binding


async def test_p21_each_change_of_traffic_is_another_epoch() -> None:
    """Swapped in, moved on and back again, renewed, withdrawn, and back."""
    world = World()
    seen = [world.slot.traffic]
    for number in (1, 2, 1):
        await world.follow_to(version(number))
        seen.append(world.slot.traffic)
    lose(world)
    await world.follow()
    seen.append(world.slot.traffic)
    await world.follower.withdrawing.withdraw("iris", "1")
    seen.append(world.slot.traffic)
    assert [traffic.epoch for traffic in seen] == [0, 1, 2, 3, 4, 5]
    assert seen[3].since == seen[4].since
    assert seen[3].binding is not seen[4].binding
    assert (seen[5].arms, seen[5].since) == ((), None)


async def test_p21_looks_that_change_nothing_leave_the_epoch() -> None:
    """Nor does an empty slot that is emptied again and again."""
    world = World(keeps_missing=False)
    await world.follow_to(version(1))
    before = world.slot.traffic
    await world.follow()
    assert world.slot.traffic is before
    for _ in range(3):
        await world.follow_to(Missing.ALIAS)
    assert world.slot.traffic.epoch == before.epoch + 1


async def test_p21_traffic_that_was_read_stays_what_it_was() -> None:
    """A request goes on with what it has read, whatever the slot has come to."""
    world = World()
    await world.follow_to(version(1))
    read = world.slot.traffic
    await world.follow_to(version(2))
    assert read.binding is not None
    assert (read.binding.servable.version, read.epoch) == (version(1), 1)


def test_p21_one_binding_takes_the_whole_traffic() -> None:
    """As long as there is no share of anybody else."""
    world = World()
    binding = make_binding(world.slot.ref)
    assert Traffic().then(binding, 1.0) == Traffic(1, (Arm(binding, WHOLE),), None, 1.0)
