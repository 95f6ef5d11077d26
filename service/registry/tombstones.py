"""Tombstones on disk, one small file each, and the end of what lies in the cache below them.

They stand in a folder of the home, for all services that share it. What is no tombstone there is
left as it is, and told: nobody can say what it stood for.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from service.background import Work
from service.following.refs import VersionId
from service.following.tombstones import Source, Tombstone
from service.processes.beside import Beside
from service.registry.durable import sync, write_whole
from service.registry.purging import purge

_SUFFIX: Final = ".json"
_LONGEST: Final = 64 * 1024
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
# A disk that does not answer holds up no look; what is known stays known.
_READ_SECONDS: Final = 2.0
_WRITE_SECONDS: Final = 10.0
_CLEAR_SECONDS: Final = 60.0
_SETTLED_NS: Final = 2 * 10**9


class TombstoneObserver(Protocol):
    """Told how the tombstones' files fare; from any thread."""

    def tombstone_failed(self, file: str, code: str, error: Exception) -> None:
        """One could not be read, kept or removed, or what it stands for could not."""
        ...


class DiskTombstones:
    """`service.following.tombstones.TombstoneStore` in `folder`, which is made if need be.

    `cache` is where artifacts lie; `forget` lets go of what is remembered of such versions beside;
    `tidy` removes what ended processes have left of their copies, and says whether all is gone.
    """

    def __init__(
        self,
        folder: Path,
        cache: Path,
        forget: Callable[[Callable[[VersionId], bool]], None],
        tidy: Callable[[], bool],
        observer: TombstoneObserver,
    ) -> None:
        self._folder = folder
        self._cache = cache
        self._forget = forget
        self._tidy = tidy
        self._observer = observer
        self._beside = Beside(Work.WITHDRAWN)
        self._clearing = Beside(Work.WITHDRAWN)
        self._seen: tuple[int, tuple[Tombstone, ...]] | None = None
        self._unreadable: set[str] = set()
        self._was_there = False
        self._hangs = False

    async def read(self) -> Collection[Tombstone] | None:
        """Reads files anew only where the folder has changed."""
        if self._hangs and self._beside.unfinished:
            return None
        self._hangs = False
        try:
            async with asyncio.timeout(_READ_SECONDS):
                return await self._beside.run(self.read_at_once)
        except (OSError, TimeoutError) as error:
            self._hangs = isinstance(error, TimeoutError)
            self._observer.tombstone_failed("", "tombstones_unreadable", error)
            return None

    def read_at_once(self) -> Collection[Tombstone]:
        """The same, where whoever asks may block as long as the disk does. Raises OSError."""
        try:
            changed_at = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            if self._was_there:
                raise  # somebody has removed the folder, who has taken back nothing by that
            return ()
        self._was_there = True
        if self._seen is not None and self._seen[0] == changed_at:
            return self._seen[1]
        found = tuple(self._read_all())
        # Two changes in one tick of the file system's clock have one time.
        self._seen = (changed_at, found) if time.time_ns() - changed_at > _SETTLED_NS else None
        return found

    async def keep(self, stone: Tombstone) -> bool:
        """Durable once this has returned."""
        return await self._done(stone, partial(self._write, stone))

    async def remove(self, stone: Tombstone) -> bool:
        """The same."""
        return await self._done(stone, partial(self._unlink, stone))

    async def clear(self, stone: Tombstone) -> bool:
        """What other services have leased goes once they have given it back."""
        self._forget(stone.covers)
        try:
            async with asyncio.timeout(_CLEAR_SECONDS):
                return await self._clearing.run(self._cleared, stone)
        except (OSError, TimeoutError) as error:
            self._observer.tombstone_failed(_file_of(stone), "withdrawn_files_left", error)
            return False

    def _cleared(self, stone: Tombstone) -> bool:
        purged = purge(self._cache, stone.covers)
        return self._tidy() and purged

    async def _done(self, stone: Tombstone, work: Callable[[], None]) -> bool:
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                await self._beside.run(work)
        except (OSError, TimeoutError) as error:
            self._observer.tombstone_failed(_file_of(stone), "tombstone_not_kept", error)
            return False
        return True

    def _write(self, stone: Tombstone) -> None:
        self._folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        path = self._folder / _file_of(stone)
        write_whole(path, _encoded(stone))
        path.chmod(_FILE_MODE)
        self._seen = None

    def _unlink(self, stone: Tombstone) -> None:
        self._seen = None
        if self._folder.is_dir():
            (self._folder / _file_of(stone)).unlink(missing_ok=True)
            sync(self._folder)

    def _read_all(self) -> Iterator[Tombstone]:
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            try:
                with path.open("rb") as file:
                    yield _decoded(file.read(_LONGEST))
            except FileNotFoundError:
                continue  # another service has just taken it back
            except (OSError, ValueError, TypeError, KeyError) as error:
                if path.name not in self._unreadable:
                    self._unreadable.add(path.name)
                    self._observer.tombstone_failed(path.name, "tombstone_unreadable", error)


def _file_of(stone: Tombstone) -> str:
    # Names of models are hostile.
    text = json.dumps([stone.name, stone.created, stone.version, stone.source])
    return hashlib.sha256(text.encode()).hexdigest() + _SUFFIX


def _encoded(stone: Tombstone) -> bytes:
    return json.dumps(
        {
            "model": stone.name,
            "created": stone.created,
            "version": stone.version,
            "source": stone.source,
            "at": stone.at,
            "reason": stone.reason,
        }
    ).encode()


def _decoded(content: bytes) -> Tombstone:
    """Raises ValueError, TypeError or KeyError for what `_encoded` never writes."""
    stored = json.loads(content)
    created = stored["created"]
    return Tombstone(
        name=_text(stored["model"]),
        created=None if created is None else int(created),
        version=_text(stored["version"]),
        source=Source(stored["source"]),
        at=float(stored["at"]),
        reason=_text(stored["reason"]),
    )


def _text(stored: Any) -> str:
    if not isinstance(stored, str):
        raise TypeError("no text")
    return stored
