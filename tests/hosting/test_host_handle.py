"""What pools ask of hosts, of real ones and of fakes alike; and pools over fakes, turn by turn."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.contract.model_input import Column, ModelInput
from service.errors import (
    ModelFailed,
    NoServable,
    PassingFault,
    PredictionTimedOut,
    VersionFault,
)
from service.hosting import second_tries
from service.hosting.host_handle import BatchEnd, HostHandle, HostStarter, NotSent, Warmth
from service.hosting.observer import Purpose
from service.hosting.pool import Pool
from service.hosting.queue import Answer, Job
from service.hosting.specification import HostedModel, PoolLimits
from service.hosting.starting import LocalHosts
from service.processes.frames import Body
from service.zygote.front.handle import Zygote
from tests.hosting.fake_hosts import FakeHost, FakeHosts
from tests.hosting.rows import Counts, double_rows
from tests.models.temperamental import EXIT, HANG, RAISE
from tests.support import models
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS = 240
BRIEF = PoolLimits(predict_seconds=1.0)
MakeStarter = Callable[[Path, PoolLimits], HostStarter]


@pytest.fixture(scope="module")
def temperamental(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model that doubles, but for its moods."""
    return models.save(tmp_path_factory.mktemp("models"), "temperamental")


@pytest.fixture(params=["local", "fake"])
def starter(request: pytest.FixtureRequest, zygote: Zygote) -> MakeStarter:
    """Makes a starter of hosts of the model in that folder."""

    def local(place: Path, limits: PoolLimits) -> HostStarter:
        model = HostedModel(place, True, "as the test says", True, double_rows(1.0, 2.0, 4.0))
        return LocalHosts(zygote, model, limits, Counts())

    def fake(place: Path, limits: PoolLimits) -> HostStarter:
        return FakeHosts(refused=not (place / "MLmodel").exists())

    return local if request.param == "local" else fake


@dataclass
class Asked:
    """A batch that a host was asked, what it came to, and in which order that was told."""

    jobs: list[Job]
    ends: list[BatchEnd] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, host: HostHandle, *requests: ModelInput) -> "Asked":
        """A job for each request."""
        loop = asyncio.get_running_loop()
        asked = cls([Job(each, Answer(loop=loop)) for each in requests])
        for job in asked.jobs:
            job.answer.resume = lambda: asked.told.append("a job")
        host.predict(asked.jobs, asked.ended)
        return asked

    def ended(self, end: BatchEnd) -> None:
        self.ends.append(end)
        self.told.append("the pool")

    async def end(self) -> BatchEnd:
        """What it has come to."""
        await until(lambda: bool(self.ends), SECONDS, "it has come to its end")
        (only,) = self.ends
        return only

    @property
    def answers(self) -> list[Any]:
        """Of each job: its answer, its error, or None."""
        return [_outcome(job.answer) for job in self.jobs]


def _outcome(answer: "asyncio.Future[Body]") -> Any:
    if not answer.done():
        return None
    return answer.exception() or orjson.loads(answer.result())


def hold_up(host: HostHandle) -> None:
    """It begins nothing."""
    host.hold_up() if isinstance(host, FakeHost) else os.kill(host.pid, signal.SIGSTOP)


def go_on(host: HostHandle) -> None:
    """It begins what it was sent."""
    host.go_on() if isinstance(host, FakeHost) else os.kill(host.pid, signal.SIGCONT)


async def test_host_answers_batch_after_batch(starter: MakeStarter, temperamental: Path) -> None:
    """Each job its own rows; the pool is told first. A job on which the model raises is not lost.

    What cannot be sent costs nothing, nor does whoever fails meanwhile; it ends when it is asked.
    """
    host, warmth = await starter(temperamental, PoolLimits()).start(Purpose.SERVING)
    ended = list[bool]()
    host.when_ended(lambda: ended.append(host.alive))
    assert (host.alive, host.batch, warmth.row_wise) == (True, (), True)

    asked = Asked.of(host, double_rows(1, 2), double_rows(3))
    assert host.batch == asked.jobs
    assert await asked.end() is BatchEnd.ANSWERED
    assert asked.answers == [[2.0, 4.0], [6.0]]
    assert asked.told == ["the pool", "a job", "a job"]
    assert not host.batch

    unsendable = replace(double_rows(2), columns=(Column("x", "string", ["\ud800"]),))
    with pytest.raises(NotSent):
        Asked.of(host, double_rows(1), unsendable)

    asked = Asked.of(host, double_rows(1), double_rows(RAISE), double_rows(5))
    asked.jobs[0].fail(ModelFailed("Its own time is over."))
    assert await asked.end() is BatchEnd.ANSWERED
    assert isinstance(asked.answers[1], ModelFailed)
    assert asked.answers[2] == [10.0]
    await host.end()
    await until(lambda: ended == [False], SECONDS, "its end is told")


@pytest.mark.parametrize(
    ("mood", "fault", "overran"),
    [(EXIT, ModelFailed, False), (HANG, PredictionTimedOut, True)],
)
async def test_host_that_ends_loses_its_batch(
    starter: MakeStarter,
    temperamental: Path,
    mood: int,
    fault: type[Exception],
    overran: bool,  # noqa: FBT001 - the table's word
) -> None:
    """Nobody of it is told anything yet; the handle says why."""
    host, _ = await starter(temperamental, BRIEF).start(Purpose.SERVING)
    asked = Asked.of(host, double_rows(1), double_rows(mood))
    assert await asked.end() is BatchEnd.LOST
    assert (asked.answers, host.batch, host.alive) == ([None, None], (), False)
    assert (type(host.fault), host.overran) == (fault, overran)
    assert host.ending.pid == host.pid


async def test_batch_that_nobody_waits_for_is_not_begun_by_a_host_that_is_held_up(
    starter: MakeStarter, temperamental: Path
) -> None:
    """One for which somebody waits is; the host goes on either way."""
    host, _ = await starter(temperamental, PoolLimits()).start(Purpose.SERVING)
    hold_up(host)
    asked = Asked.of(host, double_rows(HANG), double_rows(1))
    asked.jobs[0].fail(ModelFailed("It has left."))
    host.cancel_unwanted()
    asked.jobs[1].fail(ModelFailed("It has left, too."))
    host.cancel_unwanted()
    go_on(host)
    assert await asked.end() is BatchEnd.CANCELLED
    asked = Asked.of(host, double_rows(4))
    host.cancel_unwanted()
    assert await asked.end() is BatchEnd.ANSWERED
    assert asked.answers == [[8.0]]
    await host.end()


async def test_host_that_cannot_be_started_says_whose_fault_it_is(
    starter: MakeStarter, tmp_path: Path
) -> None:
    """Here for want of a model."""
    with pytest.raises(VersionFault):
        await starter(tmp_path, PoolLimits()).start(Purpose.SERVING)


async def pool_of(hosts: FakeHosts, limits: PoolLimits, counts: Counts) -> Pool:
    """A pool of fakes, held up."""
    model = HostedModel(Path(), True, "as the test says", True, None)
    pool = await Pool.start(hosts, model, limits, counts)
    for host in hosts.started:
        host.hold_up()
    return pool


async def asked(requests: list[Awaitable[Body]]) -> Sequence["asyncio.Future[Body]"]:
    """They have been asked, and sent as far as hosts are idle."""
    futures = [asyncio.ensure_future(each) for each in requests]
    for _ in range(3):
        await asyncio.sleep(0)
    return futures


async def test_next_batch_is_under_way_before_replies_are_written() -> None:
    """However long it takes to write them, the host is not idle meanwhile."""
    hosts, counts = FakeHosts(), Counts()
    pool = await pool_of(hosts, PoolLimits(), counts)
    (host,) = hosts.started
    seen = list[int]()

    def written() -> None:
        seen.append(len(host.batch))

    first = [pool._queued(double_rows(x), float("inf"), "", None) for x in (1, 2)]
    for each in first:
        each.resume = written
    await asked([])
    later = await asked([pool.predict(double_rows(x)) for x in (3, 4, 5)])
    assert (len(host.batch), len(pool._waiting)) == (2, 3)
    host.go_on()
    assert seen == [3, 3]
    assert await asyncio.gather(*later) == [b"[6.0]", b"[8.0]", b"[10.0]"]
    assert host.batches == [[1.0, 2.0], [3.0, 4.0, 5.0]]
    await pool.close()


async def test_replies_are_written_though_whoever_is_told_of_the_batch_raises() -> None:
    """And the next batch is predicted."""

    class Raising(Counts):
        def batch(self, rows: int, seconds: float, alias: str) -> None:
            raise ZeroDivisionError

    hosts = FakeHosts()
    pool = await pool_of(hosts, PoolLimits(), Raising())
    first = await asked([pool.predict(double_rows(1))])
    second = await asked([pool.predict(double_rows(2))])
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            hosts.started[0].go_on()
    assert await asyncio.gather(*first, *second) == [b"[2.0]", b"[4.0]"]
    await pool.close()


@pytest.mark.parametrize(
    ("hosts", "rows", "expected"),
    [
        (3, [1] * 9, [3, 3, 3]),
        (3, [1] * 10, [4, 3, 3]),
        (4, [1, 1], [1, 1]),
        (2, [5, 1, 2, 2], [5, 5]),
        (3, [8, 8, 8, 8], [8, 8, 8]),
        (2, [1] * 40, [10, 10]),
    ],
)
async def test_burst_is_divided_among_idle_hosts(
    hosts: int, rows: list[int], expected: list[int]
) -> None:
    """By rows, up to the batch limit; what is left over waits, the oldest first."""
    fakes = FakeHosts()
    pool = await pool_of(fakes, PoolLimits(hosts=hosts, max_batch_rows=10), Counts())
    requests = await asked([pool.predict(double_rows(*range(each))) for each in rows])
    sent = [sum(job.model_input.rows for job in host.batch) for host in fakes.started]
    assert sorted((each for each in sent if each), reverse=True) == expected
    for host in fakes.started:
        host.go_on()
    assert len(await asyncio.gather(*requests)) == len(rows)
    await pool.close()


@pytest.mark.parametrize(("failures", "is_answered"), [(1, True), (100, False)])
async def test_p11_second_try_whose_host_could_not_start_for_now_waits_for_another(
    failures: int, *, is_answered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What keeps it from starting is nobody's fault, and may have passed; it is not for ever."""

    class Passing(FakeHosts):
        left = failures

        async def start(self, purpose: Purpose, *, behind: bool = False) -> tuple[FakeHost, Warmth]:
            if purpose is Purpose.SECOND_TRY and self.left:
                self.left -= 1
                raise PassingFault("start", "no_process", "No process could be started.")
            return await super().start(purpose, behind=behind)

    monkeypatch.setattr(second_tries, "_PAUSES", (0.0, 0.0))
    hosts = Passing()
    pool = await pool_of(hosts, PoolLimits(), Counts())
    (request,) = await asked([pool.predict(double_rows(1))])
    await hosts.started[0].end()
    async with asyncio.timeout(SECONDS):
        (found,) = await asyncio.gather(request, return_exceptions=True)

    assert found == b"[2.0]" if is_answered else isinstance(found, NoServable)
    await pool.close()
