"""What a version is loaded with: files, memory and variables of its host's own, and no pickle.

Some models write where they lie: a database in its write-ahead mode, a cache, a lock. The verified
files must stay as they are, or no host could be loaded from them again.
"""

import contextlib
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from service.host.isolation import is_podiums

_forbidding = False
_installed = False


class PickleForbidden(Exception):
    """Something that the artifact holds would have been unpickled."""


@contextlib.contextmanager
def no_pickle() -> Iterator[None]:
    """While it lasts, naming a class in a pickle raises `PickleForbidden`.

    Python tells of each one before it is imported (audit event `pickle.find_class`), in C and in
    Python, and a pickle that names none runs nothing.
    """
    global _forbidding, _installed  # noqa: PLW0603 - an audit hook is of the process, and for good
    if not _installed:
        sys.addaudithook(_on_event)
        _installed = True
    _forbidding = True
    try:
        yield
    finally:
        _forbidding = False


def _on_event(event: str, _: tuple[Any, ...]) -> None:
    if _forbidding and event == "pickle.find_class":
        raise PickleForbidden("this service does not unpickle (PODIUM_TRUST=no-pickle)")


def own_copy(artifact: str) -> str:
    """A copy in this process's temporary folder, which goes with it; without room the artifact."""
    folder = tempfile.mkdtemp(prefix="model-")
    try:
        return shutil.copytree(artifact, os.path.join(folder, "model"))  # noqa: PTH118 - texts all along
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        print(f"The model is loaded where it was fetched to: {error}", flush=True)  # noqa: T201 - the front's log
        return artifact


class Untouched:
    """Tells at little cost whether any file below a folder may have changed since."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._seen = set(_marks(folder))

    def touched(self) -> bool:
        """Whether one that was there is gone, or was written to; new ones do not count."""
        return not self._seen <= set(_marks(self._folder))


def _marks(folder: str) -> Iterator[tuple[str, int, int, int]]:
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    seen = entry.stat(follow_symlinks=False)
                    yield entry.path, seen.st_ino, seen.st_size, seen.st_mtime_ns


def take_variables(variables: Mapping[str, str]) -> None:
    """From now on the model, and whatever it starts, has them.

    Python itself reads two of them only when it starts: folders of `PYTHONPATH` come last where
    modules are looked for, so that they hide nothing that is installed, and `TZ` is the zone.
    """
    os.environ.update(variables)
    if "PYTHONPATH" in variables:
        folders = variables["PYTHONPATH"].split(os.pathsep)
        absolute = [str(Path(each).absolute()) for each in folders if each]
        sys.path.extend(
            each for each in absolute if each not in sys.path and not is_podiums(Path(each))
        )
    if "TZ" in variables:
        time.tzset()


def limit_memory(watched_bytes: int | None) -> None:
    """From now on this process gets no more than twice that, whatever its watch sees of it."""
    # For what grows faster than the front looks. RLIMIT_AS would count what is only reserved.
    if watched_bytes is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = 2 * watched_bytes
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
