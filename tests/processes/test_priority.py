"""Stepping back for others, and forward again, needs no rights."""

import os
from pathlib import Path

from service.zygote.front.handle import Zygote
from tests.processes.orders import forked, told


async def scheduled(zygote: Zygote, orders: tuple[str, ...]) -> list[tuple[int, int]]:
    """Policy and niceness of every thread of a child that has followed these orders."""
    child = await forked(zygote)
    for order in orders:
        await told(child, do=order)
    threads = [int(each.name) for each in Path(f"/proc/{child.pid}/task").iterdir()]
    return [
        (os.sched_getscheduler(each), os.getpriority(os.PRIO_PROCESS, each)) for each in threads
    ]


async def test_child_that_steps_back_is_scheduled_behind_others(zygote: Zygote) -> None:
    """As a batch process, and nicer where that can be taken back."""
    ((policy, niceness),) = await scheduled(zygote, ("step back",))
    assert policy == os.SCHED_BATCH
    assert niceness >= os.getpriority(os.PRIO_PROCESS, 0)


async def test_child_that_steps_forward_is_as_before_with_all_its_threads(zygote: Zygote) -> None:
    """A thread that was started meanwhile must not stay behind for ever."""
    found = await scheduled(zygote, ("step back", "start a thread", "step forward"))
    assert found == [(os.SCHED_OTHER, os.getpriority(os.PRIO_PROCESS, 0))] * 2


async def test_child_that_may_not_take_its_niceness_back_keeps_it(zygote: Zygote) -> None:
    """Without CAP_SYS_NICE; it would be slow for ever."""
    orders = ("give up all rights", "step back")
    assert await scheduled(zygote, orders) == [(os.SCHED_BATCH, os.getpriority(os.PRIO_PROCESS, 0))]


async def test_child_that_stays_behind_is_last_for_good_with_all_its_threads(
    zygote: Zygote,
) -> None:
    """Also without any rights: nobody asks for it back."""
    orders = ("give up all rights", "start a thread", "stay behind", "start a thread")
    assert [policy for policy, _ in await scheduled(zygote, orders)] == [os.SCHED_IDLE] * 3


async def test_child_is_known_by_its_role(zygote: Zygote) -> None:
    """To `ps`, in 15 letters."""
    child = await forked(zygote)
    await told(child, do="echo")  # by when it has begun
    assert Path(f"/proc/{child.pid}/comm").read_text() == "tests.processes\n"
