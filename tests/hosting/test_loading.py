"""P2: a version that misbehaves while it loads is refused, and leaves nothing behind."""

import asyncio
from pathlib import Path

import pytest

from service.errors import FollowingError, PassingFault, VersionFault
from service.hosting.specification import PoolLimits
from tests.hosting.conftest import MakePool
from tests.hosting.rows import Counts
from tests.models import unloadable
from tests.support import models
from tests.support.services import alive
from tests.support.waiting import until

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:.*An input example was not provided:UserWarning"),
]
SECONDS = 240
LIMITS = PoolLimits(load_seconds=2.0)
LIMITED = PoolLimits(memory_bytes=500 * 1024**2)


async def refusal(
    folder: Path, make_pool: MakePool, fault: int, limits: PoolLimits, counts: Counts
) -> FollowingError:
    """What a version is refused with that has this fault."""
    ships = [models.number_module(folder, fault)]
    place = models.save(folder, "unloadable", example=None, ships=ships)
    async with asyncio.timeout(SECONDS):
        with pytest.raises(FollowingError) as caught:
            await make_pool(place, limits=limits, counts=counts, example=False)
    return caught.value


@pytest.mark.parametrize(
    ("fault", "limits", "reason"),
    [
        (unloadable.HANG, LIMITS, "load_timed_out"),
        (unloadable.PRINT, LIMITS, "load_timed_out"),
        (unloadable.EAT, LIMITED, "memory_exceeded"),
        (unloadable.SEGFAULT, PoolLimits(), "host_died"),
        (unloadable.LEAVE, PoolLimits(), "host_died"),
    ],
)
async def test_p2_version_that_misbehaves_while_it_loads_is_refused(
    tmp_path: Path, make_pool: MakePool, fault: int, limits: PoolLimits, reason: str
) -> None:
    """It hangs, prints without end, eats memory, segfaults or leaves: its own fault (P13)."""
    counts = Counts()
    error = await refusal(tmp_path, make_pool, fault, limits, counts)
    assert isinstance(error, VersionFault)
    assert (error.stage, error.reason) == ("load", reason)
    await until(lambda: bool(counts.endings), SECONDS, "its end is told")
    ((ending, _),) = counts.endings
    assert not alive(ending.pid)


async def test_p13_load_that_somebody_kills_is_tried_again(
    tmp_path: Path, make_pool: MakePool
) -> None:
    """The kernel does, for want of memory; that may pass."""
    error = await refusal(tmp_path, make_pool, unloadable.DIE, PoolLimits(), Counts())
    assert isinstance(error, PassingFault)


async def test_p2_what_a_failing_load_has_forked_ends_with_it(
    tmp_path: Path, make_pool: MakePool
) -> None:
    """Although it is in a session of its own and its parent has left."""
    counts = Counts()
    error = await refusal(tmp_path, make_pool, unloadable.FORK_AND_LEAVE, PoolLimits(), counts)
    assert error.reason == "host_died"
    await until(lambda: any(map(str.isdigit, counts.lines)), SECONDS, "its pid is told")
    forked = next(int(line) for line in counts.lines if line.isdigit())
    await until(lambda: not alive(forked), SECONDS, "it has ended")


async def test_p2_load_that_wants_for_threads_is_tried_again(
    tmp_path: Path, make_pool: MakePool
) -> None:
    """That the kernel gives no more of them is not the version's fault."""
    error = await refusal(tmp_path, make_pool, unloadable.WANT, PoolLimits(), Counts())
    assert isinstance(error, PassingFault)
    assert (error.stage, error.reason) == ("load", "processes_exhausted")


async def test_why_traceback_of_a_failing_load_is_told_as_one(
    tmp_path: Path, make_pool: MakePool
) -> None:
    """With its last line; and the exception's type and text are told with the refusal."""
    counts = Counts()
    error = await refusal(tmp_path, make_pool, unloadable.WANT, PoolLimits(), counts)
    assert error.detail == "RuntimeError: can't start new thread"
    told = [line for line in counts.lines if "Traceback" in line or line.startswith("  File")]
    assert len(told) == 1
    assert told[0].endswith("\nRuntimeError: can't start new thread")
    assert "in load_context" in told[0]
