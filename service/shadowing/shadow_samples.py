"""Requests over which a version and its shadow differed, kept for people: few, and not for long.

They hold what clients have sent. Their files are the owner's alone, some for each model, day and
pair of versions; those that are too old go, and the oldest ones where all are too large.
"""

import asyncio
import base64
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from service.background import Work
from service.contract.tensors.tensor_answer import as_predictions
from service.predicting.hearing import HeardRequest
from service.processes.frames import Body
from service.processes.front.beside import Beside
from service.refs import VersionId
from service.shadowing.shadowing import ShadowSample

LONGEST_SAMPLE: Final = 256 * 1024
"""Bytes of a request and both answers; of what is longer nothing is kept."""
_MOST_A_SECOND: Final = 10
_DAY: Final = 86_400.0
_TIDY_SECONDS: Final = 3600.0
# Of all that may be kept one file has so much at most: to make room only that is lost at a time.
_PARTS: Final = 16


@dataclass(frozen=True, slots=True)
class SampleLimits:
    """How much is kept, and for how many days."""

    most_bytes: int
    days: float = 7.0


@dataclass(eq=False, repr=False)
class ShadowSamples:
    """Keeps samples below a folder, in a thread of its own; ten a second at most.

    Of a version that is withdrawn, as `_is_withdrawn` says on the loop, nothing more is kept.
    """

    _folder: Path
    _limits: SampleLimits
    _is_withdrawn: Callable[[VersionId], bool]
    _wall: Callable[[], float] = time.time
    _beside: Beside = field(default_factory=lambda: Beside(Work.SHADOWING), init=False)
    _second: int = field(default=0, init=False)
    _this_second: int = field(default=0, init=False)

    def keep(self, sample: ShadowSample) -> None:
        """Maybe. Returns at once, raises nothing; a disk that fails is told as background work."""
        if any(map(self._is_withdrawn, _versions(sample))):
            return
        now = self._wall()
        if int(now) != self._second:
            self._second, self._this_second = int(now), 0
        if self._this_second < _MOST_A_SECOND and _size(sample) <= LONGEST_SAMPLE:
            self._this_second += 1
            self._beside.submit(lambda: self.write(sample, now))

    def write(self, sample: ShadowSample, now: float) -> None:
        """The sample is on disk, and what is too old or too much is not. Raises `OSError`."""
        folder = self._folder / _named(sample.heard.ref.name)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        served, heard = (each.version for each in _versions(sample))
        line = orjson.dumps(_told(sample, now)) + b"\n"
        place = self._place(folder, f"{_day(now)}-{served}-{heard}", len(line))
        descriptor = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(descriptor, "ab") as file:  # noqa: PTH123 - of a descriptor
            file.write(line)
        self.tidy(now)

    def forget(self, name: str, version: str) -> None:
        """No sample with answers of that version is kept any more. Blocks; raises `OSError`.

        In turn with what is to be written: nothing that was kept before comes after it.
        """
        self._beside.submit(lambda: self._forget(name, version)).result()

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Tidies now and every hour, though nothing be written any more, until it is cancelled."""
        while True:
            await self._beside.run(self.tidy, self._wall())
            await sleep(_TIDY_SECONDS)

    def _forget(self, name: str, version: str) -> None:
        for place in (self._folder / _named(name)).glob("*.jsonl"):
            if version in place.stem.split("-")[3:5]:
                place.unlink(missing_ok=True)

    def _place(self, folder: Path, name: str, size: int) -> Path:
        """The file that takes so many bytes more: the last one of that name, or a new one."""
        numbers = [int(each.stem.rpartition("-")[2]) for each in folder.glob(f"{name}-*.jsonl")]
        last = max(numbers, default=1)
        place = folder / f"{name}-{last}.jsonl"
        if numbers and place.stat().st_size + size > self._limits.most_bytes // _PARTS:
            place = folder / f"{name}-{last + 1}.jsonl"
        return place

    def tidy(self, now: float) -> None:
        """What is too old goes, and the oldest where all are too large. Raises `OSError`."""
        known = {each: each.stat() for each in self._folder.glob("*/*.jsonl")}
        whole = sum(each.st_size for each in known.values())
        oldest = _day(now - self._limits.days * _DAY)
        for each in sorted(known, key=lambda place: _age(place, known[place].st_mtime_ns)):
            if whole > self._limits.most_bytes or each.name < oldest:
                whole -= known[each].st_size
                each.unlink(missing_ok=True)


def _versions(sample: ShadowSample) -> tuple[VersionId, VersionId]:
    shadow = sample.heard.shadow
    return shadow.against.version, shadow.binding.servable.version


def _age(place: Path, written_at: int) -> tuple[str, int, int]:
    # The last part counts where the clock of files is too coarse to tell.
    day, part = place.name[:10], place.stem.rpartition("-")[2]
    return day, written_at, int(part)


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
        "answer": _text(_in_json(sample.served, heard)),
        "shadow_answer": _text(_in_json(sample.shadow, heard)),
        "shadow_error": sample.error,
    }


def _in_json(answer: Body | None, heard: HeardRequest) -> Body | None:
    if answer is None or heard.model_input.reply is None:
        return answer
    return as_predictions(answer)


def _text(body: Body | None) -> str | dict[str, str] | None:
    if body is None:
        return None
    try:
        return bytes(body).decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}
