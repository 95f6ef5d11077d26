"""uv, run in a process of its own that ends with whoever wants it, with all that it has started."""

import asyncio
import contextlib
import errno
import os
import signal
import sys
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from service.environments.environment import STAGE, EnvironmentDelayed, EnvironmentRefused
from service.environments.package_sources import PackageSources
from service.errors import FollowingError
from service.processes import lifetime
from service.processes.exhausted import is_want_of_processes, processes_exhausted
from service.processes.front.beside import Beside

_SUPERVISED: Final = "service.environments.supervised"
_END_SECONDS: Final = 0.5
_MOST_SAID: Final = 64 * 1024
# The program as its supervisor says, and the supervisor itself.
_KILLED: Final = frozenset(
    code for number in (signal.SIGKILL, signal.SIGTERM) for code in (128 + number, -number)
)


@dataclass(frozen=True, slots=True)
class UvEnd:
    """How one run has ended: `said` is what it has told people, without credentials."""

    status: int
    said: str = field(repr=False)

    @property
    def is_good(self) -> bool:
        """Whether it has done what was asked."""
        return self.status == 0

    @property
    def was_killed(self) -> bool:
        """Whether somebody, or the kernel for want of memory, has ended it or who watched it."""
        return self.status in _KILLED


class UvRuns:
    """Runs uv; its arguments hold nothing secret, and its environment is that of the sources."""

    def __init__(self, uv: Path | None) -> None:
        self._uv = uv
        self._beside = Beside("uv")

    async def run(self, arguments: Sequence[str], sources: PackageSources, folder: Path) -> UvEnd:
        """Returns when it and all its children have gone, when cancelled too; in that folder.

        Raises `PassingFault` where no process can be started, and `EnvironmentRefused` where there
        is no uv, or it is asked for more than can be said.
        """
        if self._uv is None:
            self._uv = await self._beside.run(_beside_podium)
        command = [str(self._uv), *arguments, "--color", "never"]
        ended = await self.run_program(command, sources.environment, folder)
        return UvEnd(ended.status, sources.without_secrets(ended.said))

    async def run_program(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> UvEnd:
        """The same for another program, with that environment alone."""
        process = await _started(command, environment, folder)
        try:
            said = await _said(process.stderr)
            await process.wait()
        finally:
            await _surely(_ended(process))
        return UvEnd(process.returncode or 0, said)


async def _started(
    command: Sequence[str], environment: Mapping[str, str], folder: Path
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", _SUPERVISED, str(os.getpid()), *command),
            cwd=folder,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise _not_started(command, environment, error) from error


def _not_started(
    command: Sequence[str], environment: Mapping[str, str], error: OSError
) -> FollowingError:
    """That is no fault of the disk that an environment is built on."""
    if is_want_of_processes(error):
        return processes_exhausted(STAGE, repr(error))
    if error.errno != errno.E2BIG:
        message = "What builds environments could not be started."
        return EnvironmentDelayed("environment_failed", message, repr(error))
    if _length(command) > _length([*environment, *environment.values()]):
        message = (
            "The version asks for so many packages that uv cannot be told of all of them: log it "
            "with fewer, or without its uv.lock."
        )
        return EnvironmentRefused("requirements_too_long", message, repr(error))
    message = (
        "What pip's configuration and the variables PIP_* and UV_* say is too long for uv to be "
        "given: shorten it."
    )
    return EnvironmentDelayed("environment_failed", message, repr(error))


def _length(texts: Iterable[str]) -> int:
    return sum(map(len, texts))


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Returns when it has gone: asked to, so that it can end all that has come of it, or killed."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
    # One that does not answer, or that somebody has killed, has ended nothing of its group.
    if process.returncode is None or process.returncode < 0:
        lifetime.end_group(process.pid)
    await process.wait()


async def _surely(work: Coroutine[Any, Any, None]) -> None:
    """Returns when it has been done, also where whoever waits is cancelled, and once more."""
    task = asyncio.get_running_loop().create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


def _beside_podium() -> Path:
    try:
        from uv import find_uv_bin

        return Path(find_uv_bin())
    except (ImportError, FileNotFoundError) as error:
        message = (
            "uv is not installed beside Podium, which builds environments with it: install it."
        )
        raise EnvironmentRefused("uv_missing", message, repr(error)) from error


async def _said(pipe: asyncio.StreamReader | None) -> str:
    """The end of it, however much it says."""
    kept = b""
    while pipe is not None and (more := await pipe.read(_MOST_SAID)):
        kept = (kept + more)[-_MOST_SAID:]
    return kept.decode(errors="replace")
