"""Podium's home: the folder of everything that is kept, tried before anything is started."""

import tempfile
from pathlib import Path


class HomeUnusable(Exception):
    """Nothing can be kept there; one line for people, with the system's reason."""


def make_home(home: Path) -> None:
    """Returns if the folder is there, made if need be, and takes files. Raises `HomeUnusable`."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            return
    except OSError as error:
        reason = error.strerror or "no file can be made"
        raise HomeUnusable(
            f"PODIUM_HOME: {str(home)!r} cannot be used: {reason}; choose another"
        ) from None
