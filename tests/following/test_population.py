"""Slots that patterns find come and go with the registry, under the promises of every slot."""

from service.errors import PassingFault, VersionFault
from service.following.history import ServedBefore
from service.following.ports import Missing, Unanswered
from service.following.slot_status import Standing
from service.patterns import RefPattern
from service.refs import ModelRef
from tests.following.fakes import FakeHistory, World, version
from tests.support.serving import fetched_version

DOWN = PassingFault("look", "registry_unreachable", "The registry does not answer.")
BROKEN = VersionFault("load", "load_failed", "MLflow could not load the model.")


def ref(name: str) -> ModelRef:
    """Its champion."""
    return ModelRef(name, "champion")


def register(world: World, *names: str) -> None:
    """Each with a champion, its first version."""
    for name in names:
        world.registry.aliases[ref(name)] = world.registry.register(name)


async def test_model_registered_later_is_served_after_one_look() -> None:
    """Without a restart; what does not match is not."""
    world = World(patterns=["prod.*@champion"])
    await world.follow()
    assert (list(world.slots), world.slots.unmatched) == ([], ["prod.*@champion"])
    register(world, "prod.b", "prod.a", "staging.a")
    await world.follow()
    assert list(world.slots) == ["prod.a@champion", "prod.b@champion"]
    assert all(slot.ready for slot in world.slots.values())
    assert world.slots.unmatched == []
    assert world.events.of("slot_came") == [("prod.a@champion",), ("prod.b@champion",)]


async def test_reference_that_a_pattern_means_too_is_one_slot() -> None:
    """It stands where the settings have it, and is the default."""
    world = World("z@champion", patterns=["*@champion"])
    register(world, "z", "a")
    await world.follow()
    assert list(world.slots) == ["z@champion", "a@champion"]
    assert world.slots.default is world.slots["z@champion"]
    assert world.slots.default.standing is Standing.CONFIGURED


async def test_p4_slot_of_a_pattern_whose_model_is_deleted_serves_on() -> None:
    """As every slot; it is named as gone, and stays."""
    world = World(patterns=["*@champion"])
    register(world, "iris")
    await world.follow()
    world.registry.delete_model("iris")
    for _ in range(3):
        await world.follow()
    slot = world.slots["iris@champion"]
    assert (slot.ready, slot.absent) == (True, Missing.MODEL)


async def test_p4_slot_of_a_pattern_goes_where_a_missing_alias_is_to_empty_it() -> None:
    """Once nothing of it is kept warm, so that moving back is instant until then."""
    world = World(patterns=["*@champion"], keeps_missing=False)
    register(world, "iris", "wine")
    await world.follow()
    world.registry.delete_model("iris")
    await world.follow()
    assert world.slots.status.readiness.missing == ["iris@champion"]
    world.time.now += 61
    await world.follow()
    assert list(world.slots) == ["wine@champion"]
    assert world.events.of("slot_went") == [("iris@champion",)]
    assert world.history.forgotten == [ref("iris")]
    (iris,) = [each for key, each in world.stager.predictors.items() if key.name == "iris"]
    assert iris.closed


async def test_slot_that_never_served_goes_with_its_alias() -> None:
    """It is not named as missing for ever."""
    world = World(patterns=["*@champion"])
    register(world, "iris", "wine")
    broken = world.registry.aliases[ref("iris")]
    world.stager.errors[broken] = BROKEN  # type: ignore[index]
    await world.follow()
    assert world.slots["iris@champion"].status.state == "empty"
    del world.registry.aliases[ref("iris")]
    await world.follow()
    await world.follow()
    assert list(world.slots) == ["wine@champion"]


async def test_slot_that_has_gone_comes_back() -> None:
    """A new model of the name is another one."""
    world = World(patterns=["*@champion"], keeps_missing=False, keep_warm_seconds=0)
    register(world, "iris")
    await world.follow()
    world.registry.delete_model("iris")
    await world.follow()
    assert list(world.slots) == []
    register(world, "iris")
    await world.follow()
    assert world.slots["iris@champion"].ready


async def test_p5_what_a_pattern_served_before_serves_again_without_a_registry() -> None:
    """From its history; the registry's word counts once there is one."""
    history = FakeHistory()
    known = fetched_version(version(3))
    history.known[ref("iris")] = ServedBefore(known, 1.0)
    world = World(patterns=["*@champion"], history=history)
    world.slots.add([ref("iris")], Standing.FIRST)
    world.registry.down = DOWN
    await world.follow()
    assert world.slots["iris@champion"].version == version(3)
    assert world.slots.ready


async def test_p5_registry_that_cannot_list_keeps_what_there_is() -> None:
    """Slots are asked for by their names, and the look says what is wrong."""
    world = World(patterns=["*@champion"])
    register(world, "iris")
    await world.follow()
    register(world, "wine")
    world.registry.unlisted = Unanswered("registry_forbidden", "It refuses.", "no search")
    await world.follow()
    assert list(world.slots) == ["iris@champion"]
    failure = world.slots.look.failure
    assert failure is not None
    assert failure.code == "registry_forbidden"
    world.registry.aliases[ref("iris")] = world.registry.register("iris")
    await world.follow()
    assert world.slots["iris@champion"].version == world.registry.models["iris"][1]
    world.registry.unlisted = None
    await world.follow()
    assert list(world.slots) == ["iris@champion", "wine@champion"]
    assert world.slots.look.failure is None


async def test_slots_of_patterns_are_bounded_and_what_serves_stays() -> None:
    """What comes later is left out, whatever its name; that is told."""
    world = World("plain@champion", patterns=["*@champion"], most=2)
    register(world, "plain", "m", "n")
    await world.follow()
    register(world, "a", "b")
    await world.follow()
    assert list(world.slots) == ["plain@champion", "m@champion", "n@champion"]
    assert world.events.of("left_out") == [(2,)]
    assert world.slots.left_out == 2


async def test_readiness_waits_for_what_patterns_find_at_the_start_alone() -> None:
    """One of many models that is broken, or new, takes no other one away from callers."""
    world = World(patterns=["*@champion"])
    register(world, "bad", "good")
    world.stager.errors[world.registry.aliases[ref("bad")]] = BROKEN  # type: ignore[index]
    await world.follower.tick()
    assert world.slots.status.readiness.not_ready == ["bad@champion", "good@champion"]
    await world.follower.settled()
    readiness = world.slots.status.readiness
    assert (readiness.ready, readiness.unserved) == (True, ["bad@champion"])
    register(world, "later")
    await world.follower.tick()
    readiness = world.slots.status.readiness
    assert (readiness.ready, readiness.unserved) == (True, ["bad@champion", "later@champion"])
    await world.follower.settled()
    await world.follower.close()


async def test_service_with_patterns_alone_is_not_ready_before_one_is_served() -> None:
    """And names the patterns that have found nothing."""
    world = World(patterns=["*@champion"])
    await world.follow()
    assert not world.slots.ready
    assert world.slots.unmatched == ["*@champion"]
    await world.follow()
    assert world.events.of("unmatched") == [("*@champion",)]
    register(world, "iris")
    await world.follow()
    assert world.events.of("unmatched") == [("*@champion",), ()]


def test_pattern_parses_as_the_settings_have_it() -> None:
    """The world's patterns are those of operators."""
    assert World(patterns=["a*@b"]).slots.patterns == (RefPattern("a*", "b"),)


async def test_p23_slot_of_a_pattern_whose_withdrawn_model_is_deleted_goes() -> None:
    """Nothing stands in for what is withdrawn; come back, it is withdrawn still."""
    world = World(patterns=["*@champion"])
    register(world, "iris", "wine")
    await world.follow()
    iris = world.registry.aliases[ref("iris")]
    await world.follower.withdrawing.withdraw("iris", "1")
    await world.follow()
    assert world.slots["iris@champion"].status.state == "withdrawn"
    del world.registry.aliases[ref("iris")]
    await world.follow()
    assert list(world.slots) == ["wine@champion"]
    world.registry.aliases[ref("iris")] = iris
    await world.follow()
    assert world.slots["iris@champion"].status.state == "withdrawn"


async def test_service_without_patterns_tells_nothing_of_them() -> None:
    """Not even that all of them find something."""
    world = World()
    await world.follow_to(version(1))
    assert (world.slots.unmatched, world.events.of("unmatched")) == ([], [])
