"""A model's files for one host alone, so that what it writes there alters nobody else's.

Some models write where they lie: a database in its write-ahead mode, a cache, a lock. The verified
files must stay as they are, or no host could be loaded from them again.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator


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
