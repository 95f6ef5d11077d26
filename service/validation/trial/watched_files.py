"""The files that a version on trial is loaded from, which tell whether it writes to them.

In the service small artifacts are copied by each host, and no write there harms anybody: nor is one
seen. Here all hosts load one copy that is theirs alone. Large artifacts are shared by hosts here as
there, and lie in the cache, whose manifest tells.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from service.errors import VersionFault
from service.following.ports import FetchedVersion
from service.registry.store.manifest import (
    Altered,
    NotPlain,
    file_lengths,
    verify,
    write_manifest,
)
from service.registry.wire import Fault

_COMPILED: Final = "__pycache__/"
_MOST_NAMED: Final = 3


class WatchedFiles(Protocol):
    """The files of one version."""

    @property
    def loaded(self) -> FetchedVersion:
        """What is to be loaded, instead of what was fetched."""
        ...

    def written(self) -> str:
        """What was written there since, as half a sentence; empty: nothing. Blocks."""
        ...


class CopiedFiles:
    """A copy below the folder, which nobody else reads. Made beside the loop: it blocks."""

    def __init__(self, fetched: FetchedVersion, folder: Path) -> None:
        self._copy = Path(shutil.copytree(fetched.path, folder / "model"))
        self._manifest = folder / "manifest.json"
        write_manifest(self._copy, self._manifest)
        self._names = _names(self._copy)
        self.loaded = replace(fetched, path=self._copy, own_copies=False, verify=self._verify)

    def written(self) -> str:
        """As `WatchedFiles.written`."""
        try:
            verify(self._copy, self._manifest, in_use=True)
        except Altered as error:
            return str(error)
        return _new(self._names, self._copy)

    def _verify(self) -> None:
        try:
            verify(self._copy, self._manifest, in_use=True)
        except Altered as error:
            sentence = "The version has altered its own files."
            raise VersionFault("load", Fault.ALTERED, sentence, str(error)) from error


class SharedFiles:
    """Those of the cache, as they lie there."""

    def __init__(self, fetched: FetchedVersion) -> None:
        self.loaded = fetched
        self._names = _names(fetched.path)

    def written(self) -> str:
        """As `WatchedFiles.written`."""
        try:
            self.loaded.verify()
        except VersionFault as fault:
            return fault.detail or fault.message
        return _new(self._names, self.loaded.path)


class OwnFiles:
    """A copy for each host, which it may write to: as the service has it for what does that."""

    def __init__(self, fetched: FetchedVersion) -> None:
        self.loaded = replace(fetched, own_copies=True)

    def written(self) -> str:
        """Nobody looks."""
        return ""


def watched(fetched: FetchedVersion, folder: Path, *, may_write: bool) -> WatchedFiles:
    """A copy where hosts of the service make one too. Blocks; raises OSError."""
    if may_write:
        return OwnFiles(fetched)
    return CopiedFiles(fetched, folder) if fetched.own_copies else SharedFiles(fetched)


def _names(folder: Path) -> frozenset[str]:
    return frozenset(file_lengths(folder))


def _new(before: frozenset[str], folder: Path) -> str:
    try:
        found = _names(folder) - before
    except NotPlain as error:
        return str(error)
    # Python's own, of modules that come with the model.
    new: Sequence[str] = sorted(name for name in found if _COMPILED not in name)
    return f"new files: {', '.join(new[:_MOST_NAMED])}" if new else ""
