"""Versions that are loaded when they are asked: places, waits, and what is let go, by hand."""

import asyncio
import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import pytest

from service.contract.model_input import ModelInput
from service.errors import NotLoaded, Overloaded, PassingFault, VersionFault
from service.hosting.observer import PoolStatus
from service.hosting.on_demand import OnDemand
from service.hosting.queue import Marks
from service.hosting.residents import Residents
from tests.support.serving import open_gate

INPUT = ModelInput("table", (), 1, None, None, "x")
BROKEN = VersionFault("load", "load_failed", "MLflow could not load the model.")
NO_PROCESS = PassingFault("load", "processes_exhausted", "There is no process.")
SECONDS = 60.0


class FakePool:
    """Answers once its gate is open."""

    def __init__(self, made: "Made") -> None:
        self.made = made
        self.gate, self.closing = open_gate(), open_gate()
        self.entered = asyncio.Event()
        self.closed = False
        self.ready, self.irreplaceable = True, False
        self.status = PoolStatus(1, 0, row_wise=True, row_wise_reason="known", waiting=0)
        self.on_ready_change: Callable[[], None] = lambda: None
        made.alive += 1
        made.most_alive = max(made.most_alive, made.alive)

    async def predict(
        self,
        model_input: ModelInput,
        deadline: float = math.inf,
        alias: str = "",
        marks: Marks | None = None,
    ) -> bytes:
        assert not self.closed
        self.entered.set()
        await self.gate.wait()
        assert not self.closed, "ended with a request in it"
        return b"[1]"

    def when_ready_changes(self, told: Callable[[], None]) -> None:
        self.on_ready_change = told

    async def close(self) -> None:
        self.closed = True
        await self.closing.wait()
        self.made.alive -= 1


@dataclass
class Made:
    """A service's versions, and everything that was told."""

    most: int
    alive: int = 0
    most_alive: int = 0
    served: set[Hashable] = field(default_factory=set)
    pools: dict[str, list[FakePool]] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    starts: list[str] = field(default_factory=list)
    told: list[tuple[str, Hashable]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.residents = Residents(self.most, lambda: self.served, self)

    def version(self, key: str, family: str = "", most_waiting: int = 100) -> OnDemand:
        """One that a slot serves."""
        self.served.add(key)

        async def start() -> FakePool:
            self.starts.append(key)
            await self.gates.get(key, open_gate()).wait()
            if key in self.errors:
                raise self.errors[key]
            self.pools.setdefault(key, []).append(FakePool(self))
            return self.pools[key][-1]

        return OnDemand(key, family or key, start, self.residents, most_waiting)  # type: ignore[arg-type]

    def demanded(
        self, key: Hashable, waited: float, seconds: float, error: Exception | None
    ) -> None:
        self.told.append(("failed" if error else "demanded", key))

    def let_go(self, key: Hashable) -> None:
        self.told.append(("let_go", key))

    def resident(self, count: int) -> None:
        self.counts.append(count)


async def ask(version: OnDemand, seconds: float = SECONDS) -> bytes:
    """One request."""
    return bytes(await version.predict(INPUT, time.monotonic() + seconds))


async def turns(count: int = 20) -> None:
    """Lets everybody go on for a while."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_cold_version_is_loaded_by_its_first_request_and_stays() -> None:
    """It says what it is before and after."""
    made = Made(1)
    version = made.version("a")
    assert (version.cold, version.ready, version.proven) == (True, True, False)
    assert [await ask(version), await ask(version)] == [b"[1]"] * 2
    assert (version.cold, version.ready, version.proven) == (False, True, True)
    assert made.starts == ["a"]
    assert version.status.row_wise
    await version.close()
    assert made.alive == 0


async def test_requests_that_come_together_cause_one_load() -> None:
    """Each is answered."""
    made = Made(1)
    version = made.version("a")
    assert await asyncio.gather(*(ask(version) for _ in range(50))) == [b"[1]"] * 50
    assert made.starts == ["a"]


async def test_versions_used_longest_ago_make_room_and_memory_is_bounded() -> None:
    """At most so many, and one more in transition, whoever asks for what."""
    made = Made(2)
    versions = [made.version(key) for key in "abcdefgh"]
    for version in [*versions, *versions]:
        await ask(version)
        await turns()
    assert made.most_alive <= 3
    assert made.alive == 2
    assert not versions[-1].cold
    assert not versions[-2].cold
    await asyncio.gather(*(ask(version) for version in versions for _ in range(3)))
    await turns()
    assert made.most_alive <= 3
    assert made.alive == 2
    assert max(made.counts) <= 3


async def asked_without_end(made: Made, version: OnDemand) -> tuple[FakePool, asyncio.Task[bytes]]:
    """A request in the processes of that version, which answer once their gate is open."""
    await ask(version)
    pool = made.pools[str(version.key)][0]
    pool.gate.clear()
    begun = asyncio.create_task(ask(version))
    await pool.entered.wait()
    return pool, begun


async def test_p7_version_that_is_let_go_answers_what_it_has_begun() -> None:
    """Its processes end after its last request; who comes later waits for another load."""
    made = Made(1)
    old, new = made.version("old"), made.version("new")
    pool, begun = await asked_without_end(made, old)
    assert await ask(new) == b"[1]"
    assert old.cold
    assert not pool.closed
    later = asyncio.create_task(ask(old))
    await turns()
    assert made.starts == ["old", "new"], "no place before the old one's processes are gone"
    pool.gate.set()
    assert await begun == b"[1]"
    assert await later == b"[1]"
    assert made.starts == ["old", "new", "old"]
    assert made.most_alive == 2


async def test_p23_close_ends_what_was_let_go_and_answers_still() -> None:
    """Its files may go afterwards."""
    made = Made(1)
    old, new = made.version("old"), made.version("new")
    pool, begun = await asked_without_end(made, old)
    await ask(new)
    await old.close()
    assert pool.closed
    pool.gate.set()
    await asyncio.gather(begun, return_exceptions=True)
    assert made.most_alive == 2


async def test_what_nobody_serves_any_more_makes_room_first() -> None:
    """Warm copies count among those that stay loaded."""
    made = Made(2)
    warm, used, new = made.version("warm"), made.version("used"), made.version("new")
    await ask(used)
    await ask(warm)
    made.served.discard("warm")
    await ask(new)
    assert (warm.cold, used.cold) == (True, False)


async def test_idle_versions_make_room_before_busy_ones() -> None:
    """Whatever was used last."""
    made = Made(2)
    busy, idle, new = made.version("busy"), made.version("idle"), made.version("new")
    await ask(busy)
    made.pools["busy"][0].gate.clear()
    request = asyncio.create_task(ask(busy))
    await turns()
    await ask(idle)
    await ask(new)
    assert (busy.cold, idle.cold) == (False, True)
    made.pools["busy"][0].gate.set()
    await request


async def test_request_that_cannot_wait_is_refused_and_the_load_goes_on() -> None:
    """The next one finds it loaded."""
    made = Made(1)
    made.gates["a"] = asyncio.Event()
    version = made.version("a")
    with pytest.raises(NotLoaded) as refused:
        await ask(version, 0.0)
    assert refused.value.code == "not_loaded"
    made.gates["a"].set()
    assert await ask(version) == b"[1]"
    assert made.starts == ["a"]


async def test_load_that_nobody_waits_for_any_more_takes_no_place() -> None:
    """While it waits for one itself."""
    made = Made(1)
    a, b, c = (made.version(key) for key in "abc")
    await ask(a)
    pool = made.pools["a"][0]
    pool.closing.clear()
    await ask(b)
    with pytest.raises(NotLoaded):
        await ask(c, 0.05)
    pool.closing.set()
    await turns()
    assert made.starts == ["a", "b"]
    assert await ask(c) == b"[1]"


async def test_waiting_requests_are_bounded() -> None:
    """As those of a loaded version are."""
    made = Made(1)
    made.gates["a"] = asyncio.Event()
    version = made.version("a", most_waiting=2)
    waiting = [asyncio.create_task(ask(version)) for _ in range(2)]
    await turns()
    with pytest.raises(Overloaded):
        await ask(version)
    made.gates["a"].set()
    assert await asyncio.gather(*waiting) == [b"[1]"] * 2


async def test_p13_load_that_fails_in_passing_is_tried_after_a_growing_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Requests before that are told when to come again, and cause no load."""
    now = [1000.0]
    monkeypatch.setattr("service.hosting.on_demand.monotonic", lambda: now[0])
    made = Made(1)
    version = made.version("a")
    made.errors["a"] = NO_PROCESS
    pauses = []
    for _ in range(8):
        with pytest.raises(NotLoaded) as refused:
            await version.predict(INPUT)
        pauses.append(refused.value.retry_after)
        assert not version.ready
        with pytest.raises(NotLoaded):
            await version.predict(INPUT)
        now[0] += refused.value.retry_after
        assert version.ready
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert len(made.starts) == 8
    assert not version.irreplaceable
    made.errors.clear()
    assert await version.predict(INPUT) == b"[1]"
    assert version.failure is None
    assert made.alive == 1


async def test_p2_who_asks_is_told_when_it_cannot_answer_and_when_it_can_again() -> None:
    """By a load that fails or goes well, and by its processes."""
    made, told = Made(1), list[bool]()
    version = made.version("a")
    version.when_ready_changes(lambda: told.append(version.ready))
    made.errors["a"] = NO_PROCESS
    with pytest.raises(NotLoaded):
        await ask(version)
    made.errors.clear()
    version._retry_at = 0.0
    await ask(version)
    (pool,) = made.pools["a"]
    pool.ready = False
    pool.on_ready_change()
    assert told == [False, True, False]


async def test_p13_load_that_fails_by_the_versions_fault_is_not_tried_by_requests() -> None:
    """Its follower is told by `irreplaceable`, and wants it loaded the next time."""
    made = Made(1)
    version = made.version("a")
    made.errors["a"] = BROKEN
    for _ in range(3):
        with pytest.raises(NotLoaded) as refused:
            await ask(version)
        assert refused.value.retry_after == 60
    assert (version.irreplaceable, version.ready, version.failure) == (True, False, BROKEN)
    assert made.starts == ["a"]
    await ask(made.version("b"))
    assert made.residents.wants("a", "a")
    assert not made.residents.wants("c", "c")


async def test_p2_version_that_follows_a_loaded_one_is_loaded_before_it_serves() -> None:
    """While the old one answers; then that makes room, and nobody else has to."""
    made = Made(2)
    other, old = made.version("other"), made.version("old", "model")
    await ask(old)
    await ask(other)
    assert made.residents.wants("new", "model")
    new = made.version("new", "model")
    made.served.discard("new")
    await new.load()
    assert (old.cold, other.cold, new.cold) == (False, False, False)
    made.served.add("new")
    made.served.discard("old")
    await ask(made.version("another"))
    assert (old.cold, other.cold, new.cold) == (True, True, False)
    assert made.most_alive <= 3


async def test_load_before_serving_raises_what_is_wrong() -> None:
    """To whoever stages it, who says so of the version."""
    made = Made(1)
    version = made.version("a")
    made.errors["a"] = BROKEN
    with pytest.raises(VersionFault):
        await version.load()
    made.errors.clear()
    await made.version("b").load()
    assert made.alive == 1


async def test_closing_while_it_loads_refuses_who_waits_and_gives_its_place_back() -> None:
    """Nobody is left behind."""
    made = Made(1)
    made.gates["a"] = asyncio.Event()
    version = made.version("a")
    waiting = asyncio.create_task(ask(version))
    await turns()
    await version.close()
    with pytest.raises(NotLoaded):
        await waiting
    assert await ask(made.version("b")) == b"[1]"
    assert (made.alive, made.most_alive) == (1, 1)


async def test_client_that_leaves_while_its_version_loads_costs_nobody_else_an_answer() -> None:
    """Nor its place."""
    made = Made(1)
    made.gates["a"] = asyncio.Event()
    version = made.version("a")
    leaver, stayer = asyncio.create_task(ask(version)), asyncio.create_task(ask(version))
    await turns()
    leaver.cancel()
    await turns()
    made.gates["a"].set()
    assert await stayer == b"[1]"
    await ask(made.version("b"))
    await turns()
    assert made.alive == 1
