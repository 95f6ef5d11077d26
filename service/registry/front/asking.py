"""Questions to registry children: answered, refused with a code, or given up at their deadline."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import orjson

from service.errors import FollowingError, PassingFault, VersionFault
from service.processes.frames import Frame, Status
from service.processes.front.channel import ChannelClosed
from service.processes.front.child import Child
from service.registry.store.locks import Locked
from service.registry.wire import SENTENCES, VERSION_FAULTS, Fault, RegistryOperation


class KeptChild:
    """A child that is kept from question to question.

    `make` makes it, and another when it is gone; it is told for which stage. Questions take turns.
    Each is given up after so many `seconds`, which costs the child. `starts` counts how many have
    been begun with.
    """

    def __init__(self, make: Callable[[str], Awaitable[Child]], seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._child: Child | None = None
        self.starts = 0

    async def prepare(self) -> None:
        """Starts it, unless it is there; raises `PassingFault`."""
        async with self._turn:
            await self._prepared("look")

    async def ask(self, stage: str, operation: RegistryOperation, wanted: dict[str, Any]) -> Frame:
        """The answer; raises as `ask` does."""
        async with self._turn:
            child = await self._prepared(stage)
            try:
                return await ask(child, stage, operation, wanted, self._seconds)
            except BaseException as error:
                if not isinstance(error, FollowingError) or not child.channel.idle:
                    # It may still be busy with a question that nobody waits for.
                    child.kill()
                    self._child = None
                raise

    async def ask_within(
        self, stage: str, operation: RegistryOperation, wanted: dict[str, Any]
    ) -> Frame:
        """The same, for whom the wait for its turn and for another child counts too."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self.ask(stage, operation, wanted)
        except TimeoutError:
            raise fault_error(stage, Fault.TIMED_OUT, f"after {self._seconds} s") from None

    async def end(self) -> None:
        """Ends it, busy or not; returns when it has gone."""
        if self._child is not None:
            await self._child.end()

    async def _prepared(self, stage: str) -> Child:
        if self._child is None or not self._child.alive:
            self.starts += 1
            self._child = await self._make(stage)
        return self._child


async def ask(
    child: Child, stage: str, operation: RegistryOperation, wanted: dict[str, Any], seconds: float
) -> Frame:
    """The answer. Raises `VersionFault` or `PassingFault`, the latter after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            frame = await child.channel.request(operation, orjson.dumps(wanted))
    except TimeoutError:
        raise fault_error(stage, Fault.TIMED_OUT, f"after {seconds} s") from None
    except ChannelClosed:
        raise fault_error(stage, Fault.NO_PROCESS, "") from None
    if frame.status is not Status.DONE:
        failure = orjson.loads(frame.head)
        raise fault_error(stage, Fault(failure["fault"]), failure["error"])
    return frame


def fault_error(stage: str, fault: Fault, detail: str) -> FollowingError:
    """The error that following knows for that fault."""
    error = VersionFault if fault in VERSION_FAULTS else PassingFault
    return error(stage, fault, SENTENCES[fault], detail)


@contextlib.contextmanager
def disk_faults(stage: str) -> Iterator[None]:
    """Within it what the disk refuses, or a lock, is a `PassingFault`."""
    try:
        yield
    except (OSError, Locked) as error:
        raise fault_error(stage, Fault.DISK, repr(error)) from error
