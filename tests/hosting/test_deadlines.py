"""A request has one deadline, wherever it is; time is stepped by hand but where one says so."""

import asyncio
import math
import os
import signal
import time
from collections.abc import Awaitable
from pathlib import Path

import pytest

from service.errors import Overloaded, PredictionTimedOut
from service.hosting.host_handle import HostHandle
from service.hosting.pool import Pool
from service.hosting.queue import Answer, Deadlines, Job, end_late
from service.hosting.second_tries import SecondTries
from service.hosting.specification import PoolLimits
from service.processes.frames import Body
from tests.hosting.conftest import MakePool
from tests.hosting.rows import Counts, double_rows
from tests.models.temperamental import HANG
from tests.support import models
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS = 60
HOUR = 3600.0


@pytest.fixture(scope="module")
def temperamental(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model that doubles, but for its moods."""
    return models.save(tmp_path_factory.mktemp("models"), "temperamental")


def job(deadline: float) -> Job:
    """One that waits until then."""
    return Job(double_rows(1), Answer(loop=asyncio.get_running_loop()), deadline)


async def outcome(request: Awaitable[object]) -> type[object]:
    """What a request has come to."""
    async with asyncio.timeout(SECONDS):
        (found,) = await asyncio.gather(request, return_exceptions=True)
    return type(found)


async def held(pool: Pool, values: float) -> asyncio.Future[Body]:
    """A request that its host is at."""
    request = asyncio.ensure_future(pool.predict(double_rows(values), time.monotonic() + HOUR))
    await until(lambda: not pool._idle, SECONDS, "the host is busy")
    return request


async def test_p11_request_that_was_never_sent_is_turned_away_at_its_deadline(
    temperamental: Path, make_pool: MakePool
) -> None:
    """By the clock, and it leaves the queue; the one in front of it is predicted on."""
    pool = await make_pool(temperamental)
    hanging = await held(pool, HANG)

    assert await outcome(pool.predict(double_rows(2), time.monotonic() + 0.01)) is Overloaded
    assert pool.status.waiting == 0
    assert not hanging.done()


async def test_p11_request_that_is_predicted_times_out_at_its_deadline(
    temperamental: Path, make_pool: MakePool
) -> None:
    """By the clock."""
    pool = await make_pool(temperamental)
    request = pool.predict(double_rows(HANG), time.monotonic() + 0.1)

    assert await outcome(request) is PredictionTimedOut


async def test_p11_overrunning_its_own_deadline_costs_no_host_and_no_neighbour(
    temperamental: Path, make_pool: MakePool
) -> None:
    """Who stands in the same batch with more time is answered, and the process goes on."""
    counts = Counts()
    pool = await make_pool(temperamental, counts=counts)
    (before,) = pool._hosts
    now = time.monotonic()
    os.kill(before.pid, signal.SIGSTOP)
    hasty = asyncio.ensure_future(pool.predict(double_rows(2), now + HOUR))
    patient = asyncio.ensure_future(pool.predict(double_rows(3), now + 2 * HOUR))
    await until(lambda: not pool._idle, SECONDS, "both are predicted")

    assert pool._end_late(now + HOUR) == now + 2 * HOUR
    assert await outcome(hasty) is PredictionTimedOut
    os.kill(before.pid, signal.SIGCONT)
    assert await patient == b"[6.0]"
    assert await pool.predict(double_rows(4)) == b"[8.0]"
    assert (pool._hosts, counts.restarts) == ({before}, [])


async def test_p11_slices_have_one_deadline_together(
    temperamental: Path, make_pool: MakePool
) -> None:
    """The one that is predicted then ends the request; none is begun after it."""
    counts = Counts()
    pool = await make_pool(temperamental, limits=PoolLimits(max_batch_rows=2), counts=counts)
    deadline = time.monotonic() + HOUR
    request = asyncio.ensure_future(pool.predict(double_rows(1, 2, HANG, 4, 5), deadline))
    await until(lambda: counts.batches == [2] and not pool._idle, SECONDS, "the second is there")
    pool._end_late(deadline)

    assert await outcome(request) is PredictionTimedOut
    assert pool.status.waiting == 0


async def test_p11_second_try_is_within_the_same_deadline(
    temperamental: Path, make_pool: MakePool
) -> None:
    """A request whose host died has no more time than before."""
    pool = await make_pool(temperamental)
    request = await held(pool, HANG)
    (host,) = pool._hosts
    os.kill(host.pid, signal.SIGKILL)
    suspects = pool._second_tries
    await until(lambda: any(each.batch for each in suspects._hosts), SECONDS, "it is tried again")
    pool._end_late(time.monotonic() + HOUR)

    assert await outcome(request) is PredictionTimedOut


async def test_p11_waiting_for_a_second_try_ends_at_the_deadline() -> None:
    """However long the process for it takes to start."""
    started = asyncio.Event()

    async def never() -> HostHandle:
        started.set()
        future: asyncio.Future[HostHandle] = asyncio.get_running_loop().create_future()
        return await future

    suspects = SecondTries(never, PoolLimits())
    first, second = job(10.0), job(20.0)
    suspects.add(first)
    suspects.add(second)
    await started.wait()

    assert suspects.end_late(15.0) == 20.0
    assert isinstance(first.answer.exception(), Overloaded)
    assert second.wanted
    assert suspects.end_late(25.0) == math.inf
    assert isinstance(second.answer.exception(), Overloaded)
    await suspects.close()


async def test_who_is_late_is_told_and_nobody_else() -> None:
    """Nor whoever has an answer already."""
    late, patient, answered, endless = job(1.0), job(3.0), job(0.5), job(math.inf)
    answered.succeed(b"[1]")

    assert end_late([late, patient, answered, endless], 2.0, lambda: Overloaded("late")) == 3.0
    assert isinstance(late.answer.exception(), Overloaded)
    assert answered.answer.result() == b"[1]"
    assert (patient.wanted, endless.wanted) == (True, True)


async def test_looks_when_the_earliest_deadline_has_come_and_again_for_the_next() -> None:
    """One that is told of later may be earlier; whoever has none is never looked for."""
    looks: list[float] = []
    looked = asyncio.Event()

    def end(now: float) -> float:
        looks.append(now)
        looked.set()
        return now if len(looks) == 1 else math.inf

    deadlines = Deadlines(end)
    deadlines.include(math.inf)
    assert deadlines._timer is None
    deadlines.include(1e300)
    deadlines.include(time.monotonic())
    async with asyncio.timeout(SECONDS):
        while len(looks) < 2:
            looked.clear()
            await looked.wait()
    assert deadlines.at == math.inf
    deadlines.close()
