"""The front's handle to an inspector: would loading this artifact run code that it ships?

Telling takes libraries that the front never imports and files that nobody has looked at yet, so
each artifact is looked at in a process of its own, which has no credentials and little memory.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson

from service.errors import PassingFault
from service.inspector.wire import INSPECTOR_ROLE, InspectorOperation
from service.processes.frames import Status
from service.processes.front.channel import ChannelClosed
from service.processes.front.child import Forks
from service.processes.front.ending import EndReason
from service.processes.front.output import OnLine

_MAX_REPLY_BYTES: Final = 1024**2
_MEMORY_BYTES: Final = 1024**3
# An artifact's own cost, on whatever machine; a usual one takes some milliseconds of it.
_PROCESSOR_SECONDS: Final = 20
_UNLOOKABLE: Final = "looking at it took more processor time or memory than is allowed"


class Inspector:
    """Looks at artifacts, one process for each.

    Processor time and memory are the artifact's doing, so too much of them is an objection. Time on
    the clock is the machine's, which may be busy: past `seconds` the look is tried again (P13).
    """

    def __init__(
        self,
        forks: Forks,
        on_line: OnLine,
        seconds: float = 60.0,
        processor_seconds: int = _PROCESSOR_SECONDS,
    ) -> None:
        self._forks = forks
        self._on_line = on_line
        self._seconds = seconds
        self._limits = {"memory_bytes": _MEMORY_BYTES, "processor_seconds": processor_seconds}

    async def inspect(self, artifact: Path) -> Sequence[str]:
        """Why it may not be loaded without trust, as clauses for people; none if it may.

        Raises `PassingFault` of stage `gate`. Cancelling ends the process.
        """
        try:
            child = await self._forks.fork(INSPECTOR_ROLE, _MAX_REPLY_BYTES, self._on_line)
        except PassingFault as error:
            raise PassingFault("gate", error.reason, error.message, error.detail) from error
        head = orjson.dumps({"path": str(artifact), **self._limits})
        try:
            async with asyncio.timeout(self._seconds):
                reply = await child.channel.request(InspectorOperation.INSPECT, head)
        except TimeoutError:
            raise PassingFault("gate", "inspection_timed_out", self._too_late) from None
        except ChannelClosed:
            await asyncio.shield(child.exited)
            nobodys_fault = {EndReason.ZYGOTE, EndReason.UNKNOWN}
            # Its own limits end it by other signals; this one is the kernel's, or ours.
            if child.ending.reason in nobodys_fault or child.ending.status == "SIGKILL":
                message = "The process that looked at the version has ended."
                raise PassingFault("gate", "no_process", message) from None
            return (_UNLOOKABLE,)
        finally:
            await asyncio.shield(child.end())
        if reply.status is not Status.DONE:
            return (_UNLOOKABLE,)
        return tuple(orjson.loads(reply.head)["objections"])

    @property
    def _too_late(self) -> str:
        return (
            f"Looking at the version's files was not done after {self._seconds:g} s. The machine "
            "may be busy; it is tried again."
        )
