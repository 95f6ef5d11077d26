"""The registry as the front sees it: every operation has a total deadline, and can be given up.

MLflow's client may block for minutes and cannot be interrupted; so it runs in children, and a child
that overruns its deadline, or works on something that nobody wants any more, is ended.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson

from service.background import Work, begin
from service.errors import FollowingError
from service.following.ports import (
    FetchedVersion,
    LookAnswer,
    VersionMarks,
)
from service.patterns import RefPattern
from service.processes.front.beside import Beside
from service.processes.front.child import Child, Forks
from service.processes.front.output import OnLine
from service.processes.removal import remove_tree
from service.refs import ModelRef, VersionId
from service.registry.front.answers import (
    fetched_version,
    raise_if_all_failed,
    resolved,
    surveyed,
)
from service.registry.front.asking import KeptChild, ask, disk_faults
from service.registry.front.leases import CacheLease, Locks
from service.registry.front.remembered import Absent, LookStrategy, Memory, Remembered, TagAnswer
from service.registry.roles import registry_role
from service.registry.store.artifacts import (
    is_whole,
    private_folder,
    remove_partial,
)
from service.registry.store.eviction import make_room
from service.registry.store.locks import Locked
from service.registry.wire import Fault, RegistryOperation

_MAX_BODY_BYTES: Final = 16 * 1024**2
# Left to itself MLflow retries for 246 s; the deadlines here decide, not its retries.
MLFLOW_PATIENCE: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
}
# libpq waits for the kernel's two minutes; a name may have two addresses, tried one after another.
_DATABASE_PATIENCE: Final = {"PGCONNECT_TIMEOUT": "4"}
_ANSWER_SECONDS: Final = "MLFLOW_HTTP_REQUEST_TIMEOUT"
# A disk that hangs keeps as many at most.
_DISK_THREADS: Final = 4
# A lock takes a fraction of a millisecond, or the disk hangs.
_LEASE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class RegistryDeadlines:
    """Seconds after which an operation is given up, whatever MLflow's client thinks of it.

    `answer` is how long a look waits for one reply, which it asks for twice. A fetch waits as long
    as MLflow's own client: a server that hands on what lies in a store behind it has the whole
    file before it sends a byte.
    """

    look: float = 10.0
    fetch: float = 600.0
    verify: float = 10.0
    answer: int = 5


@dataclass(frozen=True, slots=True)
class Cache:
    """The folder that artifacts are fetched into, and the bytes above which it is emptied."""

    folder: Path
    max_bytes: int = 10 * 1024**3


@dataclass(frozen=True, slots=True)
class CachedVersion:
    """A version as it was fetched: what the registry said of it, and its place in the cache."""

    version: VersionId
    source: str
    tags: Mapping[str, str]
    place: str


class MlflowRegistry:
    """`service.following.ports.Registry` over MLflow's own client.

    Args:
        forks: who makes processes.
        environment: MLflow's address and credentials, given to the children and nobody else.
        cache: where artifacts are kept.
        on_line: told what the children print.
        deadlines: how long an operation may take.
        survey: whether looks search.
    """

    def __init__(  # noqa: PLR0913 - what the composition root gives, once
        self,
        forks: Forks,
        environment: Mapping[str, str],
        cache: Cache,
        on_line: OnLine,
        deadlines: RegistryDeadlines,
        *,
        survey: LookStrategy | None = None,
    ) -> None:
        self._forks = forks
        self._role = registry_role(environment)
        self._environment = {**_DATABASE_PATIENCE, **environment, **MLFLOW_PATIENCE}
        self._cache = cache
        self._on_line = on_line
        self._look_seconds = deadlines.look
        self._fetch_seconds = deadlines.fetch
        self._verify_seconds = deadlines.verify
        self._survey = survey or LookStrategy()
        self._survey_of_tags = LookStrategy(least=1)
        self._absent = Absent()
        self._told = TagAnswer()
        looks = {_ANSWER_SECONDS: str(deadlines.answer)}
        self._looking = KeptChild(partial(self._child, **looks), deadlines.look)
        self._memory = Memory()
        self._locks = Locks()
        self._disk = Beside("disk", _DISK_THREADS)
        self._making_room = Beside(Work.CACHE)
        self._tidying: asyncio.Task[None] | None = None

    @property
    def starts(self) -> int:
        """Of the child that looks."""
        return self._looking.starts

    async def prepare(self) -> None:
        """Starts the child that looks, unless it is there; raises `PassingFault`."""
        await self._looking.prepare()

    async def resolve(self, refs: Sequence[ModelRef]) -> LookAnswer:
        """One look-up for each model, or one search; raises `PassingFault` within the deadline."""
        names = sorted({ref.name for ref in refs})
        most = self._survey.most(len(names))
        have = [[ref.name, ref.alias] for ref in refs]
        wanted = {"names": names, "most": most, "have": have}
        answer = await self._look(RegistryOperation.RESOLVE, wanted)
        if most:
            self._survey.searched(complete=answer["complete"])
        raise_if_all_failed(answer["models"].values())
        return resolved(refs, answer)

    async def survey(
        self, refs: Sequence[ModelRef], patterns: Sequence[RefPattern], room: int
    ) -> LookAnswer:
        """A listing of all models, page by page, and a look-up for each that it does not show.

        Raises `PassingFault` within the deadline.
        """
        wanted = {
            "names": list(dict.fromkeys(ref.name for ref in refs)),
            "have": [[ref.name, ref.alias] for ref in refs],
            "patterns": [[pattern.name, pattern.alias] for pattern in patterns],
            "room": room,
        }
        return surveyed(refs, await self._look(RegistryOperation.SURVEY, wanted))

    async def tags(
        self, versions: Sequence[VersionId]
    ) -> Mapping[VersionId, Mapping[str, str] | None]:
        """Two look-ups for each version; raises `PassingFault` within the deadline of a look."""
        answer = await self._look(RegistryOperation.TAGS, {"versions": _listed(versions)})
        return dict(zip(versions, answer["tags"], strict=True))

    async def exists(self, name: str, version: str) -> bool:
        """One look-up; raises `PassingFault` within the deadline of a look, whatever goes before.

        An operator waits, and what is withdrawn is so once that is over.
        """
        answer = await self._look_for_operator(RegistryOperation.EXISTS, name, version)
        return bool(answer["exists"])

    async def identify(self, name: str, version: str) -> VersionId | None:
        """Two look-ups; raises `PassingFault` within the deadline of a look, whatever goes before.

        An operator waits.
        """
        answer = await self._look_for_operator(RegistryOperation.IDENTIFY, name, version)
        created = answer["created"]
        return None if created is None else VersionId(name, created, version)

    async def marks(
        self, names: Sequence[str], met: Sequence[VersionId], marked: Sequence[VersionId]
    ) -> VersionMarks:
        """Two searches; where the registry has none, two look-ups for each version that was met.

        Raises `PassingFault` within the deadline of a look.
        """
        searches, marked = self._survey_of_tags.most(1) > 0, self._absent.due(marked)
        wanted = {"names": list(names), "search": searches}
        wanted |= {"met": _listed(met), "marked": _listed(marked)}
        try:
            frame = await self._looking.ask("look", RegistryOperation.MARKS, wanted)
        except FollowingError as error:
            if searches and error.reason == Fault.TIMED_OUT:
                self._survey_of_tags.searched(complete=False)
            raise
        # Thousands may be withdrawn: an answer that says the same is not read again.
        if frame.head != self._told.head:
            self._told = TagAnswer.of(frame.head)
        told = self._told
        if searches:
            self._survey_of_tags.searched(complete=told.complete)
        self._absent.note(each for each in marked if each not in told.versions)
        return told.marks

    def forget(self, is_meant: Callable[[VersionId], bool]) -> None:
        """What is remembered of those versions, their examples say, is no more."""
        self._memory.forget(is_meant)

    async def fetch(self, version: VersionId) -> FetchedVersion:
        """In a child of its own, so that looks go on; raises `VersionFault` or `PassingFault`.

        However it ends, nothing half-fetched is left. A version that was fetched before and lies
        there whole takes no child: its files are verified, and its tags asked for between looks.
        """
        # Forgotten until it is there: what goes wrong now has a process the next time.
        remembered = self._memory.take(version)
        if remembered is not None and (again := await self._again(remembered)) is not None:
            return again
        wanted = asdict(version) | {"cache_bytes": self._cache.max_bytes}
        return await self._brought("fetch", RegistryOperation.FETCH, wanted, version)

    async def find(self, lying: CachedVersion) -> FetchedVersion:
        """What was fetched before and still lies whole in the cache; the registry is not asked.

        Raises `VersionFault` or `PassingFault`.
        """
        wanted = {"place": lying.place, "source": lying.source, "tags": dict(lying.tags)}
        return await self._brought("find", RegistryOperation.FIND, wanted, lying.version)

    async def close(self) -> None:
        """Ends the child that looks."""
        await self._looking.end()
        if self._tidying is not None:
            await asyncio.wait([self._tidying], timeout=self._verify_seconds)

    def remove_partial(self, older_than: float) -> None:
        """What fetches have left that were begun before then and killed is gone soon; no wait."""
        self._making_room.submit(partial(remove_partial, self._cache.folder, older_than))

    async def _look(self, operation: RegistryOperation, wanted: dict[str, Any]) -> Any:
        return orjson.loads((await self._looking.ask("look", operation, wanted)).head)

    async def _look_for_operator(
        self, operation: RegistryOperation, name: str, version: str
    ) -> Any:
        wanted = {"name": name, "version": version}
        return orjson.loads((await self._looking.ask_within("look", operation, wanted)).head)

    async def _again(self, remembered: Remembered) -> FetchedVersion | None:
        fetched = remembered.fetched
        version, place = fetched.version, fetched.path.parent
        wanted = {"name": version.name, "version": version.version, "made": remembered.made}
        frame = await self._looking.ask("fetch", RegistryOperation.AGAIN, wanted)
        try:
            # Taken before it is looked at, so that it stays what was seen.
            lease = await self._locks.lease(place, _LEASE_SECONDS, self._tidy)
        except (OSError, Locked):  # TimeoutError is one
            return None
        try:
            if await self._is_whole(place):
                self._memory.keep(remembered)
                tags = orjson.loads(frame.head)["tags"]
                return replace(fetched.forgotten(), tags=tags, lease=lease)
        except BaseException:
            lease.release()
            raise
        lease.release()
        return None

    async def _is_whole(self, place: Path) -> bool:
        # A disk that hangs keeps the thread; nothing more waits for it.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._verify_seconds):
                return await self._disk.run(is_whole, place)
        return False

    async def _brought(
        self, stage: str, operation: RegistryOperation, wanted: dict[str, Any], version: VersionId
    ) -> FetchedVersion:
        private = private_folder(self._cache.folder)
        child = await self._child(stage)
        wanted |= {"cache": str(self._cache.folder), "private": str(private)}
        try:
            frame = await ask(child, stage, operation, wanted, self._fetch_seconds)
            answer = {**wanted, **orjson.loads(frame.head)}
            # Taken while the child has its own, so that nobody can come between.
            with disk_faults(stage):
                place = self._cache.folder / answer["place"]
                lease = await self._locks.lease(place, _LEASE_SECONDS, self._tidy)
        except BaseException:
            await asyncio.shield(self._end_and_remove(child, private))
            raise
        try:
            await asyncio.shield(child.end())
        except BaseException:
            lease.release()
            raise
        fetched = fetched_version(version, answer, self._cache.folder, bytes(frame.body), lease)
        if operation is RegistryOperation.FETCH:
            self._memory.note(fetched, answer)
        return fetched

    def keep(self, place: str) -> CacheLease:
        """A lease on that place; giving it back makes no room. Raises `PassingFault`.

        Blocks for as long as the disk does.
        """
        with disk_faults("find"):
            return self._locks.lease_at_once(self._cache.folder / place)

    async def _end_and_remove(self, child: Child, private: Path) -> None:
        await child.end()
        # A disk that hangs removes it later, if at all; the next start removes what is left.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._verify_seconds):
                await self._disk.run(remove_tree, private)

    def _tidy(self) -> None:
        """Files of a version that nobody uses any more go once the cache is over its limit."""
        if self._tidying is None or self._tidying.done():
            work = self._making_room.run(_make_room, self._cache)
            self._tidying = begin(Work.CACHE, work)

    async def _child(self, stage: str, **more: str) -> Child:
        child = await self._forks.fork(self._role, _MAX_BODY_BYTES, self._on_line)
        wanted = {"environment": {**self._environment, **more}}
        try:
            await ask(child, stage, RegistryOperation.CONFIGURE, wanted, self._look_seconds)
        except BaseException:
            child.kill()
            raise
        return child


def _make_room(cache: Cache) -> None:
    # Another service may be emptying the same cache; the next one who is done here looks again.
    with contextlib.suppress(OSError):
        make_room(cache.folder, cache.max_bytes)


def _listed(versions: Sequence[VersionId]) -> list[list[str | int]]:
    return [[each.name, each.created, each.version] for each in versions]
