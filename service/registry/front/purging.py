"""The end of a withdrawn version's files in the cache: whatever lies there of it goes."""

import contextlib
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from service.refs import VersionId
from service.registry.store.artifacts import discard, is_partial, is_place, version_in


def purge(cache: Path, is_withdrawn: Callable[[VersionId], bool]) -> Collection[VersionId]:
    """Removes every place and every half-fetched one of such versions; those that are left.

    What somebody holds a lock on is left to be asked for again. A place that does not say of which
    version it is may be one, and goes too unless somebody uses it: that costs a fetch.
    Raises OSError.
    """
    if not cache.is_dir():
        return ()
    left = [_left(each, is_withdrawn) for each in list(cache.iterdir())]
    return {version for version in left if version is not None}


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
