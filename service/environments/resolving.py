"""From a wish to its lock: resolved once by uv, as of the day the version was logged, and kept."""

import asyncio
import contextlib
import hashlib
import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from service.environments.build_settings import EnvironmentSettings
from service.environments.build_time import BuildTime
from service.environments.environment import EnvironmentRefused, EnvironmentWish
from service.environments.interpreters import Interpreter
from service.environments.package_lock import (
    PackageLock,
    UvLock,
    asked_for,
    checked,
    input_digest,
    pinned,
    read_uv_lock,
)
from service.environments.package_sources import PackageSources
from service.environments.uv_faults import NOWHERE, UNDATED, fault_of
from service.environments.uv_runs import UvRuns
from service.processes.front.beside import Beside
from service.processes.removal import remove_tree
from service.registry.store.durable import write_whole

_FOLDER: Final = "locks"
_SCRATCH: Final = "resolving-"
_AT_ONCE: Final = 2
# A disk may hang.
_REMOVAL_SECONDS: Final = 1.0
# The first index that has a package at all, so that no stranger's of a higher version is taken.
# Where that has not what is asked for, as a mirror of some releases or of one Python's wheels, the
# next ones are: pip would ask all of them, and the last way is its own.
_STRATEGIES: Final = ("first-index", "unsafe-first-match", "unsafe-best-match")
_NEXT: Final = (
    "The first package index that has one of its packages does not have what is asked for; the "
    "next ones were asked for it. UV_INDEX_STRATEGY=first-index forbids that."
)
_NEXT_INDEX: Final = ("next_index_asked", _NEXT)
_TODAYS: Final = (
    "The packages that its own ones need are the newest, not those of the day when it was logged: "
    "that day, or those of the packages, are not known."
)
_UNPINNED: Final = ("unpinned_by_date", _TODAYS)
BuildFindings = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A lock, what was seen while it was made, and the arguments that find the same files again."""

    lock: PackageLock
    findings: BuildFindings = ()
    way: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to ask for packages."""

    arguments: tuple[str, ...]
    findings: BuildFindings
    is_undated: bool


class Resolving:
    """Makes locks and keeps them, so that the same wish is the same environment for ever."""

    def __init__(self, settings: EnvironmentSettings, runs: UvRuns, beside: Beside) -> None:
        self._settings = settings
        self._runs = runs
        self._beside = beside
        # What is kept waits for nobody's.
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def resolved(
        self,
        wish: EnvironmentWish,
        interpreter: Interpreter,
        sources: PackageSources,
        time: BuildTime,
    ) -> Resolved:
        """The lock that is kept, or a new one. Raises as `BuildsEnvironments` does, and OSError."""
        path = await self._beside.run(self._path, wish, interpreter, sources)
        locked = await self._beside.run(_locked, wish.uv_lock)
        kept = await self._beside.run(_kept, path)
        if kept is not None:
            await self._beside.run(checked, kept.lock, wish, locked.hashes)
            return kept
        if not sources.has_index:
            message = (
                "There is no package index: pip's configuration says `no-index`. Set "
                "PODIUM_WHEELHOUSE, or build the environment into the image."
            )
            raise EnvironmentRefused("no_index", message)
        async with time.turn(self._turns):
            made = await self._made(wish, locked, interpreter, sources)
        await self._beside.run(checked, made.lock, wish, locked.hashes)
        await self._beside.run(_keep, path, made)
        return made

    def _path(
        self, wish: EnvironmentWish, interpreter: Interpreter, sources: PackageSources
    ) -> Path:
        digest = input_digest(
            wish,
            interpreter,
            sources.constraints,
            source_builds=self._settings.allow_source_builds,
            wheels=[_digest(each) for each in wish.wheels],
            others=[*sources.wished, "" if wish.uv_lock is None else _digest(wish.uv_lock)],
        )
        return self._settings.folder / _FOLDER / f"{digest}.json"

    async def _made(
        self,
        wish: EnvironmentWish,
        locked: UvLock,
        interpreter: Interpreter,
        sources: PackageSources,
    ) -> Resolved:
        """By the first way that leads to a lock; the last way's fault where none does.

        The last asks the most: what a way before it lacked may be there, and would be told though
        something else is missing.
        """
        faults: list[EnvironmentRefused] = []
        has_dates = self._settings.wheelhouse is None
        for way in await self._beside.run(_ways, wish, locked, sources, has_dates=has_dates):
            # Others change nothing where it is not dates that were in the way.
            if (
                way.is_undated
                and faults
                and not any(UNDATED.search(each.detail) for each in faults)
            ):
                continue
            try:
                lock = await self._compiled(wish, locked, interpreter, sources, way.arguments)
            except EnvironmentRefused as refused:
                # No way leads to what is nowhere.
                if refused.reason == NOWHERE:
                    raise
                faults.append(refused)
            else:
                return Resolved(lock, way.findings, way.arguments)
        raise faults[-1]

    async def _compiled(
        self,
        wish: EnvironmentWish,
        locked: UvLock,
        interpreter: Interpreter,
        sources: PackageSources,
        way: Sequence[str],
    ) -> PackageLock:
        async with scratch(self._beside, self._settings.folder) as folder:
            await self._beside.run(_write, folder, wish, locked, sources.constraints)
            ended = await self._runs.run(
                [
                    *("pip", "compile", "requirements.in", "--output-file", "lock.txt"),
                    *("--constraints", "constraints.in", "--python", str(interpreter.path)),
                    *("--generate-hashes", "--no-header", "--no-annotate", "--no-sources"),
                    *(() if self._settings.allow_source_builds else ("--only-binary", ":all:")),
                    *(*way, *sources.arguments),
                ],
                sources,
                folder,
            )
            if not ended.is_good:
                raise fault_of(ended.said)
            text = await self._beside.run((folder / "lock.txt").read_text)
        return PackageLock.made(text, wish.wheels)


def _ways(
    wish: EnvironmentWish, locked: UvLock, sources: PackageSources, *, has_dates: bool
) -> list[_Way]:
    """As of the day when it was logged, or else as of today; by the first index, or else by all.

    An index may tell no dates; a folder of wheels tells none.
    """
    days: list[tuple[tuple[str, ...], BuildFindings]] = [((), (_UNPINNED,) if has_dates else ())]
    if wish.cut_off is not None and has_dates:
        day = wish.cut_off.isoformat().replace("+00:00", "Z")
        of_any_day = [f"{name}=false" for name in {*pinned(wish), *locked.names}]
        free = [part for each in of_any_day for part in ("--exclude-newer-package", each)]
        days.insert(0, (("--exclude-newer", day, *free), ()))
    return [
        _Way(
            (*arguments, "--index-strategy", strategy),
            (*unpinned, *(() if strategy == _STRATEGIES[0] else (_NEXT_INDEX,))),
            not arguments,
        )
        for arguments, unpinned in days
        for strategy in _strategies(sources)
    ]


def _strategies(sources: PackageSources) -> tuple[str, ...]:
    if sources.index_strategy:
        return (sources.index_strategy,)
    return _STRATEGIES if sources.has_several else _STRATEGIES[:1]


@contextlib.asynccontextmanager
async def scratch(beside: Beside, folder: Path) -> AsyncIterator[Path]:
    """An empty folder, gone afterwards; a few small files are all that is ever in it."""

    def new() -> Path:
        return Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=folder))

    made = await beside.obtain(new, remove_tree)
    try:
        yield made
    finally:
        done = asyncio.wrap_future(beside.submit(partial(remove_tree, made)))
        await asyncio.wait([done], timeout=_REMOVAL_SECONDS)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(folder: Path, wish: EnvironmentWish, locked: UvLock, operators: Sequence[str]) -> None:
    requirements = asked_for(wish, locked)
    constraints = [*wish.constraints, *locked.pins, *operators]
    (folder / "requirements.in").write_text("".join(f"{line}\n" for line in requirements))
    (folder / "constraints.in").write_text("".join(f"{line}\n" for line in constraints))


def _locked(path: Path | None) -> UvLock:
    return UvLock() if path is None else read_uv_lock(path.read_bytes())


def _kept(path: Path) -> Resolved | None:
    try:
        told = json.loads(path.read_bytes())
        findings = tuple((code, sentence) for code, sentence in told["findings"])
        return Resolved(PackageLock(str(told["lock"])), findings, tuple(map(str, told["way"])))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, made: Resolved) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"lock": made.lock.text, "findings": made.findings, "way": made.way}
    write_whole(path, json.dumps(told).encode())


def with_findings(resolved: Resolved, findings: BuildFindings) -> Resolved:
    """The same, with findings of this time alone before it."""
    return replace(resolved, findings=(*findings, *resolved.findings))
