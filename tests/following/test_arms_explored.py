"""Whatever aliases, tags, versions and processes do: nobody is bound to what is not there."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from service.errors import PassingFault, VersionFault
from service.following.servable import Traffic
from service.following.slot import Slot
from service.refs import ModelRef, VersionId
from service.rollout_tags import RolloutTags
from service.split_tag import WHOLE
from tests.following.fakes import World
from tests.support.exploring import did_something, exploring, floor

_ALIASES = ("champion", "challenger", "canary")
_SPLITS = (
    *("challenger=10", "challenger=30,canary=5", "v2=100", "v1=50,challenger=50", "canary=0"),
    *("challenger=101", "champion=5", "nobody=50", "v9=1", "<b>", "x" * 600, ""),
)
_NUMBERS = st.integers(0, 2)
_STEPS = st.one_of(
    st.tuples(st.just("move"), st.sampled_from(_ALIASES), _NUMBERS),
    st.tuples(st.just("unset"), st.sampled_from(_ALIASES[1:])),
    st.tuples(st.just("split"), st.sampled_from(_ALIASES), st.sampled_from(_SPLITS)),
    st.tuples(st.just("untag"), st.sampled_from(_ALIASES)),
    st.tuples(st.just("fails"), _NUMBERS, st.booleans()),
    st.tuples(st.just("dies"), _NUMBERS, st.booleans()),
    st.tuples(st.just("down"), st.booleans()),
    st.tuples(st.just("withdraw"), st.sampled_from(("2", "3"))),
    st.tuples(st.just("block"), _NUMBERS, st.booleans()),
    st.tuples(st.just("half a tick")),
)
_CASES = exploring(100)


@dataclass
class Explored:
    """A world in which steps are taken, and what was read of its slot's traffic."""

    world: World = field(default_factory=lambda: World("iris@champion", keep_warm_seconds=1.0))
    read: list[Traffic] = field(default_factory=list)
    shared: bool = False

    def __post_init__(self) -> None:
        """Three versions; each alias on one of them."""
        registry = self.world.registry
        for alias in _ALIASES:
            registry.aliases[ModelRef("iris", alias)] = registry.register("iris")
        registry.rollout[self.world.slot.ref] = RolloutTags(split=_SPLITS[1])

    def version(self, number: int) -> VersionId:
        """Of the model."""
        return self.world.registry.models["iris"][number]

    async def take(self, step: tuple[object, ...]) -> None:
        """What it says, then a look."""
        if step == ("half a tick",):
            await self.world.follower.tick()
            self.look()
            return
        self._of_registry(step)
        self._of_versions(step)
        if step[0] == "withdraw":
            await self.world.follower.withdrawing.withdraw("iris", str(step[1]))
        self.look()
        self.world.time.now += 1
        await self.world.follow()
        self.look()

    def _of_registry(self, step: tuple[object, ...]) -> None:
        registry = self.world.registry
        match step:
            case ("move", str(alias), int(number)):
                registry.aliases[ModelRef("iris", alias)] = self.version(number)
            case ("unset", str(alias)):
                registry.aliases.pop(ModelRef("iris", alias), None)
            case ("split", str(alias), str(value)):
                registry.rollout[ModelRef("iris", alias)] = RolloutTags(split=value)
            case ("untag", str(alias)):
                registry.rollout.pop(ModelRef("iris", alias), None)
            case ("down", bool(down)):
                silent = PassingFault("look", "registry_unreachable", "silent")
                registry.down = silent if down else None

    def _of_versions(self, step: tuple[object, ...]) -> None:
        registry, stager = self.world.registry, self.world.stager
        match step:
            case ("fails", int(number), bool(fails)):
                fault = VersionFault("load", "load_failed", "It fails.")
                stager.errors = {self.version(number): fault} if fails else {}
            case ("dies", int(number), bool(ready)):
                if (predictor := stager.predictors.get(self.version(number))) is not None:
                    predictor.ready = ready
            case ("block", int(number), bool(blocked)):
                tags = {"podium.blocked": "unfair"} if blocked else {}
                registry.fetched_fields[self.version(number)] = {"tags": tags}
                registry.tagged.add(self.version(number))

    def look(self) -> None:
        """What must hold in each turn of the loop."""
        for slot in self.world.slots.routed:
            self._of(slot)
        traffic = self.world.slot.traffic
        if self.read and self.read[-1] is not traffic:
            assert traffic.epoch > self.read[-1].epoch
        self.read.append(traffic)
        self.shared = self.shared or traffic.buckets is not None

    def _of(self, slot: Slot) -> None:
        traffic, slots = slot.traffic, self.world.slots
        assert (traffic.binding is None) == (not traffic.arms)
        assert (traffic.buckets is None) == (len(traffic.arms) < 2)
        assert not traffic.arms or sum(arm.weight for arm in traffic.arms) == WHOLE
        for arm in traffic.arms:
            binding = arm.binding
            assert binding.servable.held, "nobody is bound to what is closing"
            assert binding.servable.refusal is None
            assert slots[str(binding.ref)].binding is binding
            assert binding.servable.version not in slots.tombstones
        assert {each.ref.alias for each in slots.arms} == slot.plan.arms


@floor(0.5, _CASES)
@_CASES
@given(st.lists(_STEPS, min_size=5, max_size=25))
def test_p18_p21_nobody_is_bound_to_what_is_not_there(steps: list[tuple[object, ...]]) -> None:
    """Shares are whole, epochs grow, and arms answer with what their own slots serve."""

    async def explored() -> Explored:
        found = Explored()
        await found.world.follow()
        found.look()
        for step in steps:
            await found.take(step)
        await found.world.follower.close()
        assert all(each.closed for each in found.world.stager.predictors.values())
        return found

    if asyncio.run(explored()).shared:
        did_something()
