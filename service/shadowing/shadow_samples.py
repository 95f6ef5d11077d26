"""Requests over which a version and its shadow differed, kept for people: few, and not for long.

They hold what clients have sent. Their files are the owner's alone, one for each model, day and
pair of versions; those that are too old go, and the oldest ones where all are too large.
"""

import base64
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from service.background import Work
from service.processes.frames import Body
from service.processes.front.beside import Beside
from service.shadowing.shadowing import ShadowSample

LONGEST_SAMPLE: Final = 256 * 1024
"""Bytes of a request and both answers; of what is longer nothing is kept."""
_MOST_A_SECOND: Final = 10
_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class SampleLimits:
    """How much is kept, and for how many days."""

    most_bytes: int
    days: float = 7.0


@dataclass(eq=False, repr=False)
class ShadowSamples:
    """Keeps samples below a folder, in a thread of its own; ten a second at most."""

    _folder: Path
    _limits: SampleLimits
    _wall: Callable[[], float] = time.time
    _beside: Beside = field(default_factory=lambda: Beside(Work.SHADOWING), init=False)
    _second: int = field(default=0, init=False)
    _this_second: int = field(default=0, init=False)

    def keep(self, sample: ShadowSample) -> None:
        """Maybe. Returns at once, raises nothing; a disk that fails is told as background work."""
        now = self._wall()
        if int(now) != self._second:
            self._second, self._this_second = int(now), 0
        if self._this_second < _MOST_A_SECOND and _size(sample) <= LONGEST_SAMPLE:
            self._this_second += 1
            self._beside.submit(lambda: self.write(sample, now))

    def write(self, sample: ShadowSample, now: float) -> None:
        """The sample is on disk, and what is too old or too much is not. Raises `OSError`."""
        shadow = sample.heard.shadow
        versions = shadow.against.version.version, shadow.binding.servable.version.version
        folder = self._folder / _named(sample.heard.ref.name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = folder / f"{_day(now)}-{versions[0]}-{versions[1]}.jsonl"
        descriptor = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(descriptor, "ab") as file:  # noqa: PTH123 - of a descriptor
            file.write(orjson.dumps(_told(sample, now)) + b"\n")
        self._tidy(now)

    def forget(self, name: str, version: str) -> None:
        """No sample with answers of that version is kept any more. Raises `OSError`."""
        for place in (self._folder / _named(name)).glob("*.jsonl"):
            if version in place.stem.split("-")[3:]:
                place.unlink(missing_ok=True)

    def _tidy(self, now: float) -> None:
        files = sorted(self._folder.glob("*/*.jsonl"), key=lambda each: each.name)
        sizes = {each: each.stat().st_size for each in files}
        whole, oldest = sum(sizes.values()), _day(now - self._limits.days * _DAY)
        for each, size in sizes.items():
            if whole > self._limits.most_bytes or each.name < oldest:
                whole -= size
                each.unlink()


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _named(name: str) -> str:
    # A model's name is no name of a folder.
    return sha256(name.encode()).hexdigest()


def _size(sample: ShadowSample) -> int:
    body = sample.heard.body
    sent = len(body) if isinstance(body, bytes) else sum(map(len, body))
    return sent + len(sample.served or b"") + len(sample.shadow or b"")


def _told(sample: ShadowSample, now: float) -> dict[str, Any]:
    heard, body = sample.heard, sample.heard.body
    media_type = heard.headers.get(b"content-type", b"").decode("latin-1")
    return {
        "at": now,
        "slot": str(heard.ref),
        "version": heard.shadow.against.version.version,
        "shadow_version": heard.shadow.binding.servable.version.version,
        "request_id": heard.request_id,
        "media_type": media_type,
        "request": _text(body if isinstance(body, bytes) else b"".join(body)),
        "answer": _text(sample.served),
        "shadow_answer": _text(sample.shadow),
        "shadow_error": sample.error,
    }


def _text(body: Body | None) -> str | dict[str, str] | None:
    if body is None:
        return None
    try:
        return bytes(body).decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}
