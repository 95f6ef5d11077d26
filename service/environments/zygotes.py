"""One zygote an environment: started when the first version wants it, ended after the last."""

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from service.background import Work, begin
from service.environments.environment import (
    BuiltEnvironment,
    EnvironmentDelayed,
    EnvironmentRefused,
)
from service.environments.host_code import HostCode
from service.errors import FollowingError, PassingFault
from service.hosting.specification import HOST_ROLE, SKOPS_HOST_ROLE
from service.inspector.wire import INSPECTOR_ROLE
from service.processes.front.beside import Beside
from service.processes.front.child import Child
from service.processes.front.ending import Ending
from service.processes.front.output import OnLine
from service.processes.front.scratch import Scratch
from service.zygote.front.handle import Zygote
from service.zygote.front.process import not_started
from service.zygote.front.spawning import OtherPython, ZygoteCommand

# Asked to, or killed by the kernel for want of memory: it says nothing of the environment.
_NOBODYS: Final = frozenset({0, "SIGKILL", "SIGTERM"})
# What Python prints where the machine has run out of something.
_WANTING: Final = (
    *("MemoryError", "Cannot allocate memory", "failed to map segment", "can't start new thread"),
    *("Resource temporarily unavailable", "Too many open files", "No space left on device"),
)
_ALTERED: Final = "environment_altered"
_LAST_LINES: Final = 20
# More than that may have been ended by what they were to fork.
_ZYGOTES_A_FORK: Final = 3
# Variables of Podium's own Python; another one is started without regard to them, and what a model
# starts should be as its own.
_OF_PYTHON: Final = "PYTHON"

Verify = Callable[[BuiltEnvironment], Awaitable[None]]


async def _trusting(_: BuiltEnvironment) -> None:
    """Nobody has changed any file."""


class HeldZygote:
    """`service.processes.front.child.Forks` for as long as it is held, and its memory with it."""

    def __init__(self, zygote: "_EnvironmentZygote", release: Callable[[], None]) -> None:
        self._zygote = zygote
        self._release: Callable[[], None] | None = release

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        """A new child of the environment's libraries; raises `PassingFault` or `VersionFault`."""
        return await self._zygote.fork(role, max_body_bytes, on_line)

    def release(self) -> None:
        """The zygote ends with its last holder, and all that it has forked with it.

        Returns at once; may be called again.
        """
        release, self._release = self._release, None
        if release is not None:
            release()


class EnvironmentZygotes:
    """The zygotes of all environments that versions run in.

    Args:
        code: the files of Podium that they run.
        environment: the variables of Podium's own hosts.
        verify: asked before each start whether the environment is as it was built; raises
            `EnvironmentDelayed` if it is not. Who holds it then gets a `VersionFault` for their
            next host.
        on_death: told when one has died; it is replaced when a host is asked for.
        scratch: where children get temporary folders; not owned. None: they use the system's.
        on_line: told what zygotes print.
    """

    def __init__(  # noqa: PLR0913 - what the composition root gives, once
        self,
        code: HostCode,
        environment: Mapping[str, str],
        *,
        verify: Verify = _trusting,
        on_death: Callable[[Ending], None] = lambda _: None,
        scratch: Scratch | None = None,
        on_line: OnLine = lambda _stream, _line: None,
    ) -> None:
        self._code = code
        self._environment = environment
        self._verify = verify
        self._on_death = on_death
        self._scratch = scratch
        self._on_line = on_line
        self._beside = Beside("host-code")
        # Not by key: where files of one were altered while it was in use, another lies beside it.
        self._held: dict[Path, _EnvironmentZygote] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    async def of(self, built: BuiltEnvironment, role: str = HOST_ROLE) -> HeldZygote:
        """Ready to fork, one for all who want that environment; to be released by the caller.

        One that is started for that role imports for it at once what it else would with the first
        fork, and in less time.

        Raises `EnvironmentRefused` where the environment cannot be imported from,
        `EnvironmentDelayed` or another `PassingFault` where none can be started now. Cancelling
        ends it unless somebody else wants it.
        """
        held = self._hold(built, role)
        try:
            await self._held[built.interpreter].start()
        except BaseException:
            held.release()
            raise
        return held

    async def close(self) -> None:
        """Ends all of them, whoever holds them, and what they have forked; waits for that."""
        self._closed = True
        for interpreter in list(self._held):
            self._end(self._held.pop(interpreter))
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _hold(self, built: BuiltEnvironment, role: str) -> HeldZygote:
        if self._closed:
            raise EnvironmentDelayed("stopping", "The service is stopping.")
        zygote = self._held.get(built.interpreter)
        if zygote is None:
            zygote = self._held[built.interpreter] = self._made(built, role)
        zygote.holders += 1
        return HeldZygote(zygote, lambda: self._let_go(zygote))

    def _let_go(self, zygote: "_EnvironmentZygote") -> None:
        zygote.holders -= 1
        interpreter = zygote.built.interpreter
        if not zygote.holders and self._held.get(interpreter) is zygote:
            self._end(self._held.pop(interpreter))

    def _end(self, zygote: "_EnvironmentZygote") -> None:
        ending = begin(Work.PROCESSES, zygote.close())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def _made(self, built: BuiltEnvironment, role: str) -> "_EnvironmentZygote":
        async def command() -> ZygoteCommand:
            await self._verify(built)
            try:
                code = await self._beside.run(self._code.archive)
            except OSError as error:
                message = (
                    "Podium's own files could not be written to PODIUM_HOME; it is tried again."
                )
                raise EnvironmentDelayed("disk", message, str(error)) from error
            return zygote_command_of(built, code, self._environment, role)

        return _EnvironmentZygote(built, command, self._on_death, self._scratch, self._on_line)


class _EnvironmentZygote:
    """The zygote of one environment, and another one in its place when it has died."""

    def __init__(
        self,
        built: BuiltEnvironment,
        command: Callable[[], Awaitable[ZygoteCommand]],
        on_death: Callable[[Ending], None],
        scratch: Scratch | None,
        on_line: OnLine,
    ) -> None:
        self.built = built
        self.holders = 0
        self._command = command
        self._on_death = on_death
        self._scratch = scratch
        self._on_line = on_line
        self._zygote: Zygote | None = None
        self._starting: asyncio.Task[Zygote] | None = None
        self._ending: Ending | None = None
        self._last = deque[str](maxlen=_LAST_LINES)
        self._closed = False

    async def start(self) -> Zygote:
        """The one that can fork; one start for all who wait for it."""
        if self._closed:
            raise not_started("nobody holds the environment's zygote any more")
        if self._zygote is not None and self._ending is None:
            return self._zygote
        if self._starting is None or self._starting.done():
            self._starting = asyncio.get_running_loop().create_task(self._started())
            self._starting.add_done_callback(_seen)
        return await asyncio.shield(self._starting)

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        """What one has not done by its end the next one is asked for."""
        for _ in range(_ZYGOTES_A_FORK - 1):
            zygote = await self._at_hand()
            try:
                return await zygote.fork(role, max_body_bytes, on_line)
            except PassingFault:
                if self._zygote is zygote and self._ending is None:
                    raise
        return await (await self._at_hand()).fork(role, max_body_bytes, on_line)

    async def _at_hand(self) -> Zygote:
        try:
            return await self.start()
        except EnvironmentDelayed as delayed:
            if delayed.reason != _ALTERED:
                raise
            # For those that hold this one there will be no other: they are to be staged anew.
            raise EnvironmentRefused(delayed.reason, delayed.message, delayed.detail) from delayed

    async def close(self) -> None:
        """Returns when it and all of its children are gone."""
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        await self._retire()

    async def _started(self) -> Zygote:
        await self._retire()
        command = await self._command()
        zygote = Zygote(command, None, self._died, self._scratch, self._printed, lent=True)
        try:
            await zygote.start()
        except BaseException as error:
            await asyncio.shield(zygote.close())  # what it has printed is heard by then
            if isinstance(error, PassingFault):
                raise self._fault(error) from error
            raise
        self._zygote = zygote
        return zygote

    async def _retire(self) -> None:
        zygote, self._zygote = self._zygote, None
        self._ending = None
        self._last.clear()
        if zygote is not None:
            await asyncio.shield(zygote.close())

    def _died(self, ending: Ending) -> None:
        self._ending = ending
        if self._zygote is not None:  # else whoever waits for its start is told
            self._on_death(ending)

    def _printed(self, stream: str, line: str) -> None:
        self._last.append(line)
        self._on_line(stream, line)

    def _fault(self, fault: PassingFault) -> FollowingError:
        printed = "\n".join(self._last)
        if self._ending is None or self._ending.status in _NOBODYS or _is_want(printed):
            return EnvironmentDelayed(fault.reason, fault.message, printed or fault.detail)
        return EnvironmentRefused(
            "environment_unusable",
            "The version's environment was built, and what a host needs cannot be imported in it; "
            "the log says why. Log the model again with requirements that fit one another.",
            printed or f"its interpreter ended with {self._ending.status}",
        )


def zygote_command_of(
    built: BuiltEnvironment, code: Path, environment: Mapping[str, str], role: str = HOST_ROLE
) -> ZygoteCommand:
    """How the zygote of an environment is started: its interpreter, and host roles alone.

    What the first host's `role` takes is imported at once.
    `environment` is what Podium's own hosts have. What a model starts by name is found in its
    environment first.
    """
    of_hosts = {
        name: value for name, value in environment.items() if not name.startswith(_OF_PYTHON)
    }
    folders = (str(built.interpreter.parent), environment.get("PATH", os.defpath))
    at_once = (HOST_ROLE, SKOPS_HOST_ROLE) if role == SKOPS_HOST_ROLE else (HOST_ROLE,)
    return ZygoteCommand(
        at_once,
        {**of_hosts, "PATH": os.pathsep.join(folders)},
        late=tuple(each for each in (SKOPS_HOST_ROLE, INSPECTOR_ROLE) if each not in at_once),
        other=OtherPython(built.interpreter, code),
        once=True,
    )


def _is_want(printed: str) -> bool:
    return any(word in printed for word in _WANTING)


def _seen(starting: asyncio.Task[Zygote]) -> None:
    # Whoever has waited may have gone.
    if not starting.cancelled():
        starting.exception()
