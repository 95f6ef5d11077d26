"""An environment built from its lock: by uv beside its place, verified, then put there whole."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

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
from service.environments.uv_runs import UvRuns
from service.environments.verified_files import note_files, note_imported
from service.processes.front.beside import Beside
from service.processes.removal import remove_tree
from service.registry.store.locks import Lock, Locked

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
_IMPORT: Final = """
import contextlib, importlib, sys
for name in sys.argv[1:]:
    with contextlib.suppress(BaseException):
        importlib.import_module(name)
"""


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
        async with self._alone(plan.part):
            if await self._beside.run(self._store.notes, plan.place) is not None:
                return False
            findings = await self._made(plan, tell, copies=copies)
            notes = EnvironmentNotes(
                plan.key,
                plan.interpreter.version,
                plan.resolved.lock.packages,
                (*plan.resolved.findings, *findings),
            )
            await self._beside.run(self._store.put, plan.part, plan.place, notes)
        return True

    @asynccontextmanager
    async def _alone(self, part: Path) -> AsyncIterator[None]:
        while True:
            try:
                lock = await self._beside.obtain(partial(Lock.exclusive, part), Lock.release)
                break
            except Locked:
                await asyncio.sleep(_LOOK_SECONDS)
        try:
            yield
        finally:
            # Waited for no longer than this: a disk may hang. The lock is given back at its end.
            done = asyncio.wrap_future(self._beside.submit(partial(remove_part, part, lock)))
            await asyncio.wait([done], timeout=_REMOVAL_SECONDS)

    async def _made(
        self, plan: BuildPlan, tell: Callable[[BuildProgress], None], *, copies: bool
    ) -> tuple[tuple[str, str], ...]:
        packages = len(plan.resolved.lock.packages)
        tell(BuildProgress("install", packages))
        await self._install(plan, copies=copies)
        tell(BuildProgress("verify", packages))
        wrong = await self._beside.run(note_files, plan.part)
        if not wrong:
            await self._import(plan)
            return ()
        # Somebody has written to uv's cache, most likely through a link of another environment.
        await self._runs.run(
            ["cache", "clean", *wrong], plan.sources, await self._scratch(plan.part)
        )
        tell(BuildProgress("install", packages))
        await self._install(plan, copies=True)
        tell(BuildProgress("verify", packages))
        wrong = await self._beside.run(note_files, plan.part)
        await self._import(plan)
        # By now fetched anew, and of the hash that is locked: it is so in the wheel itself.
        names = ", ".join(wrong)
        sentence = f"The wheels of {names} are not as their own RECORD says."
        return ((_RECORDS, sentence),) if wrong else ()

    async def _import(self, plan: BuildPlan) -> None:
        """What zygotes import is compiled while nobody can have written to it yet, and noted.

        Whether that can be imported is found out by the first zygote.
        """
        command = [str(plan.part / "bin" / "python"), "-I", "-c", _IMPORT, *IMPORTED]
        with scratch(self._settings.folder) as folder:
            environment = {"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder)}
            await self._runs.run_program(command, environment, folder)
        await self._beside.run(note_imported, plan.part)

    async def _install(self, plan: BuildPlan, *, copies: bool) -> None:
        part, python = plan.part, str(plan.part / "bin" / "python")
        await self._beside.run(remove_tree, part)
        folder = await self._scratch(part)
        await self._run(
            ["venv", "--relocatable", "--no-project", "--python", str(plan.interpreter.path), "."],
            plan.sources,
            folder,
        )
        text = plan.resolved.lock.text
        await self._beside.run((part / LOCK_FILE).write_text, text)
        await self._beside.run((part / _LOCK).write_text, plan.resolved.lock.at(plan.wish.wheels))
        await self._run_with_or_without_index(
            [
                *("pip", "install", "--python", python, "--requirements", _LOCK),
                *("--require-hashes", "--no-deps", *plan.resolved.way),
                *("--link-mode", "copy" if copies else "hardlink"),
                *(() if self._settings.allow_source_builds else ("--only-binary", ":all:")),
                *plan.sources.arguments,
            ],
            plan.sources,
            folder,
        )
        await self._beside.run((part / _LOCK).unlink)

    async def _scratch(self, part: Path) -> Path:
        await self._beside.run(partial(part.mkdir, parents=True, exist_ok=True))
        return part

    async def _run_with_or_without_index(
        self, arguments: list[str], sources: PackageSources, folder: Path
    ) -> None:
        """What was fetched before needs no index: the lock says which files are meant."""
        try:
            await self._run(arguments, sources, folder)
        except EnvironmentDelayed as delayed:
            if delayed.reason != UNREACHABLE:
                raise
            if not (await self._runs.run([*arguments, "--offline"], sources, folder)).is_good:
                raise

    async def _run(self, arguments: list[str], sources: PackageSources, folder: Path) -> None:
        ended = await self._runs.run(arguments, sources, folder)
        if not ended.is_good:
            raise fault_of(ended.said)
