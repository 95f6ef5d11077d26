"""Podium's home: the folder of everything that is kept, its owner's alone.

It is tried before anything is started. Whatever is made from then on, by this process and those
that it starts, is nobody else's to read; what an earlier release has left open is closed.

A volume that belongs to somebody else, as Kubernetes mounts one with `fsGroup`, is shared by its
group: there the mode is not ours to change, and whoever runs next, under another number, has to
find what was kept. So the group may, others may not.
"""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_OTHERS: Final = 0o007
_ALL_BUT_THE_OWNER: Final = 0o077
_KEPT: Final = frozenset(
    {
        *("admin-token", "artifacts", "cache", "logs", "mlflow.db", "services", "tmp", "up.json"),
        *("withdrawn",),
    }
)
# Of files alone: what is beside them while they are written.
_WRITTEN: Final = ("admin-token.", "mlflow.db-", "up.json.")


class HomeUnusable(Exception):
    """Nothing can be kept there; one line for people, with the system's reason."""


def make_home(home: Path) -> None:
    """Returns if the folder is there, made if need be, and takes files. Raises `HomeUnusable`.

    It and all below are closed to others then, and so is what this process makes from now on.
    """
    closed_to = keep_private(home)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        reason = error.strerror or "no file can be made"
        raise HomeUnusable(
            f"PODIUM_HOME: {str(home)!r} cannot be used: {reason}; choose another"
        ) from None
    # The contents first: if this is interrupted, the next start finds the home open, and goes on.
    for each in (*_ours_left_open(home, closed_to), home):
        _close(each, closed_to)


def keep_private(home: Path) -> int:
    """Whatever this process and its children make is closed to others than that home's.

    Returns the bits of a mode that nothing gets. For whoever starts a child before `make_home`.
    """
    closed_to = _OTHERS if _is_the_groups(home) else _ALL_BUT_THE_OWNER
    os.umask(closed_to)
    return closed_to


def _is_the_groups(home: Path) -> bool:
    """Whether it, or where it will be made, is lent by somebody else to a group of ours alone."""
    with contextlib.suppress(OSError):
        there = next(each for each in (home, *home.absolute().parents) if each.exists())
        found = there.stat()
        lent = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) == stat.S_IWGRP
        ours = {os.getegid(), *os.getgroups()}
        return found.st_uid != os.geteuid() and lent and found.st_gid in ours
    return False


def _ours_left_open(home: Path, closed_to: int) -> Iterator[Path]:
    """What Podium has put there: somebody may have named a folder that holds other things too."""
    for each in _within(home, closed_to):
        if each.name in _KEPT or (each.name.startswith(_WRITTEN) and each.is_file()):
            yield from _left_open(each, closed_to)


def _left_open(path: Path, closed_to: int) -> Iterator[Path]:
    """All below a folder that is open, and it itself at last."""
    for each in _within(path, closed_to):
        yield from _left_open(each, closed_to)
    yield path


def _within(folder: Path, closed_to: int) -> list[Path]:
    """Files and folders, no links; nothing of what is closed or cannot be read."""
    with contextlib.suppress(OSError):
        if folder.is_dir() and folder.stat().st_mode & closed_to:
            with os.scandir(folder) as entries:
                return [Path(entry.path) for entry in entries if not entry.is_symlink()]
    return []


def _close(path: Path, closed_to: int) -> None:
    # Somebody else's, everybody's (/tmp), or on a disk that is read-only: as its owner wants it.
    with contextlib.suppress(OSError):
        found = path.stat()
        is_ours = found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX
        if is_ours and found.st_mode & closed_to:
            path.chmod(stat.S_IMODE(found.st_mode) & ~closed_to)
