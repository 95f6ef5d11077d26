"""One question to a registry child: answered, refused with a code, or given up at its deadline."""

import asyncio
from typing import Any

import orjson

from service.errors import FollowingError, PassingFault, VersionFault
from service.processes.channel import ChannelClosed
from service.processes.child import Child
from service.processes.frames import Frame, Status
from service.registry.wire import SENTENCES, VERSION_FAULTS, Fault, Operation


async def ask(
    child: Child, stage: str, operation: Operation, wanted: dict[str, Any], seconds: float
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
