"""Several start together, and all of them or none is there afterwards."""

import asyncio
from pathlib import Path

import pytest

from service.errors import PassingFault
from service.hosting.host_handle import Warmth, side_by_side, strictest
from service.hosting.specification import HostedModel, PoolLimits
from service.processes.front.child import Child
from service.processes.front.ending import EndReason
from service.processes.front.output import OnLine
from service.zygote.front.handle import Zygote
from tests.hosting.rows import Counts, started
from tests.support import models
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS = 60


class Starts:
    """Starts that wait for a word each; what was ended afterwards."""

    def __init__(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        self.words: list[asyncio.Future[str]] = [loop.create_future() for _ in range(count)]
        self.ended: list[str] = []
        self.together = asyncio.create_task(side_by_side(map(self._start, self.words), self.end))

    async def _start(self, word: "asyncio.Future[str]") -> str:
        return await word

    async def end(self, started: str) -> None:
        self.ended.append(started)

    async def comes_to(self) -> object:
        """What they have come to."""
        async with asyncio.timeout(SECONDS):
            (found,) = await asyncio.gather(self.together, return_exceptions=True)
        return found


async def test_all_are_there_in_their_order() -> None:
    """In whatever order they come up."""
    starts = Starts(3)
    await asyncio.sleep(0)
    for place in (2, 0, 1):
        starts.words[place].set_result(str(place))

    assert await starts.comes_to() == ["0", "1", "2"]
    assert starts.ended == []


async def test_when_one_fails_what_came_up_is_ended_and_the_rest_is_cancelled() -> None:
    """And the failure is its own."""
    starts = Starts(3)
    await asyncio.sleep(0)
    starts.words[1].set_result("up")
    await asyncio.sleep(0)
    starts.words[2].set_exception(ValueError("no"))

    assert isinstance(await starts.comes_to(), ValueError)
    assert starts.ended == ["up"]
    assert starts.words[0].cancelled()


async def test_when_cancelled_nothing_is_left() -> None:
    """The alias has moved on, say."""
    starts = Starts(2)
    await asyncio.sleep(0)
    starts.words[1].set_result("up")
    await asyncio.sleep(0)
    starts.together.cancel()

    assert isinstance(await starts.comes_to(), asyncio.CancelledError)
    assert starts.ended == ["up"]
    assert starts.words[0].cancelled()


async def test_one_host_that_has_seen_harm_is_right() -> None:
    """P16: whatever the others have seen."""
    shown, harm = Warmth(row_wise=True, reason="alike"), Warmth(row_wise=False, reason="differ")

    assert strictest([shown, harm, shown]) == harm
    assert strictest([shown, shown]) == shown


class Counted:
    """Real forks, counted."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self.children: list[Child] = []

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        child = await self._zygote.fork(role, max_body_bytes, on_line)
        self.children.append(child)
        return child


async def test_p9_hosts_of_one_version_load_side_by_side(zygote: Zygote, tmp_path: Path) -> None:
    """None of three can end its load before all have begun with it."""
    place, gate = models.gated(tmp_path / "gated", 1, "load")
    forks = Counted(zygote)
    model = HostedModel(place, True, "", True, None)
    starting = asyncio.create_task(started(forks, model, PoolLimits(hosts=3)))
    await until(lambda: len(forks.children) == 3, SECONDS, "all are there")
    assert not starting.done()
    gate.open()
    async with asyncio.timeout(SECONDS):
        pool = await starting

    assert pool.status.hosts == 3
    await pool.close()


class Dying(Counted):
    """Forks whose first ones die with their zygote before they have loaded anything."""

    def __init__(self, zygote: Zygote, deaths: int) -> None:
        super().__init__(zygote)
        self._deaths = deaths

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        child = await super().fork(role, max_body_bytes, on_line)
        if len(self.children) <= self._deaths:
            child.kill(EndReason.ZYGOTE)
        return child


async def test_p11_host_whose_zygote_dies_while_it_loads_is_started_anew(
    zygote: Zygote, tmp_path: Path
) -> None:
    """At once, twice in a row; it is no failure of its version."""
    forks, counts = Dying(zygote, 2), Counts()
    place = models.save(tmp_path / "models", "temperamental")
    async with asyncio.timeout(SECONDS):
        model = HostedModel(place, True, "", True, None)
        pool = await started(forks, model, PoolLimits(hosts=1), counts)

    assert (len(forks.children), counts.not_started) == (3, [])
    await pool.close()


async def test_p13_host_that_loses_every_zygote_is_a_passing_fault(
    zygote: Zygote, tmp_path: Path
) -> None:
    """The version may be what ends them: it is tried again after a pause."""
    forks = Dying(zygote, 100)
    place = models.save(tmp_path / "models", "temperamental")
    async with asyncio.timeout(SECONDS):
        with pytest.raises(PassingFault) as failed:
            await started(forks, HostedModel(place, True, "", True, None), PoolLimits(hosts=1))

    assert (failed.value.reason, len(forks.children)) == ("host_killed", 3)
