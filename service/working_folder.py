"""A folder of a command's own, which nobody has used before, and which is gone afterwards.

It stands in Podium's home, beside those of services: what a command that was killed has left is
removed by the next that asks for one, or by the next service.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from service.config.home import make_home
from service.config.settings import Settings
from service.parts import new_scratch


@contextlib.contextmanager
def working_folder(settings: Settings) -> Iterator[Path]:
    """Nobody else's to read. Raises `HomeUnusable`, and OSError."""
    make_home(settings.home)
    scratch = new_scratch(settings)
    try:
        yield scratch.folder()
    finally:
        scratch.close()
