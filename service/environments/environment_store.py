"""Environments on this machine: complete or absent, and removed only while nobody has a lease.

A place is a folder named by the environment's key; where one is altered and in use, the next one is
`KEY.1`. A lock lies beside it, shared by whoever uses it. What is being built is `PLACE.part`, with
a lock of its own that one builder has. Several services may use one home at once.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from service.environments.verified_files import EnvironmentAltered, verify_files
from service.processes.removal import remove_tree
from service.registry.store.artifacts import discard, is_partial, is_place
from service.registry.store.durable import sync, write_whole
from service.registry.store.locks import LOCK_SUFFIX, Lock, Locked, lock_file

PART: Final = ".part"
CACHE: Final = "uv-cache"
LOCK_FILE: Final = "podium-lock.txt"
_NOTES: Final = "podium.json"
_PLACES: Final = 4
_SCRATCH: Final = "resolving-"
# Scratch of others that is older was left by one that was killed.
_OLD_SECONDS: Final = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class EnvironmentNotes:
    """What lies in an environment beside its packages, about it.

    `memory_bytes` is what its libraries took when a zygote's were imported; 0: nobody knows.
    """

    key: str
    python: str
    packages: Mapping[str, str]
    findings: tuple[tuple[str, str], ...]
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class EnvironmentEntry:
    """One environment on disk, for people.

    Attributes:
        bytes: what would be free if it alone were removed, roughly: what it shares with uv's cache
            and with others counts for each.
        used_at: when somebody last gave back a lease on it.
        in_use: whether anybody has a lease.
    """

    notes: EnvironmentNotes
    place: Path
    bytes: int
    used_at: datetime
    in_use: bool


@dataclass(frozen=True, slots=True)
class EnvironmentBytes:
    """Bytes of disk: `built` of environments, `fetched` of what uv's cache has and none of them."""

    built: int
    fetched: int

    @property
    def total(self) -> int:
        """Of both."""
        return self.built + self.fetched


@dataclass(frozen=True, slots=True)
class OpenedEnvironment:
    """A complete one, and the lock that keeps it there."""

    notes: EnvironmentNotes
    lock: Lock


class KeptPlaces:
    """A lease on places: nobody removes them until it is released, which `on_release` is told."""

    def __init__(self, on_release: Callable[[], None]) -> None:
        self.locks: list[Lock] = []
        self._on_release = on_release

    def release(self) -> None:
        """Gives it back; may be called again. Blocks for as long as the disk does."""
        locks, self.locks = self.locks, []
        for each in locks:
            # What a disk says at the end of a lock is of no use to anybody.
            with contextlib.suppress(OSError):
                each.release()
        if locks:
            self._on_release()


class EnvironmentStore:
    """The folder of all environments; every method blocks for as long as the disk takes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> None:
        """Makes the folder, and removes what was left by builds that were killed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for each in self.folder.iterdir():
            with contextlib.suppress(OSError):
                self._tidy(each)

    def _tidy(self, path: Path) -> None:
        if path.name.endswith(PART):
            with contextlib.suppress(Locked):
                remove_part(path, Lock.exclusive(path))
        elif path.name.endswith(PART + LOCK_SUFFIX):
            part = path.with_suffix("")
            with contextlib.suppress(Locked):
                remove_part(part, Lock.exclusive(part))
        elif _is_scratch(path.name) and time.time() - path.stat().st_mtime > _OLD_SECONDS:
            remove_tree(path)

    def places(self, key: str) -> Iterator[Path]:
        """Where the environment of that key may lie, in order."""
        yield self.folder / key
        yield from (self.folder / f"{key}.{n}" for n in range(1, _PLACES))

    def notes(self, place: Path) -> EnvironmentNotes | None:
        """Of the complete environment that lies there, not looked at any further; None: none does.

        Raises `EnvironmentAltered` and OSError.
        """
        path = place / _NOTES
        try:
            return _notes_at(path)
        except (FileNotFoundError, NotADirectoryError):
            if not os.path.lexists(place):
                return None
        # Nothing comes to its place without them, and it may have come just now.
        try:
            return _notes_at(path)
        except OSError as error:
            raise EnvironmentAltered(_NOTES) from error

    def whole(self, key: str) -> EnvironmentNotes | None:
        """Of one that lies here under that key, not looked at any further. Raises OSError."""
        for place in self.places(key):
            with contextlib.suppress(EnvironmentAltered):
                if notes := self.notes(place):
                    return notes
        return None

    def opened(self, place: Path) -> OpenedEnvironment | None:
        """The same, locked for whoever asks, if its files are as they were installed.

        Raises `EnvironmentAltered`, OSError, and `Locked` while somebody else has it alone; holds
        no lock then.
        """
        if self.notes(place) is None:
            return None
        lock = Lock.shared_at_once(place, lambda: None)
        try:
            # Now that nobody can remove it.
            notes = self.notes(place)
            if notes is not None:
                verify_files(place)
                return OpenedEnvironment(notes, lock)
        except BaseException:
            lock.release()
            raise
        lock.release()
        return None

    def keep(self, key: str, on_release: Callable[[], None]) -> "KeptPlaces":
        """A lease on all that lies here of that key, not looked at. Raises OSError."""
        kept = KeptPlaces(on_release)
        for place in self.places(key) if is_place(key) else ():
            # What somebody has alone is being removed.
            with contextlib.suppress(Locked):
                if place.is_dir():
                    kept.locks.append(Lock.shared_at_once(place, lambda: None))
        return kept

    def put(self, part: Path, place: Path, notes: EnvironmentNotes) -> None:
        """What was built there is at its place from now on, whole."""
        told = {
            "key": notes.key,
            "python": notes.python,
            "packages": dict(notes.packages),
            "findings": notes.findings,
            "memory_bytes": notes.memory_bytes,
        }
        write_whole(part / _NOTES, json.dumps(told).encode())
        part.rename(place)
        sync(self.folder)

    def discard(self, place: Path) -> bool:
        """Removes it, unless somebody has a lease on it; whether that was done."""
        return discard(place)

    def entries(self) -> list[EnvironmentEntry]:
        """All that are complete, those that were used last first."""
        found = []
        for place in self._lying():
            with contextlib.suppress(OSError, EnvironmentAltered):
                notes = self.notes(place)
                if notes is not None:
                    found.append(_entry(place, notes))
        return sorted(found, key=lambda each: each.used_at, reverse=True)

    def usage(self) -> int:
        """Bytes of disk that environments and uv's cache take, what they share once."""
        return self.taken().total

    def taken(self) -> EnvironmentBytes:
        """The same in two: what removing environments frees, and what emptying uv's cache does."""
        seen: set[tuple[int, int]] = set()
        cache = self.folder / CACHE
        return EnvironmentBytes(_usage(self.folder, seen, cache), _usage(cache, seen))

    def evict(self, limit: int) -> None:
        """Removes what was used longest ago until environments take no more, or have a lease."""
        for place in sorted(self._lying(), key=_used_at):
            if self.taken().built <= limit:
                return
            with contextlib.suppress(OSError):
                self.discard(place)

    def _lying(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [each for each in self.folder.iterdir() if is_place(each.name) and each.is_dir()]


def remove_part(part: Path, lock: Lock) -> None:
    """Removes a build that is none any more, and gives back its lock."""
    try:
        remove_tree(part)
        lock_file(part).unlink(missing_ok=True)
    finally:
        lock.release()


def _is_scratch(name: str) -> bool:
    return is_partial(name) or name.startswith(_SCRATCH)


def _notes_at(path: Path) -> EnvironmentNotes:
    try:
        return _notes_of(json.loads(path.read_bytes()))
    except (ValueError, KeyError, TypeError) as error:
        raise EnvironmentAltered(path.name) from error


def _notes_of(told: Mapping[str, Any]) -> EnvironmentNotes:
    findings = tuple((str(code), str(sentence)) for code, sentence in told["findings"])
    packages = {str(name): str(version) for name, version in told["packages"].items()}
    # Of those that were built before it was noted nobody knows it.
    memory = int(told.get("memory_bytes", 0))
    return EnvironmentNotes(str(told["key"]), str(told["python"]), packages, findings, memory)


def _entry(place: Path, notes: EnvironmentNotes) -> EnvironmentEntry:
    used_at = datetime.fromtimestamp(_used_at(place), UTC)
    return EnvironmentEntry(notes, place, _usage(place), used_at, _is_in_use(place))


def _is_in_use(place: Path) -> bool:
    try:
        Lock.exclusive(place).release()
    except Locked:
        return True
    return False


def _used_at(place: Path) -> float:
    try:
        return lock_file(place).stat().st_mtime
    except FileNotFoundError:
        return place.stat().st_mtime


def _usage(
    folder: Path, seen: set[tuple[int, int]] | None = None, without: Path | None = None
) -> int:
    """Of files that were not seen before, which are seen from then on."""
    seen = set() if seen is None else seen
    total, waiting = 0, [folder]
    while waiting:
        # Others build, and remove, at the same time.
        with contextlib.suppress(FileNotFoundError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if (path := Path(entry.path)) != without:
                        waiting.append(path)
                    continue
                found = entry.stat(follow_symlinks=False)
                if (found.st_dev, found.st_ino) not in seen:
                    seen.add((found.st_dev, found.st_ino))
                    total += found.st_blocks * 512
    return total
