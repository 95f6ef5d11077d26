"""Tombstones on disk, one small file each, and the end of what lies in the cache below them.

They stand in a folder of the home, for all services that share it. What is no tombstone there is
left as it is, and told. One that can be read no more stands for what it stood for; where that is
not known, for the service has just started, nobody can tell what is withdrawn.
"""

import asyncio
import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from pydantic import TypeAdapter

from service.background import Work
from service.errors import FollowingError
from service.processes.front.beside import Beside
from service.refs import VersionId
from service.registry.store.artifacts import discard, is_partial, is_place, version_in
from service.registry.store.durable import sync, write_whole
from service.tombstones import Tombstone, Tombstones

_SUFFIX: Final = ".json"
_STONE: Final = TypeAdapter(Tombstone)
_LONGEST: Final = 64 * 1024
# As `_file_of` has them: whatever has another name was never a tombstone.
_OURS: Final = re.compile(r"[0-9a-f]{64}\.json")
# A disk that does not answer holds up no look; what is known stays known.
_READ_SECONDS: Final = 2.0
_WRITE_SECONDS: Final = 10.0
_CLEAR_SECONDS: Final = 60.0
_SETTLED_NS: Final = 2 * 10**9
# The disk fails, or there is no thread to ask it.
_FAILURES: Final = (OSError, FollowingError)
# What `_decoded` raises for that which was never written.
_TORN: Final = (ValueError, TypeError, KeyError, RecursionError)


class TombstoneObserver(Protocol):
    """Told how the tombstones' files fare; from any thread."""

    def tombstone_failed(self, file: str, code: str, error: Exception) -> None:
        """One could not be read, kept or removed, or what it stands for could not."""


@dataclass(eq=False, repr=False)
class DiskTombstones:
    """`service.tombstones.TombstoneStore` in a folder, which is made if need be.

    `_cache` is where artifacts lie; `_forget` lets go of what is remembered of such versions;
    `_tidy` removes what ended processes have left of their copies, and says whether all is gone;
    `_forget_samples` removes what a version of that name and number has answered. Both block.
    """

    _folder: Path
    _cache: Path
    _forget: Callable[[Callable[[VersionId], bool]], None]
    _tidy: Callable[[], bool]
    _observer: TombstoneObserver
    _forget_samples: Callable[[str, str], None] = lambda _name, _version: None
    _beside: Beside = field(default_factory=partial(Beside, Work.WITHDRAWN), init=False)
    _clearing: Beside = field(default_factory=partial(Beside, Work.WITHDRAWN), init=False)
    _seen: tuple[int, tuple[Tombstone, ...]] | None = field(default=None, init=False)
    _known: dict[str, Tombstone] = field(default_factory=dict, init=False)
    _unreadable: set[str] = field(default_factory=set, init=False)
    _was_there: bool = field(default=False, init=False)
    _hangs: bool = field(default=False, init=False)

    async def read(self) -> Collection[Tombstone] | None:
        """Reads files anew only where the folder has changed."""
        if self._hangs and self._beside.unfinished:
            return None
        self._hangs = False
        try:
            async with asyncio.timeout(_READ_SECONDS):
                return await self._beside.run(self._read)
        except _FAILURES as error:
            self._hangs = isinstance(error, TimeoutError)
            file = error.filename if isinstance(error, OSError) else None
            name = Path(file).name if isinstance(file, str) else ""
            self._observer.tombstone_failed(name, "tombstones_unreadable", error)
            return None

    def read_at_once(self) -> Collection[Tombstone]:
        """What stands at the start. Blocks as long as the disk does.

        Raises OSError where nobody can tell, for one of them can be read no more, say.
        """
        found = self._read()
        torn = [name for name in self._unreadable if _OURS.fullmatch(name)]
        if torn:
            raise OSError(errno.EIO, f"{torn[0]} is torn")
        return found

    def _read(self) -> Collection[Tombstone]:
        try:
            changed_at = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            if self._was_there:
                raise  # somebody has removed the folder, who has taken back nothing by that
            return ()
        self._was_there = True
        if self._seen is not None and self._seen[0] == changed_at:
            return self._seen[1]
        self._known = self._read_all()
        found = tuple(self._known.values())
        # Two changes in one tick of the file system's clock have one time.
        self._seen = (changed_at, found) if time.time_ns() - changed_at > _SETTLED_NS else None
        return found

    async def keep(self, stone: Tombstone) -> bool:
        """Durable once this has returned."""
        return await self._done(stone, partial(self._write, stone))

    async def remove(self, stone: Tombstone) -> bool:
        """The same."""
        return await self._done(stone, partial(self._unlink, stone))

    async def lying(self, name: str, version: str) -> Collection[VersionId]:
        """What says beside its files which version it is."""
        try:
            async with asyncio.timeout(_READ_SECONDS):
                return await self._beside.run(_lying, self._cache, name, version)
        except _FAILURES as error:
            self._observer.tombstone_failed("", "withdrawn_files_left", error)
            return ()

    async def clear(self, stones: Collection[Tombstone]) -> Collection[Tombstone]:
        """What other services have leased goes once they have given it back."""
        is_meant = Tombstones(stones).__contains__
        self._forget(is_meant)
        try:
            async with asyncio.timeout(_CLEAR_SECONDS):
                for stone in stones:
                    await self._clearing.run(self._forget_samples, stone.name, stone.version)
                left = await self._clearing.run(self._left, is_meant)
        except _FAILURES as error:
            self._observer.tombstone_failed("", "withdrawn_files_left", error)
            return ()
        if left is None:
            return ()
        return [stone for stone in stones if not any(map(stone.covers, left))]

    def _left(self, is_meant: Callable[[VersionId], bool]) -> Collection[VersionId] | None:
        """What is left of whom; None: of anybody, maybe."""
        left = _purge(self._cache, is_meant)
        return left if self._tidy() else None

    async def _done(self, stone: Tombstone, work: Callable[[], None]) -> bool:
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                await self._beside.run(work)
        except _FAILURES as error:
            self._observer.tombstone_failed(_file_of(stone), "tombstone_not_kept", error)
            return False
        return True

    def _write(self, stone: Tombstone) -> None:
        self._seen = None
        # Where somebody has removed the folder, one without the others would take those back.
        stones = {_file_of(stone): stone}
        if not self._folder.is_dir():
            stones = self._known | stones
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, each in stones.items():
            write_whole(self._folder / name, _encoded(each))
        self._known |= stones

    def _unlink(self, stone: Tombstone) -> None:
        self._seen = None
        self._known.pop(_file_of(stone), None)
        if self._folder.is_dir():
            (self._folder / _file_of(stone)).unlink(missing_ok=True)
            sync(self._folder)

    def _read_all(self) -> dict[str, Tombstone]:
        """By the names of their files. Raises OSError: what cannot be read is not taken back."""
        with os.scandir(self._folder) as entries:
            names = sorted(each.name for each in entries if each.name.endswith(_SUFFIX))
        found = {}
        for name in names:
            stone = self._stone(name)
            if stone is not None:
                found[name] = stone
        return found

    def _stone(self, name: str) -> Tombstone | None:
        try:
            with (self._folder / name).open("rb") as file:
                return _decoded(file.read(_LONGEST))
        except FileNotFoundError:
            return None  # another service has just taken it back
        except (OSError, *_TORN) as error:
            if isinstance(error, OSError) and _OURS.fullmatch(name):
                raise
            if name not in self._unreadable:
                self._unreadable.add(name)
                self._observer.tombstone_failed(name, "tombstone_unreadable", error)
            return self._known.get(name)


def _file_of(stone: Tombstone) -> str:
    # Names of models are hostile.
    text = json.dumps([stone.name, stone.created, stone.version, stone.source])
    return hashlib.sha256(text.encode()).hexdigest() + _SUFFIX


def _encoded(stone: Tombstone) -> bytes:
    stored = asdict(stone)
    return json.dumps({"model": stored.pop("name"), **stored}).encode()


def _decoded(content: bytes) -> Tombstone:
    """Raises one of `_TORN` for what `_encoded` never writes."""
    stored = {**json.loads(content)}
    return _STONE.validate_python({**stored, "name": stored["model"]})


def _purge(cache: Path, is_withdrawn: Callable[[VersionId], bool]) -> Collection[VersionId]:
    """Removes every place and every half-fetched one of such versions; those that are left.

    What somebody holds a lock on is left to be asked for again. A place that does not say of which
    version it is may be one, and goes too unless somebody uses it: that costs a fetch.
    Raises OSError.
    """
    if not cache.is_dir():
        return ()
    left = [_left(each, is_withdrawn) for each in list(cache.iterdir())]
    return {version for version in left if version is not None}


def _lying(cache: Path, name: str, version: str) -> Collection[VersionId]:
    """Those of that number of which something lies there or is being fetched. Raises OSError."""
    if not cache.is_dir():
        return ()
    found = [version_in(each) for each in list(cache.iterdir())]
    return {each for each in found if each and (each.name, each.version) == (name, version)}


def _left(folder: Path, is_withdrawn: Callable[[VersionId], bool]) -> VersionId | None:
    partial = is_partial(folder.name)
    if not partial and not is_place(folder.name):
        return None
    version = version_in(folder)
    if version is None:
        if not partial:
            with contextlib.suppress(OSError):
                discard(folder)
        return None
    if not is_withdrawn(version):
        return None
    return None if (_partial_gone(folder) if partial else discard(folder)) else version


def _partial_gone(folder: Path) -> bool:
    # Whoever fetches it still, in another service, is told that it could not be fetched.
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
