"""Fetched artifacts on this machine: complete or absent, never in between, and never altered.

A place in the cache is a folder with the artifact and its manifest, and has a lock beside it.
Several processes may use one cache at once, those of other services too.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from service.processes.removal import remove_tree
from service.refs import VersionId
from service.registry.store.durable import sync
from service.registry.store.locks import Lock, Locked, lock_file
from service.registry.store.manifest import Altered, digest_of, verify, write_manifest

_PARTIAL: Final = "partial-"
_ARTIFACT: Final = "model"
_MANIFEST: Final = "manifest.json"
_WRITTEN_TO: Final = "written-to"
_VERSION: Final = "version.json"
_LONGEST_VERSION: Final = 64 * 1024
# The SHA-256 of an identity; a number follows where the first place is altered and still in use.
_PLACE: Final = re.compile(r"[0-9a-f]{64}(\.\d)?")
_COPIES: Final = 4
_TRIES: Final = 3
Identity = tuple[str, int, str, str]
"""Of an artifact: its version's name, the model's creation timestamp, its number, its source."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A whole artifact; nobody takes it away until the lock is released."""

    place: Path
    lock: Lock

    @property
    def artifact(self) -> Path:
        """Its folder."""
        return artifact_of(self.place)

    @property
    def digest(self) -> str:
        """Of all its files; see `digest_of`."""
        return digest_of(self.place / _MANIFEST)

    @property
    def written_to(self) -> bool:
        """Whether it was found altered before, so that whoever loads it better copies it."""
        return (self.place / _WRITTEN_TO).exists()


class ArtifactCache:
    """Folders named by the SHA-256 of what they hold the artifact of; names may be hostile."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self, identity: Identity) -> Path:
        """Where the artifact of that identity lies or would."""
        text = json.dumps(identity).encode()
        return self._folder / hashlib.sha256(text).hexdigest()

    def get(
        self,
        place: Path,
        private: Path,
        fetch: Callable[[Path], Path],
        says: Identity | None = None,
    ) -> Kept:
        """The artifact at `place`, verified by its manifest, fetched if it is not there or altered.

        `fetch` writes below the folder `private`, which is gone afterwards, and returns what is to
        be put into place, which is done by one rename. An altered one that somebody serves is left
        to them, and a copy of its own fetched beside it, which is known to be written to from then
        on. What is fetched `says` beside it what it is. Raises OSError, and what `fetch` raises.
        """
        altered = False
        for candidate in (place, *(Path(f"{place}.{n}") for n in range(1, _COPIES))):
            for _ in range(_TRIES):
                whole = partial(_whole, private, fetch, says)
                kept = self._kept(candidate, whole, written_to=altered)
                if kept is not None:
                    return kept
                altered = True
                if not discard(candidate):
                    break
        raise FileExistsError(f"every copy of {place.name} was altered and is in use")

    def find(self, place: Path) -> Kept | None:
        """What lies there, verified by its manifest; None if it is not there. Raises `Altered`."""
        if not place.is_dir():
            return None
        lock = Lock.shared(place)
        try:
            verify_at(place)
        except FileNotFoundError:
            lock.release()
            return None
        except BaseException:
            lock.release()
            raise
        return Kept(place, lock)

    def _kept(
        self,
        candidate: Path,
        fetched: Callable[[], contextlib.AbstractContextManager[Path]],
        *,
        written_to: bool,
    ) -> Kept | None:
        with contextlib.suppress(Altered):
            kept = self.find(candidate)
            if kept is None:
                with fetched() as whole:
                    if written_to:
                        (whole / _WRITTEN_TO).touch()
                    kept = _put(whole, candidate) or self.find(candidate)
            return kept
        return None


def verify_at(place: Path, *, in_use: bool = False) -> None:
    """Returns if what lies there is as its manifest says. Raises `Altered` and OSError."""
    verify(artifact_of(place), place / _MANIFEST, in_use=in_use)


def artifact_of(place: Path) -> Path:
    """The artifact's own folder in that place."""
    return place / _ARTIFACT


def is_whole(place: Path) -> bool:
    """Whether an artifact lies there as its manifest says; reads all of it."""
    try:
        verify_at(place)
    except (Altered, OSError):
        return False
    return True


def is_place(name: str) -> bool:
    """Whether a folder of that name holds an artifact; nothing else does."""
    return _PLACE.fullmatch(name) is not None


def is_partial(name: str) -> bool:
    """Whether a folder of that name holds what is being fetched, or was when a fetch was ended."""
    return name.startswith(_PARTIAL)


def version_in(folder: Path) -> VersionId | None:
    """Of which version what lies in that place, or is being fetched there, says that it is."""
    try:
        with (folder / _VERSION).open("rb") as file:
            name, created, version, _ = json.loads(file.read(_LONGEST_VERSION))
    except (OSError, ValueError, TypeError):
        return None
    return VersionId(name, created, version)


def discard(place: Path) -> bool:
    """Takes away what lies there, unless somebody holds a lock on it; whether that was done.

    Moved aside by one rename first, so that nobody finds half of it. Raises OSError.
    """
    try:
        lock = Lock.exclusive(place)
    except Locked:
        return False
    aside = private_folder(place.parent)
    try:
        with contextlib.suppress(FileNotFoundError):
            place.rename(aside)
        lock_file(place).unlink(missing_ok=True)
    finally:
        lock.release()
    remove_tree(aside)
    return True


def private_folder(cache: Path) -> Path:
    """A folder in the cache that nobody else will use; not made yet."""
    return cache / f"{_PARTIAL}{uuid.uuid4().hex}"


@contextlib.contextmanager
def _whole(private: Path, fetch: Callable[[Path], Path], says: Identity | None) -> Iterator[Path]:
    """What `fetch` has brought, with its manifest, ready to be put into place."""
    private.mkdir(parents=True)
    try:
        downloaded, whole = private / "download", private / "whole"
        downloaded.mkdir()
        whole.mkdir()
        if says is not None:
            for folder in (private, whole):
                (folder / _VERSION).write_text(json.dumps(says))
        fetch(downloaded).rename(artifact_of(whole))
        _close(artifact_of(whole), private.stat().st_mode)
        write_manifest(artifact_of(whole), whole / _MANIFEST)
        yield whole
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _close(artifact: Path, home: int) -> None:
    """Whom the home's umask lets in may come in, nobody else: a store may hand its modes on."""
    artifact.chmod(stat.S_IMODE(home))
    for folder, folders, files in os.walk(artifact):
        for name in folders:
            _chmod(Path(folder, name), stat.S_IMODE(home))
        for name in files:
            path = Path(folder, name)
            _chmod(path, path.lstat().st_mode & home & 0o777 | home & 0o660)


def _chmod(path: Path, mode: int) -> None:
    if not path.is_symlink():
        path.chmod(mode)


def _put(whole: Path, place: Path) -> Kept | None:
    lock = Lock.shared(place)
    try:
        whole.rename(place)
        sync(place.parent)
    except BaseException as error:
        lock.release()
        # Somebody else was faster; what is in place is verified like anything that is found.
        if isinstance(error, OSError) and place.is_dir():
            return None
        raise
    return Kept(place, lock)


def remove_partial(folder: Path, older_than: float) -> None:
    """Removes what fetches that were ended have left, if begun before `older_than` (since 1970).

    Another service may be fetching into the same cache at this moment.
    """
    for each in folder.glob(f"{_PARTIAL}*"):
        # Another service that starts at this moment may have removed it.
        with contextlib.suppress(FileNotFoundError):
            if each.stat().st_mtime < older_than:
                shutil.rmtree(each, ignore_errors=True)
