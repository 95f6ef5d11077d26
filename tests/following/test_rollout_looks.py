"""What tags say of a slot's rollout is known from the last look that was answered."""

import pytest

from service.errors import PassingFault
from service.following.ports import Unanswered
from service.rollout_tags import NO_TAGS, RolloutTags
from tests.following.fakes import version
from tests.following.test_withdrawing import restarted, serving

TAGS = RolloutTags(split="challenger=10")


async def test_slot_knows_what_its_tags_say_until_they_say_otherwise() -> None:
    """Within one look each."""
    world = await serving(1)
    world.registry.rollout[world.slot.ref] = TAGS
    await world.follow()
    assert world.slot.rollout == TAGS
    del world.registry.rollout[world.slot.ref]
    await world.follow()
    assert world.slot.rollout == NO_TAGS


@pytest.mark.parametrize("of_all", [True, False])
async def test_p5_look_without_an_answer_changes_nothing_of_it(*, of_all: bool) -> None:
    """Whether nothing answers, or nothing about this model."""
    world = await serving(1)
    world.registry.rollout[world.slot.ref] = TAGS
    await world.follow()
    del world.registry.rollout[world.slot.ref]
    if of_all:
        world.registry.down = PassingFault("look", "registry_unreachable", "silent")
    else:
        world.move(Unanswered("registry_forbidden", "no", "no"))
    await world.follow()
    assert world.slot.rollout == TAGS


async def test_p5_what_tags_said_is_known_after_a_start_without_a_registry() -> None:
    """As what was served is."""
    world = await serving(1)
    world.registry.rollout[world.slot.ref] = TAGS
    await world.follow_to(version(1))
    again = restarted(world)
    again.registry.down = PassingFault("look", "registry_unreachable", "silent")
    await again.follow()
    assert again.slot.rollout == TAGS
