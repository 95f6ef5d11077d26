"""The files of Podium that zygotes and hosts run, apart from all else of it.

An environment of a version's own has that version's libraries. Were Podium found there as it is
found here, so would be whatever lies beside it: its site-packages, or a checkout. So these files
are put into one archive, which Python imports from as from a folder. Its name is the hash of what
is in it: another Podium has another one, and leaves this one to services that run still.
"""

import hashlib
import io
import os
import secrets
import zipfile
from pathlib import Path
from typing import Final

# All of a folder but what lies deeper, or one file; a test holds this to what they import.
_PARTS: Final = (
    "__init__.py",
    *("contract/__init__.py", "contract/alike.py", "contract/model_input.py"),
    "errors.py",
    *("host", "host/row_wise"),
    *("inspector/__init__.py", "inspector/main.py", "inspector/safe_formats.py"),
    "inspector/wire.py",
    *("processes/__init__.py", "processes/exhausted.py", "processes/frames.py"),
    *("processes/lifetime.py", "processes/parcels.py", "processes/child/__init__.py"),
    *("processes/child/channel.py", "processes/child/keeper.py", "processes/child/scheduling.py"),
    "zygote",
)
_SERVICE: Final = Path(__file__).resolve().parents[1]
# The archive is the same wherever and whenever it is made.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_READABLE: Final = 0o444


class HostCode:
    """The archive below `folder`, which is made when it is asked for.

    What is in it is read at once: what is installed may be replaced while this Podium runs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._content = _content()
        self._place = folder / f"{hashlib.sha256(self._content).hexdigest()}.zip"

    def archive(self) -> Path:
        """It is there, and holds what this Podium runs, whatever has been done to it; blocks.

        Raises OSError where it cannot be written. Several services may ask at once.
        """
        if _read(self._place) != self._content:
            self._write()
        return self._place

    def _write(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f".{self._place.stem}.{secrets.token_hex(4)}"
        try:
            part.write_bytes(self._content)
            part.chmod(_READABLE)
            part.rename(self._place)
        finally:
            part.unlink(missing_ok=True)


def files() -> list[Path]:
    """Every file of it, where this Podium has it."""
    found = [_SERVICE / part for part in _PARTS]
    return sorted(
        file for path in found for file in (path.glob("*.py") if path.is_dir() else [path])
    )


def _content() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path in files():
            name = os.fspath(path.relative_to(_SERVICE.parent))
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), path.read_bytes())
    return made.getvalue()


def _read(place: Path) -> bytes | None:
    try:
        return place.read_bytes()
    except FileNotFoundError:
        return None
