"""Fetched artifacts on this machine: complete or absent, never in between."""

import contextlib
import hashlib
import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

_PARTIAL: Final = "partial-"


class ArtifactCache:
    """Folders named by the SHA-256 of what they hold the artifact of; names may be hostile.

    Several processes may use one cache at once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self, identity: tuple[str, int, str, str]) -> Path:
        """Where the artifact of that (name, creation timestamp, version, source) lies or would."""
        text = json.dumps(identity).encode()
        return self._folder / hashlib.sha256(text).hexdigest()

    def get(self, place: Path, private: Path, fetch: Callable[[Path], Path]) -> Path:
        """The folder at `place`, fetched if it is not there.

        `fetch` writes below the folder `private`, which is gone afterwards, and returns what is to
        be put into place, which is done by one rename. Raises OSError, and whatever `fetch` raises.
        """
        if place.is_dir():
            return place
        private.mkdir(parents=True)
        try:
            _rename(fetch(private), place)
        finally:
            shutil.rmtree(private, ignore_errors=True)
        return place


def private_folder(cache: Path) -> Path:
    """A folder in the cache that nobody else will use; not made yet."""
    return cache / f"{_PARTIAL}{uuid.uuid4().hex}"


def _rename(source: Path, place: Path) -> None:
    try:
        source.rename(place)
    except OSError:
        # Somebody else was faster; what is in place is complete.
        if not place.is_dir():
            raise


def remove_partial(folder: Path, older_than: float) -> None:
    """Removes what fetches that were ended have left, if begun before `older_than` (since 1970).

    Another service may be fetching into the same cache at this moment.
    """
    for partial in folder.glob(f"{_PARTIAL}*"):
        # Another service that starts at this moment may have removed it.
        with contextlib.suppress(FileNotFoundError):
            if partial.stat().st_mtime < older_than:
                shutil.rmtree(partial, ignore_errors=True)
