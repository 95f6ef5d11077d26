"""Waiting in tests is bounded and happens here alone: no test sleeps."""

import asyncio
import time
from collections.abc import Callable

_PAUSE_SECONDS = 0.02


What = str | Callable[[], str]


def wait_until(predicate: Callable[[], object], timeout: float, what: What = "") -> None:
    """Returns as soon as the predicate holds; fails the test after `timeout` seconds.

    The predicate is asked every 20 ms and once more at the end, so a slow machine that was paused
    for long still gets its answer. `what` names the condition in the failure; what is to be said of
    the moment at which waiting is given up is a function of it.
    """
    deadline = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError(_failure(predicate, timeout, what))
        time.sleep(_PAUSE_SECONDS)


async def until(predicate: Callable[[], object], timeout: float, what: What = "") -> None:  # noqa: ASYNC109 - the deadline is the helper's promise, as in wait_until
    """The same without blocking the event loop."""
    deadline = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError(_failure(predicate, timeout, what))
        await asyncio.sleep(_PAUSE_SECONDS)


def _failure(predicate: Callable[[], object], timeout: float, what: What) -> str:
    said = what if isinstance(what, str) else what()
    return f"not within {timeout:g} s: {said or getattr(predicate, '__qualname__', predicate)}"
