"""Every process of one `up`: watched together, ended in the reverse order of their start.

And why `up` ends without being asked to: sentences for the person at the terminal.
"""

import asyncio
import signal
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from service.local.child import Command, StartedCommand


class UpFailed(Exception):
    """Cannot go on; the message says why and what to do, and holds no secret."""

    @property
    def details(self) -> Sequence[str]:
        """Lines that help to find the reason; none by default."""
        return ()


class ChildEnded(UpFailed):
    """A process that had to go on ended by itself; the details are the last lines of its output."""

    def __init__(self, name: str, code: int, tail: Sequence[str]) -> None:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
        super().__init__(f"{name} {how}.")
        self._tail = tuple(tail)

    @property
    def details(self) -> Sequence[str]:
        """The last lines that it wrote."""
        return self._tail


class Stopped(Exception):
    """Somebody asked for the end."""


T = TypeVar("T")


def _heeded() -> tuple[signal.Signals, ...]:
    # A terminal that is closed says so by SIGHUP, unless nohup has asked for deaf ears.
    deaf = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM, *(() if deaf else (signal.SIGHUP,)))


class Family:
    """Starts children, and works only as long as all of them live and nobody asks for the end."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._children: list[StartedCommand] = []
        self._needed: list[StartedCommand] = []
        self._stop: asyncio.Future[None] = loop.create_future()
        self._hurry: asyncio.Future[None] = loop.create_future()

    @property
    def children(self) -> tuple[StartedCommand, ...]:
        """All that were started, in that order."""
        return tuple(self._children)

    def stop(self) -> None:
        """Asks for the end; asked again, everything is ended without grace."""
        wish = self._hurry if self._stop.done() else self._stop
        if not wish.done():
            wish.set_result(None)

    @contextmanager
    def heeding_signals(self) -> Iterator[None]:
        """Within it, Ctrl-C, SIGTERM and SIGHUP ask for the end."""
        loop = asyncio.get_running_loop()
        heeded = _heeded()
        for number in heeded:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in heeded:
                loop.remove_signal_handler(number)

    async def start(self, command: Command) -> StartedCommand:
        """Starts a child that has to live from now on."""
        child = await self._adopt(command)
        self._needed.append(child)
        return child

    async def finish(self, command: Command) -> None:
        """Runs a child to its end. Raises `ChildEnded` if its status is not 0."""
        child = await self._adopt(command)
        code = await self.during(_value(child.exited))
        if code != 0:
            raise ChildEnded(command.name, code, child.tail)

    async def _adopt(self, command: Command) -> StartedCommand:
        child = await StartedCommand.start(command)
        self._children.append(child)
        return child

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's result.

        Raises `Stopped` if somebody asks for the end first, `ChildEnded` if a child ends that has
        to live; the work is cancelled then.
        """
        task = asyncio.ensure_future(work)
        try:
            ends = [child.exited for child in self._needed]
            first: list[asyncio.Future[Any]] = [task, self._stop, *ends]
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            await self._check()
            return await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _check(self) -> None:
        if self._stop.done():
            raise Stopped
        for child in self._needed:
            if child.exited.done():
                await child.settle()
                raise ChildEnded(child.command.name, child.exited.result(), child.tail)

    async def end(self) -> None:
        """Ends every child and what it has started, the youngest first. Never raises.

        Whoever asks for the end from now on is in a hurry.
        """
        if not self._stop.done():
            self._stop.set_result(None)
        for child in reversed(self._children):
            await child.end(self._hurry)


async def _value(future: "asyncio.Future[int]") -> int:
    return await asyncio.shield(future)
