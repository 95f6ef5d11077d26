"""A model that misbehaves costs its neighbours nothing, and leaves nothing behind."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.errors import ModelFailed, NotNow, PredictionTimedOut
from service.hosting.observer import Purpose
from service.hosting.pool import Pool
from service.hosting.specification import PoolLimits
from service.processes.front.ending import EndReason
from tests.hosting.conftest import MakePool
from tests.hosting.rows import Counts, double_rows
from tests.models import unruly
from tests.support import models
from tests.support.services import alive
from tests.support.waiting import until, wait_until

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS = 240
MEGABYTE = 1024**2
# A host without a model is at 200.
MEMORY = PoolLimits(memory_bytes=600 * MEGABYTE)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model that doubles, but for what it is asked to do wrong."""
    return models.save(tmp_path_factory.mktemp("models"), "unruly")


async def among_neighbours(pool: Pool, fault: float) -> Any:
    """What the culprit gets; its neighbours of the same moment and the next get their answers."""
    numbers = [1.0, 2.0, fault, 3.0]
    async with asyncio.timeout(SECONDS):
        found = await asyncio.gather(
            *(pool.predict(double_rows(number)) for number in numbers), return_exceptions=True
        )
        later = await pool.predict(double_rows(4.0))
    assert [found[0], found[1], found[3], later] == [b"[2.0]", b"[4.0]", b"[6.0]", b"[8.0]"]
    return orjson.loads(found[2]) if isinstance(found[2], bytes) else found[2]


def pid_of(pool: Pool) -> int:
    """The one host's."""
    (host,) = pool._hosts
    return host.pid


@pytest.mark.parametrize(
    "fault",
    [
        *(unruly.CHANGE, unruly.ENDLESS, unruly.FEW, unruly.MANY),
        *(unruly.GIANT, unruly.CYCLE, unruly.UNKNOWN),
    ],
)
async def test_p10_request_with_a_bad_answer_fails_alone(
    place: Path, make_pool: MakePool, fault: int
) -> None:
    """Too few or many rows, without end, too large, in a circle, of no known type; or none."""
    pool = await make_pool(place)
    before = pid_of(pool)
    assert isinstance(await among_neighbours(pool, fault), ModelFailed)
    assert pid_of(pool) == before


@pytest.mark.parametrize(
    ("fault", "answer"),
    [(unruly.NAN, [None]), (unruly.THREADS, [2006.0]), (unruly.PRINT, [2008.0])],
)
async def test_p10_request_that_only_looks_bad_is_answered(
    place: Path, make_pool: MakePool, fault: int, answer: list[float | None]
) -> None:
    """NaN, fifty threads that never end, and a flood of output."""
    pool = await make_pool(place)
    before = pid_of(pool)
    assert await among_neighbours(pool, fault) == answer
    assert pid_of(pool) == before


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (unruly.CHANNEL, EndReason.CHANNEL_CLOSED),
        (unruly.DESCRIPTORS, EndReason.EXIT),
        (unruly.GARBAGE, EndReason.FRAME_ERROR),
    ],
)
async def test_p11_host_that_cannot_be_heard_costs_nobody_else_an_answer(
    place: Path, make_pool: MakePool, fault: int, reason: EndReason
) -> None:
    """It closes its channel or all descriptors, or talks nonsense: ended, replaced, and why."""
    counts = Counts()
    pool = await make_pool(place, counts=counts)
    assert isinstance(await among_neighbours(pool, fault), ModelFailed)
    assert counts.restarts == [reason]
    told = [(ending.reason, purpose) for ending, purpose in counts.endings]
    assert told.count((reason, Purpose.SERVING)) == 1
    assert told.count((reason, Purpose.SECOND_TRY)) == 1


@pytest.mark.parametrize("fault", [unruly.FORK, unruly.FORK_AWAY])
async def test_p11_what_a_model_has_forked_ends_with_its_host(
    place: Path, make_pool: MakePool, fault: int
) -> None:
    """Also in a session of its own, holding the host's channel open."""
    counts = Counts()
    pool = await make_pool(place, counts=counts)
    (forked,) = await among_neighbours(pool, fault)
    assert alive(forked)
    os.kill(pid_of(pool), signal.SIGKILL)
    await until(lambda: counts.restarts == [EndReason.SIGNAL], SECONDS, "its end is seen")
    await until(lambda: not alive(forked), SECONDS, "what it has forked has ended")


async def test_p11_host_that_is_stopped_costs_nobody_an_answer(
    place: Path, make_pool: MakePool
) -> None:
    """The time limit ends it; its requests are answered by another."""
    counts = Counts()
    pool = await make_pool(place, counts=counts, limits=PoolLimits(predict_seconds=1.0))
    os.kill(pid_of(pool), signal.SIGSTOP)
    assert await among_neighbours(pool, 5.0) == [10.0]
    assert counts.restarts == [EndReason.TIME_LIMIT]


async def test_p11_answer_that_came_while_the_front_stood_still_counts(
    place: Path, make_pool: MakePool
) -> None:
    """The limit has passed when the front goes on, but the host has kept it."""
    counts = Counts()
    pool = await make_pool(place, counts=counts, limits=PoolLimits(predict_seconds=0.5))
    os.kill(pid_of(pool), signal.SIGSTOP)
    asked = asyncio.ensure_future(pool.predict(double_rows(1.0)))
    await until(lambda: not pool._idle, SECONDS, "the host has it")
    os.kill(pid_of(pool), signal.SIGCONT)
    begun = time.monotonic()
    # Nothing on this loop turns meanwhile, as in a front that is stopped.
    wait_until(lambda: time.monotonic() > begun + 1.0, SECONDS)
    async with asyncio.timeout(SECONDS):
        assert await asked == b"[2.0]"
    assert counts.restarts == []


async def test_p11_request_that_stops_its_host_times_out_alone(
    place: Path, make_pool: MakePool
) -> None:
    """By SIGSTOP, which no process can refuse."""
    pool = await make_pool(place, limits=PoolLimits(predict_seconds=1.0))
    assert isinstance(await among_neighbours(pool, unruly.SILENT), PredictionTimedOut)


@pytest.mark.parametrize("fault", [unruly.EAT, unruly.EAT_IN_FORK])
async def test_p11_request_that_eats_memory_fails_alone(
    place: Path, make_pool: MakePool, fault: int
) -> None:
    """Counted is also what a process holds that the model has started in another session."""
    counts = Counts()
    pool = await make_pool(place, counts=counts, limits=MEMORY)
    answer = await among_neighbours(pool, fault)
    assert isinstance(answer, ModelFailed)
    assert "memory" in answer.message
    assert counts.restarts == [EndReason.MEMORY]


async def test_p11_request_that_wants_all_memory_at_once_fails_alone(
    place: Path, make_pool: MakePool
) -> None:
    """Before it has it: RLIMIT_DATA is faster than any look."""
    pool = await make_pool(place, limits=MEMORY)
    before = pid_of(pool)
    assert isinstance(await among_neighbours(pool, unruly.GRAB), ModelFailed)
    assert pid_of(pool) == before


async def test_p11_stream_of_deadly_requests_leads_to_no_wrong_answer(
    place: Path, make_pool: MakePool
) -> None:
    """Good ones beside them are answered rightly, or told to come again."""
    pool = await make_pool(place)
    stop = asyncio.Event()

    async def good(number: int) -> int:
        answered = 0
        while not stop.is_set():
            try:
                assert await pool.predict(double_rows(number)) == b"[%.1f]" % (2 * number)
                answered += 1
            except NotNow:
                await asyncio.wait([poisoning], timeout=0.02)
        return answered

    async def poison() -> None:
        for _ in range(8):
            with pytest.raises((ModelFailed, NotNow)):
                await pool.predict(double_rows(unruly.DESCRIPTORS))

    poisoning = asyncio.create_task(poison())
    clients = [asyncio.create_task(good(number)) for number in range(8)]
    async with asyncio.timeout(SECONDS):
        await poisoning
        await until(lambda: pool.ready, SECONDS, "it has come back")
        assert await pool.predict(double_rows(5)) == b"[10.0]"
        stop.set()
        assert min(await asyncio.gather(*clients)) > 0


async def test_memory_of_a_host_is_told(place: Path, make_pool: MakePool) -> None:
    """Also without a limit; what a host holds is between a bare Python and a machine's memory."""
    counts = Counts()
    pool = await make_pool(place, counts=counts)
    await until(lambda: pid_of(pool) in counts.held, SECONDS, "it has been measured")
    assert 10 * MEGABYTE < counts.held[pid_of(pool)] < 2000 * MEGABYTE
    assert pool.status.memory_bytes > 0


async def test_host_is_the_kernels_first_choice(place: Path, make_pool: MakePool) -> None:
    """The zygote comes after it, and the front last."""
    pool = await make_pool(place)
    host = pid_of(pool)
    parent = int(Path(f"/proc/{host}/stat").read_text().rpartition(")")[2].split()[1])
    points = [int(Path(f"/proc/{pid}/oom_score_adj").read_text()) for pid in (host, parent)]
    front = int(Path("/proc/self/oom_score_adj").read_text())
    assert points == [max(900, front), max(300, front)]


async def test_slow_model_does_not_starve_another(place: Path, make_pool: MakePool) -> None:
    """While one hangs with a full queue, every request to the other is answered."""
    slow = await make_pool(place, limits=PoolLimits(max_queue=50))
    quick = await make_pool(place)
    waiting = [asyncio.ensure_future(slow.predict(double_rows(unruly.HANG)))]
    await until(lambda: not slow._idle, SECONDS, "the slow model is busy")
    waiting += [asyncio.ensure_future(slow.predict(double_rows(1.0))) for _ in range(50)]
    async with asyncio.timeout(SECONDS):
        for number in range(100):
            assert await quick.predict(double_rows(number)) == b"[%.1f]" % (2 * number)
    assert not any(request.done() for request in waiting)
    await slow.close()
    await asyncio.wait(waiting)
    assert all(request.exception() for request in waiting)
