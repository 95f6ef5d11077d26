"""Whether a service has come to rest after a soak, and which process or state has not."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.soak.figures import Held, held
from tests.support.services import RunningService, descendants_of
from tests.support.waiting import wait_until

REST_SECONDS: Final = 120.0
# As long as this the same processes, with the slot as it should be.
_STEADY_LOOKS: Final = 15
_BETWEEN_SECONDS: Final = 0.2
_EVENTS_TOLD: Final = 25
# How the names of the processes below the front begin that a service at rest has, one of each.
ONE_OF_EACH: Final = (
    *("zygote", "spare zygote", "registry.", "decoder"),
    *("keeper", "host"),
)


@dataclass(frozen=True, slots=True)
class Process:
    """One below the front, as /proc shows it; `state` is the kernel's letter."""

    pid: int
    name: str
    state: str
    parent: int

    def __str__(self) -> str:
        """In words."""
        zombie = " a zombie" if self.state == "Z" else f" in state {self.state}"
        return f"{self.name} ({self.pid}, child of {self.parent}),{zombie}"


def processes_below(front: int) -> list[Process]:
    """All of them, zombies too, by their numbers."""
    return [found for pid in sorted(descendants_of(front)) for found in _process(pid)]


def _process(pid: int) -> Iterator[Process]:
    with contextlib.suppress(OSError):
        head, _, tail = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
        state, parent = tail.split()[:2]
        yield Process(pid, head.partition("(")[2], state, int(parent))


def unsettled(processes: Sequence[Process]) -> list[str]:
    """What is there beside one living process of each kind, and what is missing."""
    missing, beside = list(ONE_OF_EACH), []
    for process in processes:
        kind = next((each for each in missing if process.name.startswith(each)), None)
        if kind is None or process.state in "ZTX":
            beside.append(f"there is also {process}")
        else:
            missing.remove(kind)
    return beside + [f"no process {kind}* is there" for kind in missing]


def unsettled_slot(slot: dict[str, Any], version: str) -> list[str]:
    """What keeps the slot from serving that version with one idle host."""
    hosts = slot.get("hosts") or {}
    wanted = {"state": "serving", "version": version, "hosts": 1, "waiting": 0}
    found = {"state": slot["state"], "version": slot.get("version")}
    found |= {key: hosts.get(key) for key in ("hosts", "waiting")}
    lines = [
        f"the slot's {key} is {found[key]!r}, not {wanted[key]!r}"
        for key in wanted
        if found[key] != wanted[key]
    ]
    failure = slot.get("last_failure")
    return lines + ([f"its last failure: {failure}"] if lines and failure else [])


class Watch:
    """Looks at a service until nothing of it moves any more."""

    def __init__(self, service: RunningService, ref: str, version: str) -> None:
        self._service = service
        self._ref = ref
        self._version = version
        self._pids: set[int] = set()
        self._looks: list[Held] = []
        self._open: list[str] = ["it was never looked at"]
        self._seen: Counter[str] = Counter()

    def rest(self) -> Held:
        """What is held at rest: the least of three seconds, without what comes and goes.

        Fails after two minutes, and says then what has not settled.
        """
        wait_until(self._rests, REST_SECONDS, self.seen)
        least = min(self._looks, key=lambda each: each.memory_bytes)
        files = min(each.files for each in self._looks)
        return Held(least.memory_bytes, files, least.processes)

    def seen(self) -> str:
        """What there is to say when it is given up."""
        before = [f"  {text} (in {times} looks)" for text, times in self._seen.most_common(20)]
        lines = ["the service comes to rest. Now:", *(f"  {each}" for each in self._open)]
        lines += ["Of all looks:", *before, "Its processes:"]
        lines += [f"  {each}" for each in processes_below(self._service.process.pid)]
        return "\n".join([*lines, *last_events(self._service)])

    def _rests(self) -> bool:
        time.sleep(_BETWEEN_SECONDS)
        processes = processes_below(self._service.process.pid)
        slot = self._service.slot(self._ref)
        self._open = unsettled(processes) + unsettled_slot(slot, self._version)
        pids = {process.pid for process in processes}
        if pids != self._pids:
            self._open.append("processes have come or gone since the look before")
        if self._open:
            self._seen.update(self._open)
            self._looks.clear()
        self._pids = pids
        self._looks.append(held(self._service.process.pid))
        return len(self._looks) > _STEADY_LOOKS


def last_events(service: RunningService) -> list[str]:
    """The last things that its log says but of requests, without what they say of paths."""
    told = [line for line in list(service.log) if line["event"] != "request"]
    kept = ("timestamp", "event", "version", "code", "reason", "status", "role", "pid")
    return [
        "Its last events:",
        *(
            "  " + " ".join(f"{key}={line[key]}" for key in kept if key in line)
            for line in told[-_EVENTS_TOLD:]
        ),
    ]
