"""The front's handle to the comparer: pairs of replies in, counts out, one batch at a time.

Its process is forked for the first batch, and anew after it has died, which costs that batch alone.
"""

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson

from service.comparer.wire import COMPARER_ROLE, ComparerOperation
from service.errors import FollowingError
from service.processes.frames import Body
from service.processes.front.channel import ChannelClosed
from service.processes.front.child import Child, Forks
from service.processes.front.output import OnLine
from service.rollout.tally import Likeness, RowTally

_MAX_REPLY_BYTES: Final = 16 * 1024**2
# The least of all processes: on a busy machine a batch may take long.
_SECONDS: Final = 300.0


class ReplyPair(NamedTuple):
    """Two replies to one request of so many rows: that which was sent, and the shadow's.

    `named`: they are named outputs, not JSON.
    """

    served: Body
    heard: Body
    rows: int
    named: bool = False


@dataclass(frozen=True, slots=True)
class ComparedBatch:
    """What a batch of pairs has come to: all rows, and each pair's worst; None: unreadable."""

    tally: RowTally
    likeness: Sequence[Likeness | None]


class Comparer:
    """Compares replies, in a process of its own, until it is closed.

    `ended` is told why its process has, where nobody had asked for that.
    """

    def __init__(self, forks: Forks, ended: Callable[[str], None], printed: OnLine) -> None:
        self._forks = forks
        self._ended = ended
        self._printed = printed
        self._context = contextvars.copy_context()
        self._child: Child | None = None

    async def compare(self, pairs: Sequence[ReplyPair]) -> ComparedBatch | None:
        """What the pairs come to; None where the process has ended over them, or cannot be had.

        By one task at a time. Raises nothing.
        """
        lengths = [(each.rows, len(each.served), len(each.heard), each.named) for each in pairs]
        bodies = [body for each in pairs for body in (each.served, each.heard)]
        try:
            child = await self._ready()
        except FollowingError as error:
            self._ended(str(error))
            return None
        try:
            async with asyncio.timeout(_SECONDS):
                operation = ComparerOperation.COMPARE
                reply = await child.channel.request(operation, orjson.dumps(lengths), bodies)
            return _read(reply.head)
        except TimeoutError:
            self._ended("a batch took too long")
        except ChannelClosed:
            self._ended("its process died")
        finally:
            if not child.channel.idle:
                self._child = None
                child.kill()
        return None

    async def close(self) -> None:
        """Ends the process; returns when it has gone."""
        child, self._child = self._child, None
        if child is not None:
            await child.end()

    async def _ready(self) -> Child:
        if self._child is None or not self._child.alive or self._child.channel.closed:
            forking = self._forks.fork(COMPARER_ROLE, _MAX_REPLY_BYTES, self._printed)
            self._child = await asyncio.create_task(forking, context=self._context)
        return self._child


def _read(head: bytes) -> ComparedBatch:
    said = orjson.loads(head)
    found = (None if each is None else Likeness(each) for each in said["likeness"])
    return ComparedBatch(RowTally.load(said["tally"]), tuple(found))
