"""The file of API keys: one a line, `NAME:sha256:HEX`, read again when it changes.

NAME is what logs say, HEX the SHA-256 sum of the key in 64 hexadecimal digits: nobody who reads the
file can use it. Empty lines, and those that begin with `#`, say nothing. One name may stand
there with several keys, so that an old one can be replaced without an interruption.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from structlog.typing import FilteringBoundLogger

from service.processes.beside import Beside

_LINE: Final = re.compile(r"([A-Za-z0-9._-]{1,64}):sha256:([0-9A-Fa-f]{64})")
_LONGEST: Final = 1024**2
_LOOK_EVERY: Final = 1.0


class BadKeys(Exception):
    """One line: what is wrong with the file, and where in it; never what stands there."""


class _Mark(NamedTuple):
    """A file that has changed has another one; a link that points elsewhere too."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int


def parse_keys(text: str) -> Mapping[bytes, str]:
    """The names by sum. Raises `BadKeys`, which names every line that is wrong."""
    names: dict[bytes, str] = {}
    wrong = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None or names.get(bytes.fromhex(found[2]), found[1]) != found[1]:
            wrong.append(str(number))
        else:
            names[bytes.fromhex(found[2])] = found[1]
    if wrong:
        lines = f"line{'s' if len(wrong) > 1 else ''} {', '.join(wrong[:10])}"
        raise BadKeys(
            f"{lines}: must be NAME:sha256:HEX, with the key's SHA-256 sum in 64 hexadecimal "
            "digits, and each key under one name"
        )
    if not names:
        raise BadKeys(
            "holds no key, so that nobody could ask for a prediction: add a line NAME:sha256:HEX"
        )
    return names


class KeysFile:
    """What the file holds, as long as it can be read; and what it last held, when it cannot."""

    def __init__(self, path: Path) -> None:
        """Raises `BadKeys`."""
        self._path = path
        self._mark, self.names = _read(path)
        self._failed = ""

    def refresh(self, logger: FilteringBoundLogger) -> bool:
        """Whether there are other keys now: looks at the file, and reads it if it has changed.

        One that is bad or gone changes nothing but the log, which is told once.
        """
        try:
            if not self._failed and _mark(self._path) == self._mark:
                return False
            mark, names = _read(self._path)
        except BadKeys as error:
            if str(error) != self._failed:
                logger.warning("api_keys_unreadable", message=str(error))
            self._failed = str(error)
            return False
        self._mark, self._failed = mark, ""
        changed = names != self.names
        self.names = names
        logger.info("api_keys_read", names=sorted(set(names.values())))
        return changed


async def follow_keys(
    file: KeysFile,
    replace: Callable[[Mapping[bytes, str]], None],
    logger: FilteringBoundLogger,
    pause: float = _LOOK_EVERY,
) -> None:
    """Looks at the file every second until cancelled; `replace` is called with the keys it has."""
    beside = Beside("keys")
    while True:
        await asyncio.sleep(pause)
        # A file of another machine may take its time.
        if await beside.run(file.refresh, logger):
            replace(file.names)


def _mark(path: Path) -> _Mark:
    try:
        found = path.stat()
    except OSError as error:
        raise BadKeys(f"cannot be read: {error.strerror}") from None
    return _Mark(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _read(path: Path) -> tuple[_Mark, Mapping[bytes, str]]:
    # Marked first: what changes while it is read has another mark at the next look.
    mark = _mark(path)
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST + 1)
    except OSError as error:
        raise BadKeys(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise BadKeys("is no text") from None
    if len(text) > _LONGEST:
        raise BadKeys(f"is longer than {_LONGEST} characters")
    return mark, parse_keys(text)
