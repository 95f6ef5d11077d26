"""Work that no request waits for: what fails there is told, and goes on.

All of it is told in one place, the event loop's own exception handler, where callbacks that raise
end up, too (`service.telemetry.reporting.BackgroundReport`); what fails in a thread is told to
`threading.excepthook`.
"""

import asyncio
import enum
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final, TypeVar

LONGEST_PAUSE: Final = 10.0
NAMED: Final = "podium_work"
"""The key of the work's name in what the loop's exception handler is given."""
_MOST_DOUBLINGS: Final = 10
_T = TypeVar("_T")


class Work(enum.StrEnum):
    """What goes on beside requests, as logs and metrics name it."""

    FOLLOWING = "following"
    KEYS = "keys"
    TRACES = "traces"
    MEMORY = "memory_watch"
    CONNECTIONS = "connections"
    RETIRING = "retiring"
    CACHE = "cache"
    PROCESSES = "processes"
    ORPHANS = "orphans"
    LEDGER = "ledger"
    SHADOWING = "shadowing"
    HISTORY = "history"
    WITHDRAWN = "withdrawn"
    REMOVAL = "removal"
    LOGS = "logs"
    EVENTS = "events"
    CONSOLE = "console"
    OTHER = "other"


async def keep_running(
    name: Work,
    work: Callable[[], Awaitable[None]],
    *,
    longest: float = LONGEST_PAUSE,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Runs `work` until it returns or this is cancelled, and again where it raises.

    Each failure is told. Pauses are 1, 2, 4 and so on up to `longest` seconds; a run that has
    lasted longer than the longest one was a success, and they begin anew after it.
    """
    failures = 0
    while True:
        begun = monotonic()
        try:
            await work()
        except asyncio.CancelledError as error:
            # Where nobody has cancelled this task, it is something that the work has awaited.
            if _is_to_end():
                raise
            tell(name, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the work must go on
            tell(name, error)
        else:
            return
        failures = 1 if monotonic() - begun > longest else failures + 1
        await sleep(growing_pause(failures, longest))


def growing_pause(failures: int, longest: float) -> float:
    """Seconds after so many failures in a row: 1, 2, 4 and so on up to `longest`."""
    # Bounded before it is a power: after a thousand failures there would be none.
    return min(2.0 ** min(failures - 1, _MOST_DOUBLINGS), longest)


def begin(name: Work, work: Coroutine[Any, Any, _T]) -> "asyncio.Task[_T]":
    """A task, to be held by whoever begins it; what it raises is told as soon as it ends."""
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(partial(_tell_of, name))
    return task


def tell(name: Work, error: BaseException) -> None:
    """Tells that the work has failed; on the event loop. Raises nothing."""
    said = {"message": f"{name} has failed.", "exception": error, NAMED: name}
    asyncio.get_running_loop().call_exception_handler(said)


def tell_from_thread(error: BaseException, name: str | None = None) -> None:
    """The same from a thread, whose name says which work it does, and which goes on.

    `name`: of the thread that there should have been instead.
    """
    thread = threading.current_thread() if name is None else threading.Thread(name=name)
    told = (type(error), error, error.__traceback__, thread)
    threading.excepthook(threading.ExceptHookArgs(told))


def _is_to_end() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _tell_of(name: Work, task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        tell(name, error)
