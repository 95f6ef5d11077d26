"""Folders removed, however many files are in them."""

import contextlib
import os
from pathlib import Path


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
