"""Files that are whole or not there, also after the machine has lost its power."""

import contextlib
import os
import secrets
from pathlib import Path


def sync(path: Path) -> None:
    """Returns when the file, or the names in the folder, are on the disk; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """The file has this content, or the one that it had before; raises OSError.

    Blocks for as long as the disk takes.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    sync(path.parent)
