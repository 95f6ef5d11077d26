"""An environment built from its lock: by uv beside its place, verified, then put there whole."""

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from service.environments.build_settings import EnvironmentSettings
from service.environments.environment import BuildProgress, EnvironmentDelayed, EnvironmentWish
from service.environments.environment_store import (
    LOCK_FILE,
    PART,
    EnvironmentNotes,
    EnvironmentStore,
    remove_part,
)
from service.environments.interpreters import Interpreter
from service.environments.package_sources import PackageSources
from service.environments.resolving import Resolved, scratch
from service.environments.uv_faults import UNREACHABLE, fault_of
from service.environments.uv_runs import UvEnd, UvRuns
from service.environments.verified_files import note_files, note_imported
from service.processes.front.beside import Beside
from service.processes.removal import remove_tree
from service.registry.store.locks import Lock, Locked

_P = ParamSpec("_P")
_T = TypeVar("_T")
# How often another's build of the same is looked at.
_LOOK_SECONDS: Final = 0.2
_REMOVAL_SECONDS: Final = 1.0
_RECORDS: Final = "record_differs"
_LOCK: Final = "lock.txt"
# What zygotes import before they fork: a test holds it to theirs.
IMPORTED: Final = (
    *("mlflow.pyfunc", "mlflow.sklearn", "mlflow.artifacts", "mlflow.tracking", "pandas"),
    *("sklearn.compose", "sklearn.ensemble", "sklearn.linear_model", "sklearn.pipeline"),
    "sklearn.preprocessing",
)
_MEMORY: Final = "podium-memory"
_IMPORT: Final = f"""
import contextlib, importlib, os, sys
for name in sys.argv[1:]:
    with contextlib.suppress(BaseException):
        importlib.import_module(name)
with open("/proc/self/statm") as file:
    pages = int(file.read().split()[1])
with contextlib.suppress(BaseException):
    sys.modules["sklearn.utils"].check_array(sys.modules["pandas"].DataFrame({{"x": [1.0]}}))
with contextlib.suppress(BaseException):
    import skops.io
print("\\n{_MEMORY}", pages * os.sysconf("SC_PAGE_SIZE"), file=sys.stderr)
"""
_TOLD: Final = re.compile(rf"^{_MEMORY} (\d{{1,15}})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What is to be built, of what, and where."""

    key: str
    wish: EnvironmentWish
    interpreter: Interpreter
    sources: PackageSources
    resolved: Resolved
    place: Path

    @property
    def part(self) -> Path:
        """Where it is built."""
        return self.place.with_name(self.place.name + PART)


class Building:
    """Builds environments, one at a time for each place, whichever service does it."""

    def __init__(
        self, settings: EnvironmentSettings, runs: UvRuns, store: EnvironmentStore, beside: Beside
    ) -> None:
        self._settings = settings
        self._runs = runs
        self._store = store
        self._beside = beside

    async def build(
        self, plan: BuildPlan, tell: Callable[[BuildProgress], None], *, copies: bool
    ) -> bool:
        """It lies at its place, complete; False if somebody else has built it meanwhile.

        With `copies` nothing in it is shared with uv's cache. Raises what uv's end means, and
        OSError; when cancelled all processes have gone, and what there was of it is removed.
        """
        async with self._alone(plan.part) as disk:
            if await disk.run(self._store.notes, plan.place) is not None:
                return False
            run = _Build(plan, tell, disk, self._runs, self._settings)
            notes = await run.made(copies=copies)
            await disk.run(self._store.put, plan.part, plan.place, notes)
        return True

    @asynccontextmanager
    async def _alone(self, part: Path) -> AsyncIterator["_PartDisk"]:
        while True:
            try:
                lock = await self._beside.obtain(partial(Lock.exclusive, part), Lock.release)
                break
            except Locked:
                await asyncio.sleep(_LOOK_SECONDS)
        disk = _PartDisk()
        try:
            yield disk
        finally:
            # Waited for no longer than this: a disk may hang. The lock is given back at its end.
            done = asyncio.wrap_future(disk.end(partial(remove_part, part, lock)))
            await asyncio.wait([done], timeout=_REMOVAL_SECONDS)


class _PartDisk:
    """What one build does on its disk, one thing after the other, its removal the last.

    Of a build that is cancelled something may go on in a thread: what was to be renamed into its
    place, or removed for another try, must not meet the removal of it all, nor the next build.
    """

    def __init__(self) -> None:
        self.beside = Beside("environment-part")
        self._ended = threading.Event()

    async def run(self, work: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """As `Beside.run`."""
        return await self.beside.run(work, *args, **kwargs)

    def has_ended(self) -> bool:
        """Whether nobody wants any more of it."""
        return self._ended.is_set()

    def end(self, removal: Callable[[], None]) -> "Future[None]":
        """The removal, after what has begun; what has not begun is left out."""
        self._ended.set()
        return self.beside.submit(removal)


@dataclass(frozen=True, slots=True)
class _Build:
    """One build, by whoever has its part alone."""

    plan: BuildPlan
    tell: Callable[[BuildProgress], None]
    disk: _PartDisk
    runs: UvRuns
    settings: EnvironmentSettings

    async def made(self, *, copies: bool) -> EnvironmentNotes:
        """Installed and noted in its part."""
        wrong = await self._installed(copies=copies)
        if wrong:
            # Somebody has written to uv's cache, most likely through a link of another environment.
            await self._uv(["cache", "clean", *wrong])
            wrong = await self._installed(copies=True)
        memory_bytes = await self._import()
        # By now fetched anew, and of the hash that is locked: it is so in the wheel itself.
        names = ", ".join(wrong)
        sentence = f"The wheels of {names} are not as their own RECORD says."
        findings = ((_RECORDS, sentence),) if wrong else ()
        resolved = self.plan.resolved
        return EnvironmentNotes(
            self.plan.key,
            self.plan.interpreter.version,
            resolved.lock.packages,
            (*resolved.findings, *findings),
            memory_bytes,
        )

    async def _installed(self, *, copies: bool) -> list[str]:
        """The packages that are not as their own RECORD says."""
        packages = len(self.plan.resolved.lock.packages)
        self.tell(BuildProgress("install", packages))
        await self._install(copies=copies)
        self.tell(BuildProgress("verify", packages))
        return await self.disk.run(note_files, self.plan.part, self.disk.has_ended)

    async def _import(self) -> int:
        """What zygotes import is compiled while nobody can have written to it yet, and noted.

        Returns the bytes of memory that it takes; 0: that is not known.
        Whether that can be imported is found out by the first zygote; by one that was killed,
        nothing is.
        """
        part = self.plan.part
        command = [str(part / "bin" / "python"), "-I", "-c", _IMPORT, *IMPORTED]
        async with scratch(self.disk.beside, self.settings.folder) as folder:
            environment = {"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder)}
            ended = await self.runs.run_program(command, environment, folder)
        if ended.was_killed:
            raise fault_of(ended.said)
        await self.disk.run(note_imported, part)
        told = _TOLD.findall(ended.said)
        return int(told[-1]) if told else 0

    async def _install(self, *, copies: bool) -> None:
        plan, part = self.plan, self.plan.part
        await self.disk.run(remove_tree, part)
        await self.disk.run(partial(part.mkdir, parents=True, exist_ok=True))
        await self._run(
            ["venv", "--relocatable", "--no-project", "--python", str(plan.interpreter.path), "."]
        )
        lock = plan.resolved.lock
        await self.disk.run((part / LOCK_FILE).write_text, lock.text)
        await self.disk.run((part / _LOCK).write_text, lock.at(plan.wish.wheels))
        python = str(part / "bin" / "python")
        await self._run_with_or_without_index(
            [
                *("pip", "install", "--python", python, "--requirements", _LOCK),
                *("--require-hashes", "--no-deps", *plan.resolved.way),
                *("--link-mode", "copy" if copies else "hardlink"),
                *(() if self.settings.allow_source_builds else ("--only-binary", ":all:")),
                *plan.sources.arguments,
            ]
        )
        await self.disk.run((part / _LOCK).unlink)

    async def _run_with_or_without_index(self, arguments: list[str]) -> None:
        """What was fetched before needs no index: the lock says which files are meant."""
        try:
            await self._run(arguments)
        except EnvironmentDelayed as delayed:
            if delayed.reason != UNREACHABLE:
                raise
            if not (await self._uv([*arguments, "--offline"])).is_good:
                raise

    async def _run(self, arguments: list[str]) -> None:
        ended = await self._uv(arguments)
        if not ended.is_good:
            raise fault_of(ended.said)

    async def _uv(self, arguments: list[str]) -> UvEnd:
        return await self.runs.run(arguments, self.plan.sources, self.plan.part)
