"""Whatever aliases, requests, marks, processes and starts do to versions that bake."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from service.bake_tag import BakeRule
from service.environments.environment import BuiltEnvironment
from service.errors import PassingFault, VersionFault
from service.following.ports import FetchedVersion, Staged
from service.refs import VersionId
from tests.following.fakes import FakeHistory, FakeStager, World
from tests.following.test_baking import ended, known
from tests.support.exploring import did_something, exploring, floor
from tests.support.serving import FakePredictor

_RULE = BakeRule(seconds=60, most_seconds=900)
_NUMBERS = st.integers(0, 2)
_STEPS = st.one_of(
    st.tuples(st.just("move"), _NUMBERS),
    st.tuples(st.just("move"), _NUMBERS),
    st.tuples(
        st.just("requests"), st.sampled_from((1, 99, 100, 400)), st.sampled_from((0, 0.5, 1))
    ),
    st.tuples(
        st.just("requests"), st.sampled_from((1, 99, 100, 400)), st.sampled_from((0, 0.5, 1))
    ),
    st.tuples(st.just("seconds"), st.sampled_from((1, 10, 60, 900))),
    st.tuples(st.just("fails"), _NUMBERS, st.sampled_from(("load_failed", "no_process", ""))),
    st.tuples(st.just("dies"), _NUMBERS, st.booleans()),
    st.tuples(st.just("down"), st.booleans()),
    st.tuples(st.just("withdraw"), st.sampled_from(("1", "2", "3"))),
    st.tuples(st.just("block"), _NUMBERS, st.booleans()),
    st.tuples(st.just("again")),
    st.tuples(st.just("start")),
    st.tuples(st.just("start")),
    st.tuples(st.just("half a tick")),
)
_CASES = exploring(100)


class Remembering(FakeStager):
    """Knows every predictor that it has made."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[FakePredictor] = []

    async def stage(self, fetched: FetchedVersion, environment: BuiltEnvironment | None) -> Staged:
        staged = await super().stage(fetched, environment)
        self.made.append(self.predictors[fetched.version])
        return staged


@dataclass
class Explored:
    """A world in which steps are taken, over several starts."""

    stager: Remembering = field(default_factory=Remembering)
    world: World = field(init=False)
    came_back: bool = False

    def __post_init__(self) -> None:
        """Three versions; the alias is on the first."""
        self.world = self._world(FakeHistory())
        for _ in range(3):
            self.world.registry.register("iris")
        self.world.move(self.version(0))

    def _world(self, history: FakeHistory) -> World:
        return World(bake=_RULE, history=history, stager=self.stager, keep_warm_seconds=1.0)

    def version(self, number: int) -> VersionId:
        """Of the model."""
        return self.world.registry.models["iris"][number]

    async def take(self, step: tuple[object, ...]) -> None:
        """What it says, then a look."""
        match step:
            case ("half a tick",):
                await self.world.follower.tick()
                self.look()
                return
            case ("start",):
                await self.start()
            case ("withdraw", str(number)):
                await self.world.follower.withdrawing.withdraw("iris", number)
            case ("again",):
                self.world.follower.reload(self.world.slot.ref, again=True)
            case ("requests", int(requests), (int() | float()) as share):
                if self.world.slot.binding is not None:
                    ended(self.world.slot, requests, int(share * requests))
            case _:
                self._of_others(step)
        self.look()
        self.world.time.now += 1
        await self.world.follow()
        self.look()

    def _of_others(self, step: tuple[object, ...]) -> None:
        registry = self.world.registry
        match step:
            case ("move", int(number)):
                self.world.move(self.version(number))
            case ("seconds", int(seconds)):
                self.world.time.now += seconds
            case ("down", bool(down)):
                silent = PassingFault("look", "registry_unreachable", "silent")
                registry.down = silent if down else None
            case ("fails", int(number), str(why)):
                self.stager.errors = {self.version(number): _fault(why)} if why else {}
            case ("dies", int(number), bool(ready)):
                if (predictor := self.stager.predictors.get(self.version(number))) is not None:
                    predictor.ready = ready
            case ("block", int(number), bool(blocked)):
                tags = {"podium.blocked": "unfair"} if blocked else {}
                registry.fetched_fields[self.version(number)] = {"tags": tags}
                registry.tagged.add(self.version(number))

    async def start(self) -> None:
        """The service ends, and is started anew on the same home and registry."""
        before = self.world
        await before.follower.close()
        assert all(each.closed for each in self.stager.made)
        self.world = World(
            bake=_RULE,
            history=before.history,
            stager=self.stager,
            tombstones=before.tombstones,
            keep_warm_seconds=1.0,
        )
        self.world.time.now = before.time.now
        for name in ("aliases", "models", "fetched_fields", "tagged", "down"):
            setattr(self.world.registry, name, getattr(before.registry, name))

    def look(self) -> None:
        """What must hold in each turn of the loop."""
        slot, events = self.world.slot, self.world.events
        assert events.of("tick_failed") == events.of("slot_failed") == []
        for binding in (slot.binding, slot.older):
            if binding is not None:
                assert binding.servable.held
                assert binding.servable.refusal is None
                assert binding.servable.version not in self.world.slots.tombstones
        if slot.verdict is not None:
            assert slot.version != slot.verdict.version
            assert known(self.world) != slot.verdict.version
        bake = slot.bake
        if bake is not None and slot.binding is not None and bake.version == slot.version:
            assert known(self.world) != bake.version
        older = slot.older
        came = older is not None and older.servable.version not in self.served_here
        self.came_back = self.came_back or came

    @property
    def served_here(self) -> set[VersionId]:
        """Since the last start."""
        return {each[2] for each in self.world.events.of("swapped")}


def _fault(why: str) -> VersionFault | PassingFault:
    kind = VersionFault if why == "load_failed" else PassingFault
    return kind("load", why, "It fails.")


@floor(0.25, _CASES)
@_CASES
@given(steps=st.lists(_STEPS, min_size=5, max_size=30), starts=st.booleans())
def test_p20_nobody_is_answered_by_what_gave_way_and_nothing_is_left(
    *, steps: list[tuple[object, ...]], starts: bool
) -> None:
    """What bakes is not the last known good, what was judged serves nowhere, and all of it ends."""

    async def explored() -> Explored:
        found = Explored()
        await found.world.follow()
        ended(found.world.slot, 1000)
        await found.world.follow_to(found.version(1))
        found.look()
        for step in (*([("start",)] if starts else []), *steps):
            await found.take(step)
        for _ in range(3):
            found.world.time.now += 3600
            await found.world.follow()
            found.look()
        slot = found.world.slot
        held = [slot.binding, None if slot.previous is None else slot.previous.binding]
        holds = {id(each.servable.predictor) for each in held if each is not None}
        assert {id(each) for each in found.stager.made if not each.closed} <= holds
        await found.world.follower.close()
        assert all(each.closed for each in found.stager.made)
        return found

    if asyncio.run(explored()).came_back:
        did_something()
