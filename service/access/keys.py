"""The file of API keys: one a line, `NAME:sha256:HEX`, read again when it changes.

After it may stand, parted by spaces, what the key is limited to: `models=PATTERN,PATTERN`, each of
a model's `NAME` or of `NAME@ALIAS`; `rate=N/s` or `N/m` requests; `burst=N` of them at once.

NAME is what logs say, HEX the SHA-256 sum of the key in 64 hexadecimal digits: nobody who reads the
file can use it. Empty lines, and those that begin with `#`, say nothing. One name may stand
there with several keys, so that an old one can be replaced without an interruption.
"""

import asyncio
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from structlog.typing import FilteringBoundLogger

from service.http.key_limits import EVERYTHING, UNLIMITED, KeyLimits, LimitsByKey, Rate, Scoped
from service.processes.front.beside import Beside

_LINE: Final = re.compile(r"([A-Za-z0-9._-]{1,64}):sha256:([0-9A-Fa-f]{64})((?:[ \t]+\S+)*)")
_LIMIT: Final = re.compile(
    r"models=(?P<models>[^,\s]+(?:,[^,\s]+)*)"
    r"|rate=(?P<rate>[0-9]{1,9}(?:\.[0-9]{1,9})?)/(?P<unit>[sm])"
    r"|burst=(?P<burst>[0-9]{1,9})"
)
_SECONDS: Final = {"s": 1, "m": 60}
_LONGEST: Final = 1024**2
_LOOK_EVERY: Final = 1.0
_MOST_LINES: Final = 100


class BadKeys(Exception):
    """One line: what is wrong with the file, and where in it; never what stands there."""


class _Mark(NamedTuple):
    """A file that has changed has another one; a link that points elsewhere too."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int


class Keys(NamedTuple):
    """The names of keys, and the limits of those that have any, by the SHA-256 sum of each key."""

    names: Mapping[bytes, str]
    limits: LimitsByKey


def read_keys(text: str) -> Keys:
    """What the file says. Raises `BadKeys`, which names every line that is wrong."""
    names: dict[bytes, str] = {}
    limits: dict[bytes, KeyLimits] = {}
    wrong = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        limited = None if found is None else _limits(found[3].split())
        if found is None or limited is None or not _agrees(names, limits, found, limited):
            wrong.append(str(number))
    if wrong:
        lines = f"line{'s' if len(wrong) > 1 else ''} {', '.join(wrong[:_MOST_LINES])}"
        more = f" and {len(wrong) - _MOST_LINES} more" if len(wrong) > _MOST_LINES else ""
        raise BadKeys(
            f"{lines}{more}: must be NAME:sha256:HEX, with the key's SHA-256 sum in 64 hexadecimal "
            "digits, and each key under one name; then, if it is limited, models=PATTERN,PATTERN, "
            "rate=N/s or N/m with N over 0, and burst=N beside a rate"
        )
    if not names:
        raise BadKeys(
            "holds no key, so every prediction would be refused: add a line NAME:sha256:HEX"
        )
    return Keys(names, limits)


def _agrees(
    names: dict[bytes, str], limits: dict[bytes, KeyLimits], found: re.Match[str], new: KeyLimits
) -> bool:
    """Whether nothing else is said of that key before; it is kept then."""
    key, name = bytes.fromhex(found[2]), found[1]
    if key in names and (names[key], limits.get(key, UNLIMITED)) != (name, new):
        return False
    names[key] = name
    if new != UNLIMITED:
        limits[key] = new
    return True


def _limits(words: Sequence[str]) -> KeyLimits | None:
    """What the words after a key say; None for what is not known, or is said twice."""
    said: dict[str, str] = {}
    for word in words:
        found = _LIMIT.fullmatch(word)
        if found is None or word.partition("=")[0] in said:
            return None
        said |= {kind: value for kind, value in found.groupdict().items() if value is not None}
    rate = _rate(said)
    if rate is None and {"rate", "burst"} & said.keys():
        return None
    models = Scoped(tuple(said["models"].split(","))) if "models" in said else EVERYTHING
    return KeyLimits(models, rate)


def _rate(said: Mapping[str, str]) -> Rate | None:
    if "rate" not in said:
        return None
    per_second = float(said["rate"]) / _SECONDS[said["unit"]]
    burst = int(said.get("burst", max(1, math.ceil(per_second))))
    return Rate(per_second, burst) if per_second > 0 and burst > 0 else None


class KeysFile:
    """What the file holds, as long as it can be read; and what it last held, when it cannot."""

    def __init__(self, path: Path) -> None:
        """Raises `BadKeys`."""
        self._path = path
        self._mark, (self.names, self.limits) = _read(path)
        self._failed = ""

    def refresh(self, logger: FilteringBoundLogger) -> bool:
        """Whether there are other keys now: looks at the file, and reads it if it has changed.

        One that is bad or gone changes nothing but the log, which is told once.
        """
        try:
            if not self._failed and _mark(self._path) == self._mark:
                return False
            mark, found = _read(self._path)
        except BadKeys as error:
            if str(error) != self._failed:
                logger.warning("api_keys_unreadable", message=str(error))
            self._failed = str(error)
            return False
        self._mark, self._failed = mark, ""
        changed = found != (self.names, self.limits)
        self.names, self.limits = found
        logger.info("api_keys_read", names=sorted(set(found.names.values())))
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


def _read(path: Path) -> tuple[_Mark, Keys]:
    # Marked first: what changes while it is read has another mark at the next look.
    mark = _mark(path)
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST + 1)
    except OSError as error:
        raise BadKeys(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise BadKeys("is not text") from None
    if len(text) > _LONGEST:
        raise BadKeys(f"is longer than {_LONGEST} characters")
    return mark, read_keys(text)
