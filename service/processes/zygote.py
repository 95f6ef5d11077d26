"""The front's handle to the zygote: started when first needed, replaced when it dies."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

from service.errors import PassingFault
from service.processes.child import Child
from service.processes.output import OnLine, Outputs
from service.processes.zygote_process import ZygoteProcess, not_started

_LONGEST_PAUSE: Final = 60.0


class Zygote:
    """Forks children for the front. All of them end with the zygote, and the zygote with the front.

    Args:
        roles: the modules whose `run` a child may be asked to call.
        environment: the whole environment of the zygote and so of every child.
        module: the zygote's main, called as `service.hosting.zygote` is.
    """

    def __init__(
        self,
        roles: Sequence[str],
        environment: Mapping[str, str],
        module: str = "service.hosting.zygote",
    ) -> None:
        self._command = (sys.executable, "-P", "-m", module)
        self._roles = roles
        self._environment = dict(environment)
        self._process: ZygoteProcess | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._outputs = Outputs()
        self._forking: set[asyncio.Task[Child]] = set()

    async def start(self) -> None:
        """Returns when the libraries are loaded; raises `PassingFault` when they cannot be."""
        await self._ready()

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        """A new child in that role. Raises `PassingFault`; whatever was started then ends.

        When cancelled, the fork comes to its end without its caller, and its child is ended.
        """
        process = await self._ready()
        loop = asyncio.get_running_loop()
        forking = loop.create_task(self._forked(process, role, max_body_bytes, on_line))
        self._forking.add(forking)
        forking.add_done_callback(self._forking.discard)
        try:
            return await asyncio.shield(forking)
        except asyncio.CancelledError:
            forking.add_done_callback(_end_unwanted)
            raise

    async def close(self) -> None:
        """Ends the zygote and every child; returns when all are gone."""
        process, self._process = self._process, None
        if process is not None:
            await process.end()
        await asyncio.gather(*self._forking, return_exceptions=True)
        await self._outputs.close()

    async def _ready(self) -> ZygoteProcess:
        if self._process is None or not self._process.alive:
            if time.monotonic() < self._retry_at:
                raise not_started("the zygote could not be started a moment ago")
            self._process = self._started()
        process = self._process
        try:
            await process.ready()
        except PassingFault:
            await self._give_up(process)
            raise
        self._failures = 0
        return process

    def _started(self) -> ZygoteProcess:
        try:
            return ZygoteProcess(self._command, self._roles, self._environment)
        except OSError as error:
            self._note_failure()
            raise not_started(str(error)) from error

    async def _give_up(self, process: ZygoteProcess) -> None:
        # Several may have waited for it; it has failed once.
        if self._process is process:
            self._process = None
            self._note_failure()
            await process.end()

    def _note_failure(self) -> None:
        self._failures += 1
        pause = min(2.0 ** (self._failures - 1), _LONGEST_PAUSE)
        self._retry_at = time.monotonic() + pause

    async def _forked(
        self, process: ZygoteProcess, role: str, max_body_bytes: int, on_line: OnLine
    ) -> Child:
        try:
            child, pipes = await process.fork(role, max_body_bytes)
            await self._listen(child, pipes, on_line)
        except OSError as error:
            # Descriptors or processes have run out; not the fault of whoever asks.
            raise not_started(str(error)) from error
        return child

    async def _listen(self, child: Child, pipes: dict[str, int], on_line: OnLine) -> None:
        try:
            while pipes:
                stream, descriptor = pipes.popitem()
                await self._outputs.listen(descriptor, stream, on_line)
        except BaseException:
            child.kill()
            for descriptor in pipes.values():
                os.close(descriptor)
            raise


def _end_unwanted(forking: asyncio.Task[Child]) -> None:
    if not forking.cancelled() and forking.exception() is None:
        forking.result().kill()
