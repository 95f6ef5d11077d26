"""Pools of real hosts: batches, culprits, deaths and replacements."""

import asyncio
import os
import signal
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.contract.contract import RequestLimits
from service.contract.formats.unsigned import compile_unsigned
from service.contract.model_input import Column
from service.errors import (
    InvalidInput,
    ModelFailed,
    NoServable,
    Overloaded,
    PredictionTimedOut,
    VersionFault,
)
from service.hosting.pool import Pool
from service.hosting.specification import HOST_ROLE, SKOPS_HOST_ROLE, PoolLimits
from service.processes.front.ending import EndReason
from tests.hosting.conftest import MakePool
from tests.hosting.rows import Counts, double_rows
from tests.models.temperamental import EXIT, HANG, HUGE, LEAVE, RAISE, SEGFAULT, UNENCODABLE
from tests.support import models
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS = 240


@pytest.fixture(scope="module")
def temperamental(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model that doubles, but for its moods."""
    return models.save(tmp_path_factory.mktemp("models"), "temperamental")


async def answers(*requests: Awaitable[bytes | bytearray]) -> list[Any]:
    """Every answer or error, in order."""
    async with asyncio.timeout(SECONDS):
        found = await asyncio.gather(*requests, return_exceptions=True)
    return [orjson.loads(each) if isinstance(each, bytes) else each for each in found]


def pids(pool: Pool) -> list[int]:
    """The hosts that serve."""
    return [host.pid for host in pool._hosts]


def gone(pool: Pool, pid: int) -> bool:
    """Whether that host serves no more."""
    return pid not in pids(pool)


async def test_requests_of_one_turn_stand_in_one_batch(
    temperamental: Path, make_pool: MakePool
) -> None:
    """And each gets its own rows' answers."""
    counts = Counts()
    pool = await make_pool(temperamental, counts=counts)
    requests = [pool.predict(double_rows(*range(n))) for n in range(1, 9)]
    assert await answers(*requests) == [[2.0 * x for x in range(n)] for n in range(1, 9)]
    assert counts.batches == [sum(range(1, 9))]


async def test_p10_burst_is_split_over_idle_hosts(temperamental: Path, make_pool: MakePool) -> None:
    """By rows; a host that is busy gets none, and what cannot be split goes to one."""
    counts = Counts()
    pool = await make_pool(temperamental, counts=counts, limits=PoolLimits(hosts=2))
    found = await answers(*(pool.predict(double_rows(x)) for x in range(8)))
    assert found == [[2.0 * x] for x in range(8)]
    found = await answers(*(pool.predict(double_rows(*range(n))) for n in (5, 1, 2, 2)))
    assert [len(each) for each in found] == [5, 1, 2, 2]
    hanging = asyncio.ensure_future(pool.predict(double_rows(HANG)))
    await until(lambda: len(pool._idle) == 1, SECONDS, "one host is busy")
    await answers(*(pool.predict(double_rows(x)) for x in range(8)))

    assert sorted(counts.batches) == [4, 4, 5, 5, 8]
    hanging.cancel()


async def test_calls_and_who_waits_are_told_by_alias(
    temperamental: Path, make_pool: MakePool
) -> None:
    """A call for the alias of its oldest request; nobody waits once the pool is closed."""
    counts = Counts()
    pool = await make_pool(temperamental, counts=counts)
    assert (
        await answers(
            *(pool.predict(double_rows(1), alias=alias) for alias in ("prod", "blue", "blue"))
        )
        == [[2.0]] * 3
    )
    assert counts.aliases == ["prod"]
    hanging = [asyncio.ensure_future(pool.predict(double_rows(HANG), alias="prod"))]
    await until(lambda: not pool._idle, SECONDS, "it is predicted")
    hanging += [
        asyncio.ensure_future(pool.predict(double_rows(1), alias=alias))
        for alias in ("blue", "prod", "blue")
    ]
    await until(lambda: len(pool._waiting) == 3, SECONDS, "the others wait")
    assert counts.waiting() == {"prod": 1, "blue": 2}
    for each in hanging:
        each.cancel()
    await pool.close()
    assert counts.waiting() == {}


async def test_batches_are_bounded_in_rows(temperamental: Path, make_pool: MakePool) -> None:
    """What does not fit waits for the next."""
    counts = Counts()
    pool = await make_pool(temperamental, counts=counts, limits=PoolLimits(max_batch_rows=10))
    await answers(*(pool.predict(double_rows(1, 2, 3)) for _ in range(7)))
    assert counts.batches == [9, 9, 3]


@pytest.mark.parametrize("mood", [RAISE, LEAVE, UNENCODABLE])
async def test_p10_request_on_which_the_model_raises_fails_alone(
    temperamental: Path, make_pool: MakePool, mood: int
) -> None:
    """Whatever it raises; those batched with it are answered, by the same process."""
    pool = await make_pool(temperamental)
    before = pids(pool)
    numbers = [1, 2, mood, 3, 4, 5, mood, 6]
    found = await answers(*(pool.predict(double_rows(x)) for x in numbers))
    for number, each in zip(numbers, found, strict=True):
        if number == mood:
            assert isinstance(each, ModelFailed)
        else:
            assert each == [2.0 * number]
    assert pids(pool) == before


async def test_p10_reply_over_the_limit_fails_alone(
    temperamental: Path, make_pool: MakePool
) -> None:
    """Its neighbours in the batch are answered."""
    pool = await make_pool(temperamental, limits=PoolLimits(max_reply_bytes=1000))
    found = await answers(*(pool.predict(double_rows(x)) for x in (1, HUGE, 2)))
    assert isinstance(found[1], ModelFailed)
    assert (found[0], found[2]) == ([2.0], [4.0])


@pytest.mark.parametrize("mood", [EXIT, SEGFAULT])
async def test_p11_request_that_ends_the_process_costs_nobody_else_an_answer(
    temperamental: Path, make_pool: MakePool, mood: int
) -> None:
    """The culprit fails, its neighbours are answered, the process is replaced."""
    counts = Counts()
    pool = await make_pool(temperamental, counts=counts)
    before = pids(pool)
    numbers = [1, 2, mood, 3]
    found = await answers(*(pool.predict(double_rows(x)) for x in numbers))
    assert isinstance(found[2], ModelFailed)
    assert [found[0], found[1], found[3]] == [[2.0], [4.0], [6.0]]
    await until(lambda: len(pids(pool)) == 1, SECONDS, "a replacement has come")
    assert pids(pool) != before
    assert len(counts.restarts) == 1


async def test_hosts_that_end_again_and_again_are_told_of_until_one_answers(
    temperamental: Path, make_pool: MakePool
) -> None:
    """Three ends in a row may be chance; one that nobody has asked yet has shown nothing."""
    pool = await make_pool(temperamental)
    for nth in range(4):
        assert not pool.status.crashing, nth
        await answers(pool.predict(double_rows(EXIT)))
        await until(lambda: len(pids(pool)) == 1, SECONDS, "a replacement has come")
    assert (pool.status.hosts, pool.status.crashing) == (1, True)
    assert await answers(pool.predict(double_rows(1))) == [[2.0]]
    assert not pool.status.crashing


async def test_p11_request_that_hangs_costs_nobody_else_an_answer(
    temperamental: Path, make_pool: MakePool
) -> None:
    """It times out; its neighbours are answered; what comes later is answered meanwhile."""
    pool = await make_pool(temperamental, limits=PoolLimits(predict_seconds=1.0))
    found = await answers(*(pool.predict(double_rows(x)) for x in (1, HANG, 3)))
    assert isinstance(found[1], PredictionTimedOut)
    assert (found[0], found[2]) == ([2.0], [6.0])
    assert await answers(pool.predict(double_rows(5))) == [[10.0]]


async def test_p11_kill_under_load_fails_no_request(
    temperamental: Path, make_pool: MakePool
) -> None:
    """Each of 16 clients gets all of its answers while hosts are killed."""
    pool = await make_pool(temperamental)
    stop = asyncio.Event()

    async def client(number: int) -> int:
        count = 0
        while not stop.is_set():
            assert orjson.loads(await pool.predict(double_rows(number))) == [2.0 * number]
            count += 1
        return count

    clients = [asyncio.create_task(client(number)) for number in range(16)]
    for _ in range(3):
        await until(lambda: pids(pool), SECONDS, "a host serves")
        (victim,) = pids(pool)
        os.kill(victim, signal.SIGKILL)
        await until(partial(gone, pool, victim), SECONDS, "its end is seen")
    stop.set()
    async with asyncio.timeout(SECONDS):
        counts = await asyncio.gather(*clients)
    assert min(counts) > 0


async def test_p11_request_whose_host_died_is_not_retried_where_the_version_forbids_it(
    temperamental: Path, make_pool: MakePool
) -> None:
    """A prediction with side effects runs once."""
    pool = await make_pool(temperamental, retry=False)
    found = await answers(*(pool.predict(double_rows(x)) for x in (1, EXIT)))
    assert all(isinstance(each, ModelFailed) for each in found)


async def test_p16_rows_of_the_example_refute_the_operators_word_in_a_host(
    tmp_path: Path, make_pool: MakePool
) -> None:
    """Each request is one call, although the operator believed it row-wise."""
    counts = Counts()
    pool = await make_pool(models.save(tmp_path, "centring"), counts=counts)
    assert not pool.status.row_wise
    assert "stand beside it" in pool.status.row_wise_reason
    assert await answers(*(pool.predict(double_rows(x)) for x in (0, 50, 100))) == [[0.0]] * 3
    assert counts.batches == [1, 1, 1]


async def test_p16_replacement_that_has_seen_harm_is_right_from_then_on(
    tmp_path: Path, make_pool: MakePool
) -> None:
    """Nothing is joined or sliced any more; what a later one has not seen mends nothing."""
    counts = Counts()
    place = models.save(tmp_path, "changeable")
    pool = await make_pool(place, counts=counts, limits=PoolLimits(max_batch_rows=2))
    assert pool.status.row_wise_reason == "as the test says"
    for seen in (True, False):
        (place / "harm").touch() if seen else (place / "harm").unlink()
        (victim,) = pids(pool)
        os.kill(victim, signal.SIGKILL)
        await until(partial(gone, pool, victim), SECONDS, "its end is seen")
        await until(lambda: pids(pool), SECONDS, "another serves")
        assert not pool.status.row_wise
        assert "stand beside it" in pool.status.row_wise_reason
        counts.batches.clear()
        await answers(*(pool.predict(double_rows(*range(rows))) for rows in (1, 2, 5)))
        assert counts.batches == [1, 2, 5]


async def test_p16_version_without_example_is_never_batched(
    temperamental: Path, make_pool: MakePool
) -> None:
    """Nothing has shown that its rows do not interact."""
    counts = Counts()
    pool = await make_pool(temperamental, example=False, counts=counts)
    await answers(*(pool.predict(double_rows(x)) for x in (1, 2)))
    assert counts.batches == [1, 1]


async def test_p10_request_that_cannot_be_sent_fails_alone(
    temperamental: Path, make_pool: MakePool
) -> None:
    """Those that would have stood in one frame with it are sent each alone."""
    pool = await make_pool(temperamental)
    before = pids(pool)
    unsendable = replace(double_rows(2), columns=(Column("x", "string", ["\ud800"]),))
    requests = [double_rows(1), unsendable, double_rows(3)]
    found = await answers(*(pool.predict(request) for request in requests))
    assert (found[0], found[2]) == ([2.0], [6.0])
    assert isinstance(found[1], ModelFailed)
    assert pids(pool) == before


async def test_p14_document_without_a_value_that_the_model_cannot_take_is_refused(
    temperamental: Path, make_pool: MakePool
) -> None:
    """By a model without a signature; a document with values on which it fails is its own fault."""
    pool = await make_pool(temperamental)
    made = compile_unsigned({}, RequestLimits(max_rows=10))
    documents = [made.parse(body, "") for body in (b'{"inputs": {}}', b'{"inputs": "text"}')]
    empty, text = await answers(*map(pool.predict, documents))

    assert isinstance(empty, InvalidInput)
    assert [(error.loc, error.type) for error in empty.errors] == [(("body",), "missing")]
    assert isinstance(text, ModelFailed)


async def test_queue_is_bounded(temperamental: Path, make_pool: MakePool) -> None:
    """Who comes when it is full is told to come again; all others are answered."""
    pool = await make_pool(temperamental, limits=PoolLimits(max_queue=4))
    found = await answers(*(pool.predict(double_rows(x)) for x in range(6)))
    assert found[:4] == [[2.0 * x] for x in range(4)]
    assert [type(each) for each in found[4:]] == [Overloaded, Overloaded]


async def test_request_that_nobody_waits_for_is_not_predicted(
    temperamental: Path, make_pool: MakePool
) -> None:
    """It leaves the queue at once, and its place is another's."""
    counts = Counts()
    limits = PoolLimits(max_queue=3, predict_seconds=2.0)
    pool = await make_pool(temperamental, counts=counts, limits=limits)
    hanging = asyncio.ensure_future(pool.predict(double_rows(HANG)))
    await until(lambda: not pool._idle, SECONDS, "the host is busy")
    leaving = [asyncio.ensure_future(pool.predict(double_rows(x))) for x in range(3)]
    await until(lambda: pool.status.waiting == 3, SECONDS, "the queue is full")
    for each in leaving:
        each.cancel()
    await until(lambda: pool.status.waiting == 0, SECONDS, "they have left the queue")
    staying = [pool.predict(double_rows(x)) for x in (5, 6, 7)]

    assert await answers(*staying) == [[10.0], [12.0], [14.0]]
    assert isinstance((await answers(hanging))[0], PredictionTimedOut)
    assert sum(counts.batches) == 3


async def test_request_in_progress_that_nobody_waits_for_ends_unseen(
    temperamental: Path, make_pool: MakePool
) -> None:
    """Its neighbours in the batch are answered, and by the same process."""
    pool = await make_pool(temperamental)
    before = pids(pool)
    leaving = asyncio.ensure_future(pool.predict(double_rows(1)))
    staying = asyncio.ensure_future(pool.predict(double_rows(2)))
    for _ in range(2):  # they ask in one turn of the loop, and are sent in the next
        await asyncio.sleep(0)
    assert not pool._idle
    leaving.cancel()

    assert await answers(staying, pool.predict(double_rows(3))) == [[4.0], [6.0]]
    assert pids(pool) == before


async def test_batch_that_nobody_waits_for_is_not_begun(
    temperamental: Path, make_pool: MakePool
) -> None:
    """Its host, which was held up so far, goes on with the next; it would never have ended."""
    pool = await make_pool(temperamental)
    (before,) = pids(pool)
    os.kill(before, signal.SIGSTOP)
    leaving = [asyncio.ensure_future(pool.predict(double_rows(x))) for x in (HANG, 1)]
    await until(lambda: not pool._idle, SECONDS, "they are sent")
    for each in leaving:
        each.cancel()
    await until(lambda: not pool._tidying and all(map(_done, leaving)), SECONDS, "they have left")
    staying = asyncio.ensure_future(pool.predict(double_rows(3)))
    os.kill(before, signal.SIGCONT)

    assert await answers(staying) == [[6.0]]
    assert pids(pool) == [before]


def _done(request: "asyncio.Future[Any]") -> bool:
    return request.done()


async def test_closing_refuses_who_waits_and_ends_every_process(
    temperamental: Path, make_pool: MakePool
) -> None:
    """Also the one that is busy."""
    pool = await make_pool(temperamental)
    (host,) = pool._hosts
    waiting = [asyncio.ensure_future(pool.predict(double_rows(x))) for x in (HANG, 1)]
    await until(lambda: not pool._idle, SECONDS, "the host is busy")
    waiting.append(asyncio.ensure_future(pool.predict(double_rows(2))))
    await asyncio.wait(waiting, timeout=0)
    async with asyncio.timeout(SECONDS):
        await pool.close()
    assert [type(each) for each in await answers(*waiting)] == [NoServable] * 3
    assert not host.alive


async def test_p9_two_versions_shipping_one_module_name_run_their_own(
    tmp_path: Path, make_pool: MakePool
) -> None:
    """Each answers with its own module's number."""
    for number in (1, 2):
        ships = [models.number_module(tmp_path / f"code{number}", number)]
        models.save(tmp_path / str(number), "numbered", ships=ships)
    one = await make_pool(tmp_path / "1" / "numbered")
    two = await make_pool(tmp_path / "2" / "numbered")
    row = double_rows(0)
    assert await answers(one.predict(row), two.predict(row), one.predict(row)) == [[1], [2], [1]]


@pytest.mark.parametrize("role", [HOST_ROLE, SKOPS_HOST_ROLE])
async def test_p9_model_that_ships_podiums_names_runs_its_own(
    tmp_path: Path, make_pool: MakePool, role: str
) -> None:
    """Packages `service` and `training` are the model's in its host, whatever that is forked as."""
    ships = [models.CODE / "shipped" / name for name in ("service", "training")]
    pool = await make_pool(models.save(tmp_path, "homonymous", ships=ships), role=role)
    words = "own-service own-training the model's own service the model's own training"
    assert await answers(pool.predict(double_rows(0))) == [[words]]


async def test_p2_version_that_raises_on_its_example_is_refused(
    tmp_path: Path, make_pool: MakePool
) -> None:
    """The stage and a fixed sentence are told, the exception's text is for the log alone."""
    broken = models.save(tmp_path, "temperamental", models.doubles("y"), {"y": 1.0})
    with pytest.raises(VersionFault) as caught:
        await make_pool(broken)
    assert (caught.value.stage, caught.value.reason) == ("warm_up", "warm_up_failed")


async def test_p2_version_that_cannot_be_loaded_is_refused(
    tmp_path: Path, make_pool: MakePool
) -> None:
    """Here for want of a file."""
    with pytest.raises(VersionFault) as caught:
        await make_pool(tmp_path)
    assert (caught.value.stage, caught.value.reason) == ("load", "load_failed")


async def test_p1_host_of_files_that_are_not_as_they_were_is_never_started(
    temperamental: Path, make_pool: MakePool
) -> None:
    """What replaces a host would answer otherwise; and the pool says that it has no way out."""
    altered = VersionFault("load", "artifact_altered", "The artifact was altered.")

    def verify() -> None:
        raise altered

    pool = await make_pool(temperamental, verify=verify)
    assert not pool.irreplaceable
    os.kill(pids(pool)[0], signal.SIGKILL)
    await until(lambda: pool.irreplaceable, SECONDS, "the replacement failed")
    [refused] = await answers(pool.predict(double_rows(1.0)))
    assert isinstance(refused, NoServable)
    assert pids(pool) == []


async def test_p13_disk_that_hangs_before_a_replacement_is_not_the_versions_fault(
    temperamental: Path, make_pool: MakePool
) -> None:
    """The version is not fetched anew for it, and the replacement is tried again."""
    tries = list[int]()

    def verify() -> None:
        tries.append(1)
        raise TimeoutError

    pool = await make_pool(temperamental, verify=verify)
    os.kill(pids(pool)[0], signal.SIGKILL)
    await until(lambda: len(tries) > 1, SECONDS, "it is tried again")
    assert not pool.irreplaceable


async def test_p2_who_asks_is_told_when_the_pool_cannot_answer_and_when_it_can_again(
    temperamental: Path, make_pool: MakePool
) -> None:
    """Not of a host that is replaced at once; and each change but once."""
    told = list[bool]()
    errors: list[Exception] = []

    def verify() -> None:
        if errors:
            raise errors.pop()

    pool = await make_pool(temperamental, verify=verify)
    pool.when_ready_changes(lambda: told.append(pool.ready))
    for failures in (0, 2):
        (victim,) = pids(pool)
        errors += [ValueError("altered")] * failures
        os.kill(victim, signal.SIGKILL)
        await until(partial(gone, pool, victim), SECONDS, "its end is seen")
        await until(lambda: pids(pool), SECONDS, "another serves")
    assert told == [False, True]


async def test_p12_host_is_replaced_though_whoever_is_told_of_it_raises(
    temperamental: Path, make_pool: MakePool
) -> None:
    """Of its death or of a batch; each failure is told, none costs a host."""

    @dataclass
    class Raising(Counts):
        raises: bool = False

        def batch(self, rows: int, seconds: float, alias: str) -> None:
            self._raise()

        def host_restarted(self, reason: EndReason) -> None:
            self._raise()

        def _raise(self) -> None:
            if self.raises:
                raise ZeroDivisionError

    loop, counts, told = asyncio.get_running_loop(), Raising(), list[dict[str, Any]]()
    pool = await make_pool(temperamental, counts=counts)
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, said: told.append(said))
    try:
        counts.raises = True
        (victim,) = pids(pool)
        os.kill(victim, signal.SIGKILL)
        await until(partial(gone, pool, victim), SECONDS, "its end is seen")
        await until(lambda: bool(pids(pool)), SECONDS, "it is replaced")
        for _ in range(2):
            assert await answers(pool.predict(double_rows(1.0))) == [[2.0]]
    finally:
        counts.raises = False
        loop.set_exception_handler(before)
    assert {type(said["exception"]) for said in told} == {ZeroDivisionError}
