"""The end of a withdrawn version's files in the cache: whatever lies there of it goes."""

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from service.following.refs import VersionId
from service.registry.artifacts import discard, is_partial, is_place, version_in


def purge(cache: Path, is_withdrawn: Callable[[VersionId], bool]) -> bool:
    """Removes every place and every half-fetched one of such versions; whether none is left.

    What somebody holds a lock on is left to be asked for again. A place that does not say of which
    version it is may be one, and goes too unless somebody uses it: that costs a fetch.
    Raises OSError.
    """
    if not cache.is_dir():
        return True
    gone = [_gone(each, is_withdrawn) for each in list(cache.iterdir())]
    return all(gone)


def _gone(folder: Path, is_withdrawn: Callable[[VersionId], bool]) -> bool:
    if is_partial(folder.name):
        return _partial_gone(folder, is_withdrawn)
    if not is_place(folder.name):
        return True
    version = version_in(folder)
    if version is None:
        with contextlib.suppress(OSError):
            discard(folder)
        return True
    return not is_withdrawn(version) or discard(folder)


def _partial_gone(folder: Path, is_withdrawn: Callable[[VersionId], bool]) -> bool:
    # Whoever fetches it still, in another service, is told that it could not be fetched.
    version = version_in(folder)
    if version is not None and is_withdrawn(version):
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()
    return True
