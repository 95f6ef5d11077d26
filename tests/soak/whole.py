"""One whole soak: a service of its own from its start to its end, and what came of it."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.soak.figures import Held, Record
from tests.soak.rest import last_events, processes_below
from tests.soak.soaking import ENVIRONMENT, NAME, Soak, registered
from tests.support import tracking
from tests.support.services import RunningService, running_service

_GROWTH_ALLOWED: Final = 1.05


@dataclass(slots=True)
class Result:
    """What came of one soak; `gave_up` is what it saw when it did."""

    record: Record = field(default_factory=Record)
    before: Held | None = None
    after: Held | None = None
    status: int | None = None
    left: list[str] = field(default_factory=list)
    gave_up: str = ""
    interrupted: bool = False

    def passed(self, swaps: int) -> bool:
        """All swaps were made, nothing was wrong or lost, nothing has grown, nothing is left."""
        whole = len(self.record.swaps) == swaps and self.record.clean and not self.gave_up
        return whole and self.status == 0 and not self.left and not self._grown

    def lines(self) -> Iterator[str]:
        """All of it, for people."""
        yield from self.record.lines()
        if self.before and self.after:
            yield _compared(self.before, self.after) + (" (GROWN)" if self._grown else "")
        if self.gave_up:
            yield f"given up: {self.gave_up}"
        named = f": {', '.join(self.left)}" if self.left else ""
        yield f"exit status {self.status}, {len(self.left)} temporary folders left{named}"

    @property
    def _grown(self) -> bool:
        before, after = self.before, self.after
        if before is None or after is None:
            return False
        memory = after.memory_bytes > before.memory_bytes * _GROWTH_ALLOWED
        return memory or after.files > before.files * _GROWTH_ALLOWED


def _compared(before: Held, after: Held) -> str:
    return (
        f"at rest: memory {before.memory_bytes / 1e6:.0f} MB after the first swaps, then "
        f"{after.memory_bytes / 1e6:.0f} MB; open files {before.files}, then {after.files}; "
        f"processes {before.processes}, then {after.processes}"
    )


def soaked(seed: int, swaps: int, first: int, told: Callable[[], None]) -> Result:
    """So many swaps; the service is at rest after the `first` ones, at the end, and then stops."""
    result = Result()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        uri = f"sqlite:///{tracking.migrate(folder)}"
        registry = registered(uri, folder)
        with running_service([f"{NAME}@champion"], uri, folder, **ENVIRONMENT) as service:
            service.wait_until_ready()
            soak = Soak(service, registry, seed)
            result.record = soak.record
            try:
                _swapped(soak, result, swaps, first, told)
            except AssertionError as error:
                result.gave_up = str(error)
            _stopped(service, result)
        left = (folder / "podium" / "tmp").iterdir()
        result.left = sorted(path.name for path in left if path.name != ".lock")
    return result


def _swapped(soak: Soak, result: Result, swaps: int, first: int, told: Callable[[], None]) -> None:
    soak.run(min(first, swaps), told)
    result.before = soak.drained()
    # Whoever has seen enough is told what there was to see so far.
    try:
        soak.run(max(swaps - first, 0), told)
    except KeyboardInterrupt:
        result.interrupted = True
    result.after = soak.drained()


def _stopped(service: RunningService, result: Result) -> None:
    try:
        result.status = service.stop()
    except subprocess.TimeoutExpired:
        below = [f"  {each}" for each in processes_below(service.process.pid)]
        said = "\n".join(["it does not stop; left are:", *below, *last_events(service)])
        result.gave_up = f"{result.gave_up}\n{said}".lstrip()
        service.process.kill()
