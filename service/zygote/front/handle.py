"""The front's handle to the zygote: started when first needed, replaced when it dies."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from service.background import Work, begin, growing_pause
from service.errors import PassingFault
from service.processes.front.beside import Beside
from service.processes.front.child import Child
from service.processes.front.ending import Ending
from service.processes.front.output import OnLine, Outputs
from service.processes.front.scratch import Scratch
from service.zygote.front.process import Spare, ZygoteProcess, not_started
from service.zygote.front.spawning import Spawned, ZygoteCommand

_LONGEST_PAUSE: Final = 60.0
# A folder takes a fraction of a millisecond, or the disk hangs.
_DISK_SECONDS: Final = 10.0
# More than that may have been ended by what they were to fork.
_ZYGOTES_A_FORK: Final = 3
# Before another spare zygote is made for one that has ended: what ends it may do so again.
_SPARE_PAUSE: Final = 1.0


class Zygote:
    """Forks children for the front. All of them end with the zygote, and the zygote with the front.

    Args:
        command: how one is started.
        begun: one that has been started so already, with this thread; owned from now on.
        on_death: told when the zygote has died; another is being started then.
        scratch: where children get private temporary folders. None: they use the system's.
        lent: whether somebody else closes that; else it is owned from now on.
        on_line: told what the zygote itself prints to stderr, as where a library warns when it is
            imported.
    """

    def __init__(  # noqa: PLR0913 - what the composition root gives, once
        self,
        command: ZygoteCommand,
        begun: Spawned | None = None,
        on_death: Callable[[Ending], None] = lambda _: None,
        scratch: Scratch | None = None,
        on_line: OnLine = lambda _stream, _line: None,
        *,
        lent: bool = False,
    ) -> None:
        self._command = command
        self._begun = begun
        self._process: ZygoteProcess | None = None
        self._promoted: ZygoteProcess | None = None
        self._spare: Spare | None = None
        self._sparing: asyncio.Task[None] | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._outputs = Outputs()
        self._on_death = on_death
        self._on_line = on_line
        self._listening: set[asyncio.Task[None]] = set()
        self._scratch = scratch
        self._lent = lent
        self._beside = Beside("scratch")
        self._forking: set[asyncio.Task[Child]] = set()
        self._closed = False

    async def start(self) -> None:
        """Returns when the libraries are loaded; raises `PassingFault` when they cannot be."""
        await self._ready()

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        """A new child in that role. Raises `PassingFault`; whatever was started then ends.

        What a zygote has not done by its end the next one is asked for, at once. When cancelled,
        the fork comes to its end without its caller, and its child is ended.
        """
        for _ in range(_ZYGOTES_A_FORK - 1):
            process = await self._open()
            try:
                return await self._forked_by(process, role, max_body_bytes, on_line)
            except PassingFault:
                if process.alive:
                    raise
        return await self._forked_by(await self._open(), role, max_body_bytes, on_line)

    async def _open(self) -> ZygoteProcess:
        if self._closed:
            raise not_started("the zygote was closed")
        return await self._ready()

    async def _forked_by(
        self, process: ZygoteProcess, role: str, max_body_bytes: int, on_line: OnLine
    ) -> Child:
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
        self._closed = True
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.end()
        process, self._process = self._process, None
        if process is not None:
            await process.end()
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.discard()
        sparing = [] if self._sparing is None else [self._sparing]
        await asyncio.gather(*self._forking, *sparing, *self._listening, return_exceptions=True)
        await self._outputs.close()
        scratch, self._scratch = self._scratch, None
        if scratch is not None and not self._lent:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DISK_SECONDS):
                    await self._beside.run(scratch.close)

    async def _ready(self) -> ZygoteProcess:
        if self._process is None or not self._process.alive:
            if self._process is not None and self._command.once:
                raise not_started("the zygote has ended")
            if time.monotonic() < self._retry_at:
                raise not_started("the zygote could not be started a moment ago")
            self._process = self._started()
        process = self._process
        try:
            await process.ready()
        except PassingFault:
            if self._process is not process and self._process is not None:
                return await self._ready()  # another has taken its place already
            await self._give_up(process)
            raise
        self._failures, self._retry_at = 0, 0.0
        self._see_to_a_spare(process)
        return process

    def _started(self) -> ZygoteProcess:
        begun, self._begun = self._begun, None
        try:
            return self._taken_over(begun or self._command.spawn())
        except OSError as error:
            self._note_failure()
            raise not_started(str(error), error.errno) from error

    def _taken_over(self, spawned: Spawned) -> ZygoteProcess:
        with contextlib.ExitStack() as undo:
            undo.callback(spawned.end)
            made = ZygoteProcess(spawned, self._died)
            undo.pop_all()
        if spawned.errors is not None:
            with spawned.errors as errors:
                listening = self._outputs.listen(os.dup(errors.fileno()), "stderr", self._on_line)
            task = begin(Work.PROCESSES, listening)
            self._listening.add(task)
            task.add_done_callback(self._listening.discard)
        return made

    def _died(self, process: ZygoteProcess) -> None:
        if process is self._process:
            self._replace(process)
        self._on_death(process.ending)

    def _replace(self, process: ZygoteProcess) -> None:
        # At once, since its hosts are waited for; but not again and again if it cannot start.
        spare, self._spare = self._spare, None
        if spare is not None and spare.usable:
            with contextlib.suppress(OSError):
                self._process = self._promoted = process.promote(spare, self._died)
                return
        again = process.was_ready or process is self._promoted
        if again and not self._command.once:
            with contextlib.suppress(PassingFault):
                self._process = self._started()

    def _see_to_a_spare(self, process: ZygoteProcess) -> None:
        wanted = not self._command.once and (self._spare is None or not self._spare.usable)
        if wanted and (self._sparing is None or self._sparing.done()):
            self._sparing = begin(Work.PROCESSES, self._make_spare(process))

    async def _make_spare(self, process: ZygoteProcess) -> None:
        # Without one all goes on as well; the next fork tries again.
        with contextlib.suppress(PassingFault, OSError):
            spare = await process.spare(self._spare_ended)
            if process is self._process and process.alive:
                self._spare = spare
            else:
                spare.discard()

    def _spare_ended(self) -> None:
        # Not only with the next fork: should the zygote die before that, imports would be waited
        # for, by everybody who waits for a host.
        asyncio.get_running_loop().call_later(_SPARE_PAUSE, self._spare_again)

    def _spare_again(self) -> None:
        if self._process is not None and self._process.alive and self._process.was_ready:
            self._see_to_a_spare(self._process)

    async def _give_up(self, process: ZygoteProcess) -> None:
        # Several may have waited for it; it has failed once.
        if self._process is process:
            self._process = None
            self._note_failure()
            await process.end()

    def _note_failure(self) -> None:
        self._failures += 1
        self._retry_at = time.monotonic() + growing_pause(self._failures, _LONGEST_PAUSE)

    async def _forked(
        self, process: ZygoteProcess, role: str, max_body_bytes: int, on_line: OnLine
    ) -> Child:
        try:
            child, pipes = await self._forked_with_folder(process, role, max_body_bytes)
            await self._listen(child, pipes, on_line)
        except OSError as error:
            # Descriptors, processes or the disk have run out; not the fault of whoever asks.
            raise not_started(str(error), error.errno) from error
        return child

    async def _forked_with_folder(
        self, process: ZygoteProcess, role: str, max_body_bytes: int
    ) -> tuple[Child, dict[str, int]]:
        scratch = self._scratch
        if scratch is None:
            return await process.fork(role, max_body_bytes)
        folder = await self._folder(scratch)
        try:
            child, pipes = await process.fork(role, max_body_bytes, folder)
        except BaseException:
            scratch.remove(folder)
            raise
        child.exited.add_done_callback(lambda _: scratch.remove(folder))
        return child, pipes

    async def _folder(self, scratch: Scratch) -> Path:
        try:
            async with asyncio.timeout(_DISK_SECONDS):
                return await self._beside.obtain(scratch.folder, scratch.remove)
        except TimeoutError:
            detail = f"no folder in PODIUM_HOME after {_DISK_SECONDS:g} s"
            message = "The disk of PODIUM_HOME does not answer, so no process could be started."
            raise PassingFault("start", "disk", message, detail) from None

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
