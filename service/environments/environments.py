"""Whoever wants an environment gets it: what is there, or what one build makes for all of them."""

import asyncio
import contextlib
import errno
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from service.background import Work, begin
from service.environments.build_settings import EnvironmentSettings
from service.environments.build_time import BuildTime
from service.environments.building import Building, BuildPlan
from service.environments.environment import (
    BuildProgress,
    BuiltEnvironment,
    EnvironmentDelayed,
    EnvironmentRefused,
    EnvironmentWish,
    ForeseenBuild,
)
from service.environments.environment_store import (
    CACHE,
    LOCK_FILE,
    EnvironmentEntry,
    EnvironmentNotes,
    EnvironmentStore,
    OpenedEnvironment,
)
from service.environments.interpreters import Interpreters
from service.environments.package_sources import package_sources
from service.environments.resolving import Resolving, with_findings
from service.environments.uv_runs import UvRuns
from service.environments.verified_files import EnvironmentAltered, verify_files
from service.processes.front.beside import Beside
from service.registry.front.leases import CacheLease, Locks
from service.registry.store.locks import Lock, Locked

Tell = Callable[[BuildProgress], None]
_THREADS: Final = 4
# At the end of a service, for what is removed for want of room.
_TIDY_SECONDS: Final = 5.0
# How often one is looked at that somebody has alone, and for how long it is looked for.
_LOOK_SECONDS: Final = 0.05
_KEPT_SECONDS: Final = 120.0
_TRIES: Final = 3
_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class ShownEnvironment:
    """What one environment is made of, for people."""

    notes: EnvironmentNotes
    place: Path
    lock: str


class Environments:
    """`service.environments.environment.BuildsEnvironments`, on this machine's disk."""

    def __init__(self, settings: EnvironmentSettings) -> None:
        # uv runs in folders of its own.
        settings = settings.absolute()
        self._settings = settings
        self._beside = Beside("environments", _THREADS)
        self._locks = Locks()
        self._runs = UvRuns(settings.uv)
        self._store = EnvironmentStore(settings.folder)
        given = settings.builder_environment
        self._interpreters = Interpreters(settings.pythons, given)
        self._resolving = Resolving(settings, self._runs, self._beside)
        self._building = Building(settings, self._runs, self._store, self._beside)
        self._wanted: dict[EnvironmentWish, _Wanted] = {}
        # Of many versions at once: what is there already waits for none of them.
        self._builds = asyncio.Semaphore(_AT_ONCE)
        self._tidying: asyncio.Task[None] | None = None
        self._is_untidy = False
        self._is_closed = False
        self._is_prepared = False

    async def environment(
        self, wish: EnvironmentWish, tell: Tell = lambda _: None
    ) -> BuiltEnvironment:
        """Complete, verified, leased: as `BuildsEnvironments` says."""
        wanted = self._wanted.get(wish)
        if wanted is None:
            wanted = self._wanted[wish] = _Wanted(partial(self._in_time, wish))
            wanted.when_ended(partial(self._forget, wish, wanted))
        return await wanted.joined(tell)

    async def foresee(self, wish: EnvironmentWish) -> ForeseenBuild:
        """Resolved, and looked for here: as `BuildsEnvironments` says."""
        time = BuildTime(self._settings.timeout)
        try:
            async with time.limit():
                await self._prepare()
                plan = await self.planned(wish, time)
                there = await self._beside.run(self._store.whole, plan.key)
        except TimeoutError as error:
            raise self._late() from error
        except OSError as error:
            raise _disk_fault(error) from error
        packages, python = plan.resolved.lock.packages, plan.interpreter.version
        memory = 0 if there is None else there.memory_bytes
        many = len(packages)
        return ForeseenBuild(plan.key, python, many, there=there is not None, memory_bytes=memory)

    async def kept(self, key: str) -> BuiltEnvironment | None:
        """The environment of that key, leased, if it lies here as it was built."""
        for place in self._store.places(key):
            with contextlib.suppress(EnvironmentAltered, OSError):
                async with asyncio.timeout(_KEPT_SECONDS):
                    found = await self._opened(place)
                if found is not None:
                    lease = self._lease(found.lock)
                    kept = _at(place, found.notes, found.notes.python, lease)
                    if await self._starts(kept, lease):
                        return kept
        return None

    async def _starts(self, kept: BuiltEnvironment, lease: CacheLease) -> bool:
        """Whether its interpreter does, which lies elsewhere; else its lease is given back."""
        runs = False
        try:
            runs = await self._interpreters.runs(kept.interpreter, kept.python)
        finally:
            if not runs:
                lease.release()
        return runs

    async def verify(self, built: BuiltEnvironment) -> None:
        """Returns if its files are as they were installed; before its zygote is started again.

        Raises `EnvironmentDelayed`: asked for once more, it is built anew.
        """
        try:
            await self._beside.run(verify_files, built.folder)
        except (EnvironmentAltered, OSError) as error:
            message = "A file of the version's environment was altered; it is built anew."
            raise EnvironmentDelayed("environment_altered", message, repr(error)) from error

    async def entries(self) -> Sequence[EnvironmentEntry]:
        """All that are complete, those that were used last first. Raises OSError."""
        return await self._beside.run(self._store.entries)

    async def show(self, key: str) -> Sequence[ShownEnvironment]:
        """Those whose key begins so, with their locks. Raises OSError."""
        return await self._beside.run(self._shown, key)

    async def prune(self) -> int:
        """Removes every environment that nobody has a lease on, and uv's cache; bytes freed."""
        await self._prepare()
        before = await self._beside.run(self._store.usage)
        await self._beside.run(self._store.evict, -1)
        await self._clean_cache()
        return max(0, before - await self._beside.run(self._store.usage))

    def make_room(self) -> None:
        """What is too much on disk goes, unless somebody has a lease; nobody waits for that."""
        if self._is_closed:
            return
        self._is_untidy = True
        if self._tidying is None or self._tidying.done():
            self._tidying = begin(Work.CACHE, self._room_made())

    async def close(self) -> None:
        """Ends every build; returns when all of their processes have gone.

        Room is made until then, unless that takes long: the next service makes it.
        """
        self._is_closed = True
        for wanted in list(self._wanted.values()):
            await wanted.end()
        tidying = self._tidying
        if tidying is not None and not tidying.done():
            await asyncio.wait([tidying], timeout=_TIDY_SECONDS)
            tidying.cancel()
            await asyncio.wait([tidying], timeout=_TIDY_SECONDS)

    def _forget(self, wish: EnvironmentWish, wanted: "_Wanted") -> None:
        # Somebody may have wanted it anew since.
        if self._wanted.get(wish) is wanted:
            del self._wanted[wish]

    def _shown(self, key: str) -> list[ShownEnvironment]:
        found = [each for each in self._store.entries() if each.notes.key.startswith(key)]
        return [
            ShownEnvironment(each.notes, each.place, (each.place / LOCK_FILE).read_text())
            for each in found
        ]

    async def _in_time(self, wish: EnvironmentWish, tell: Tell) -> BuiltEnvironment:
        time = BuildTime(self._settings.timeout)
        try:
            async with time.limit():
                return await self._made(wish, tell, time)
        except TimeoutError as error:
            raise self._late() from error
        except OSError as error:
            raise _disk_fault(error) from error

    def _late(self) -> EnvironmentDelayed:
        message = (
            f"The environment was not built within {self._settings.timeout:g} s; what was fetched "
            "so far is kept."
        )
        return EnvironmentDelayed("environment_timed_out", message)

    async def planned(self, wish: EnvironmentWish, time: BuildTime) -> BuildPlan:
        """What is to be built, resolved within that time. Raises as `environment`, and OSError."""
        interpreter = await self._interpreters.find(wish.python)
        sources = await self._beside.run(
            package_sources, self._settings, wish.indexes, wish.unasked
        )
        try:
            resolved = await self._resolving.resolved(wish, interpreter, sources, time)
        except EnvironmentRefused as refused:
            # Where it is, perhaps, that which is missing.
            hints = "".join(f" {sentence}" for _, sentence in sources.findings)
            message = f"{refused.message}{hints}"
            raise EnvironmentRefused(refused.reason, message, refused.detail) from refused
        resolved = with_findings(resolved, sources.findings)
        key = resolved.lock.key(interpreter)
        place = next(self._store.places(key))
        return BuildPlan(key, wish, interpreter, sources, resolved, place)

    async def _made(self, wish: EnvironmentWish, tell: Tell, time: BuildTime) -> BuiltEnvironment:
        await self._prepare()
        tell(BuildProgress("resolve"))
        planned = await self.planned(wish, time)
        written_to = False
        for place in self._store.places(planned.key):
            plan = replace(planned, place=place)
            for _ in range(_TRIES):
                try:
                    found = await self._found(plan, tell, time, copies=written_to)
                except EnvironmentAltered:
                    written_to = True
                    # One that somebody uses is left to them.
                    if not await self._beside.run(self._store.discard, place):
                        break
                else:
                    if found is not None:
                        return found
        message = "Every copy of the version's environment was altered, and is in use."
        raise EnvironmentDelayed("environment_altered", message)

    async def _found(
        self, plan: BuildPlan, tell: Tell, time: BuildTime, *, copies: bool
    ) -> BuiltEnvironment | None:
        """What lies at the place, built there if nothing does; None if it has just gone again."""
        built = False
        found = await self._leased(plan)
        if found is None:
            async with time.turn(self._builds):
                built = await self._building.build(plan, tell, copies=copies)
            found = await self._leased(plan)
            if built:
                self.make_room()
        return None if found is None else replace(found, built=built)

    async def _leased(self, plan: BuildPlan) -> BuiltEnvironment | None:
        found = await self._opened(plan.place)
        return None if found is None else _built(plan, found.notes, self._lease(found.lock))

    async def _opened(self, place: Path) -> OpenedEnvironment | None:
        """Whoever waits for another who has it alone, for a moment, waits in no thread."""
        while True:
            try:
                return await self._beside.obtain(partial(self._store.opened, place), _give_back)
            except Locked:
                await asyncio.sleep(_LOOK_SECONDS)

    def _lease(self, lock: Lock) -> CacheLease:
        # What was too much and in use may go once it is not.
        return self._locks.lease_of(lock, self.make_room)

    async def _room_made(self) -> None:
        """What was fetched goes first: what was built may be all there is without an index."""
        limit = self._settings.max_bytes
        await self._prepare()  # what killed builds have left goes before anything else
        while self._is_untidy:
            self._is_untidy = False
            if await self._clean_cache_if_worth_it(limit):
                await self._beside.run(self._store.evict, limit)
                await self._clean_cache_if_worth_it(limit)

    async def _clean_cache_if_worth_it(self, limit: int) -> bool:
        """Whether there was too much, before.

        Its files that are environments' too take no room, and save the next build its downloads.
        Where what is in use is beyond the limit by itself, each build would empty it for nothing.
        """
        taken = await self._beside.run(self._store.taken)
        is_over = taken.total > limit
        if is_over and (taken.built <= limit or taken.fetched > limit / 10):
            await self._clean_cache()
        return is_over

    async def _clean_cache(self) -> None:
        if await self._beside.run((self._settings.folder / CACHE).exists):
            sources = await self._beside.run(package_sources, self._settings, ())
            await self._runs.run(["cache", "clean"], sources, self._settings.folder)

    async def _prepare(self) -> None:
        if not self._is_prepared:
            await self._beside.run(self._store.prepare)
            self._is_prepared = True


class _Wanted:
    """One environment that is being got for all who want it; ended when nobody does."""

    def __init__(self, make: Callable[[Tell], Coroutine[Any, Any, BuiltEnvironment]]) -> None:
        self._tells: list[Tell] = []
        self._progress: BuildProgress | None = None
        self._forget: Callable[[], None] = lambda: None
        self._task = asyncio.get_running_loop().create_task(make(self._tell))

    def when_ended(self, forget: Callable[[], None]) -> None:
        """Calls it as soon as nobody may join any more."""
        self._forget = forget

    async def joined(self, tell: Tell) -> BuiltEnvironment:
        """With a lease of one's own."""
        self._tells.append(tell)
        if self._progress is not None:
            tell(self._progress)
        try:
            built = await asyncio.shield(self._task)
            # From here on nothing is waited for: whoever is cancelled now has the lease already.
            return replace(built, lease=_shared(built))
        finally:
            self._tells.remove(tell)
            if not self._tells:
                self._forget()
                if self._task.done():
                    self._give_back(self._task)
                else:
                    await self.end()

    async def end(self) -> None:
        """Returns when nothing of it runs any more; whoever has got it still has its lease."""
        self._forget()
        if not self._task.done():
            # Also where nobody waits for it to the end.
            self._task.add_done_callback(self._give_back)
            self._task.cancel()
            await asyncio.wait([self._task])

    def _give_back(self, task: "asyncio.Task[BuiltEnvironment]") -> None:
        # Those who still wait for it take theirs first.
        if self._tells or task.cancelled() or task.exception() is not None:
            return
        lease = task.result().lease
        if lease is not None:
            lease.release()

    def _tell(self, progress: BuildProgress) -> None:
        self._progress = progress
        for tell in self._tells:
            tell(progress)


def _give_back(opened: OpenedEnvironment | None) -> None:
    if opened is not None:
        opened.lock.release()


def _shared(built: BuiltEnvironment) -> CacheLease | None:
    return built.lease.share() if isinstance(built.lease, CacheLease) else None


def _built(plan: BuildPlan, notes: EnvironmentNotes, lease: CacheLease) -> BuiltEnvironment:
    findings = tuple(dict.fromkeys((*plan.resolved.findings, *notes.findings)))
    return replace(_at(plan.place, notes, plan.interpreter.version, lease), findings=findings)


def _at(place: Path, notes: EnvironmentNotes, python: str, lease: CacheLease) -> BuiltEnvironment:
    return BuiltEnvironment(
        key=notes.key,
        folder=place,
        interpreter=place / "bin" / "python",
        python=python,
        packages=notes.packages,
        findings=notes.findings,
        memory_bytes=notes.memory_bytes,
        lease=lease,
    )


def _disk_fault(error: OSError) -> EnvironmentDelayed:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        message = "The disk is full: make room under PODIUM_HOME, or lower PODIUM_ENV_BYTES."
        return EnvironmentDelayed("disk_full", message, repr(error))
    message = "The disk failed under the environment: see PODIUM_HOME; it is tried again."
    return EnvironmentDelayed("disk", message, repr(error))
