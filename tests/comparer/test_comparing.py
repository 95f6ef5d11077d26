"""The comparer: replies in, counts out; who ends its process costs nobody but its own batch."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np
import pytest
import pytest_asyncio

from service.comparer.front import ComparedBatch, Comparer, ReplyPair
from service.contract.model_input import TensorReply
from service.errors import PassingFault
from service.host.output_tensors import encode
from service.processes.front.child import Child, Forks
from service.processes.front.output import OnLine
from service.rollout.tally import Likeness
from service.zygote.front.handle import Zygote

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAIR = ReplyPair(b'["a","b"]', bytearray(b'["a","c"]'), 2)


@dataclass
class Watched:
    """Forks, and remembers what."""

    forks: Forks
    children: list[Child] = field(default_factory=list)
    fault: PassingFault | None = None

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        """As the zygote does it, or not at all."""
        if self.fault is not None:
            raise self.fault
        self.children.append(await self.forks.fork(role, max_body_bytes, on_line))
        return self.children[-1]


@dataclass
class World:
    """A comparer, whom it forks by, and what it has told."""

    forks: Watched
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Not forked yet."""
        self.comparer = Comparer(self.forks, self.told.append, lambda _stream, _line: None)


@pytest_asyncio.fixture(loop_scope="session")
async def world(zygote: Zygote) -> AsyncIterator[World]:
    """With a real process."""
    async with contextlib.AsyncExitStack() as stack:
        made = World(Watched(zygote))
        stack.push_async_callback(made.comparer.close)
        yield made


def labels(found: ComparedBatch | None) -> list[tuple[object, object, int]]:
    """Which became which."""
    assert found is not None
    return list(found.tally.labels.pairs)


async def test_replies_are_compared_in_the_order_in_which_they_came(world: World) -> None:
    """Each has its likeness, all have one tally; what no reader can read costs nobody else."""
    unreadable = ReplyPair(b"[1]", b"[" * 10_000, 1)
    close = ReplyPair(b"[1.0]", b"[1.0000001]", 1)
    found = await world.comparer.compare([PAIR, unreadable, close])

    assert found is not None
    assert found.likeness == (Likeness.DIFFERENT, None, Likeness.CLOSE)
    assert (found.tally.equal, found.tally.close, found.tally.different) == (1, 1, 1)
    assert labels(found) == [("b", "c", 1)]
    assert (len(world.forks.children), world.told) == (1, [])


async def test_long_replies_are_compared(world: World) -> None:
    """Of values that take the most memory for their length."""
    rows = 100_000
    reply = b"[%b]" % b",".join([b"[]"] * rows)
    found = await world.comparer.compare([ReplyPair(reply, reply, rows)])
    assert found is not None
    assert found.tally.equal == rows


async def test_process_that_dies_costs_its_batch_alone(world: World) -> None:
    """The next batch has a process again."""
    await world.comparer.compare([PAIR])
    child = world.forks.children[0]
    os.kill(child.pid, signal.SIGSTOP)
    lost = asyncio.create_task(world.comparer.compare([PAIR]))
    await asyncio.sleep(0)
    child.kill()

    assert await lost is None
    assert labels(await world.comparer.compare([PAIR])) == [("b", "c", 1)]
    assert (len(world.forks.children), world.told) == (2, ["its process died"])


async def test_comparer_that_cannot_be_forked_is_tried_again(world: World) -> None:
    """A batch is lost, and nothing is raised."""
    world.forks.fault = PassingFault("start", "no_process", "There is none.")
    assert await world.comparer.compare([PAIR]) is None
    world.forks.fault = None
    assert await world.comparer.compare([PAIR]) is not None


async def test_comparer_makes_way_for_others(world: World) -> None:
    """For processors, and of all processes the first for memory."""
    await world.comparer.compare([PAIR])
    pid = world.forks.children[0].pid
    assert os.sched_getscheduler(pid) == os.SCHED_BATCH
    with open(f"/proc/{pid}/oom_score_adj") as points:  # noqa: ASYNC230, PTH123 - the kernel's word
        assert int(points.read()) == 1000


async def test_named_outputs_are_compared_by_their_values(world: World) -> None:
    """Raw bytes with JSON, too: a shadow is asked for what the client has asked for."""
    raw = np.array([1.0, 2.0])
    left = encode(raw, TensorReply(binary=True), {})
    right = encode(np.array([1.0, 3.0]), TensorReply(), {})

    found = await world.comparer.compare([ReplyPair(left, bytearray(right), 2, named=True)])

    assert found is not None
    assert (found.tally.equal, found.tally.different) == (1, 1)
    assert found.likeness == (Likeness.DIFFERENT,)
