"""Folders removed in a thread of their own, however many files are in them."""

import contextlib
import os
import queue
import threading
from pathlib import Path

from service.background import Work, tell_from_thread


class Remover:
    """Removes one folder after the other; whoever asks waits for nothing.

    A daemon thread, so that a folder of a million files does not hold up the end of the process.
    """

    def __init__(self) -> None:
        self._folders = queue.SimpleQueue[Path | threading.Event | None]()
        self._thread = threading.Thread(target=self._run, name=Work.REMOVAL, daemon=True)
        self._thread.start()

    def remove(self, folder: Path) -> None:
        """It is gone some time later, as far as the system lets it go."""
        self._folders.put(folder)

    def settle(self, seconds: float) -> bool:
        """Whether all that was to be removed so far has been, within so many seconds; blocks."""
        done = threading.Event()
        self._folders.put(done)
        return done.wait(seconds)

    def close(self, seconds: float) -> None:
        """Returns when all is removed, or after so many seconds."""
        self._folders.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (folder := self._folders.get()) is not None:
            if isinstance(folder, threading.Event):
                folder.set()
                continue
            try:
                remove_tree(folder)
            except Exception as error:  # noqa: BLE001 - one folder must not keep the others
                tell_from_thread(error)


def remove_tree(folder: Path) -> None:
    """Removes what can be removed, links themselves and not what they point to; raises nothing.

    Unlike `shutil.rmtree` it holds no list of what it finds, which may be a million names.
    """
    with contextlib.suppress(OSError, RecursionError):
        with os.scandir(folder) as entries:
            for entry in entries:
                _remove(entry)
        folder.rmdir()


def _remove(entry: os.DirEntry[str]) -> None:
    with contextlib.suppress(OSError):
        if entry.is_dir(follow_symlinks=False):
            remove_tree(Path(entry.path))
        else:
            os.unlink(entry.path)  # noqa: PTH108 - a Path for each of a million
