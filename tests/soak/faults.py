"""What goes wrong in a soak: poisonous requests, and processes that are killed or stopped."""

import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import httpx

from tests.models import soaking
from tests.support.services import RunningService, descendants_of

# Of a client's own fault: the model failed, took too long, or too many such requests are waiting.
POISONED: Final = frozenset({500, 503, 504})
# These go wrong beside the answer, and are answered.
HARMLESS: Final = frozenset({200})


@dataclass(frozen=True, slots=True)
class Poison:
    """A value of `x`, and the statuses that its request may get."""

    name: str
    value: int
    statuses: frozenset[int]


POISONS: Final = (
    Poison("raises", soaking.RAISE, POISONED),
    Poison("ends its process", soaking.EXIT, POISONED),
    Poison("segfaults", soaking.SEGFAULT, POISONED),
    Poison("hangs", soaking.HANG, POISONED),
    Poison("forks", soaking.FORK, HARMLESS),
    Poison("starts threads", soaking.THREADS, HARMLESS),
    Poison("prints much", soaking.PRINT, HARMLESS),
    Poison("answers NaN", soaking.NAN, HARMLESS),
    Poison("changes its input", soaking.CHANGE, HARMLESS),
    Poison("eats memory", soaking.EAT, POISONED),
)


def poison(url: str, each: Poison) -> str | None:
    """Sends it; what is wrong with the answer, or None."""
    body = {"dataframe_records": [{"x": each.value}]}
    answer = httpx.post(f"{url}/predict", json=body, timeout=120, trust_env=False)
    if answer.status_code in each.statuses:
        return None
    return f"{each.name}: {answer.status_code} {answer.text[:200]}"


def _signalled(number: int) -> Callable[[RunningService, Random], None]:
    def send(service: RunningService, random: Random) -> None:
        hosts = [pid for pid in descendants_of(service.process.pid) if _holds_a_model(pid)]
        if hosts:
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(hosts), number)

    return send


def _kill_any(service: RunningService, random: Random) -> None:
    below = sorted(descendants_of(service.process.pid))
    if below:
        with contextlib.suppress(ProcessLookupError):
            os.kill(random.choice(below), signal.SIGKILL)


def _holds_a_model(pid: int) -> bool:
    """Hosts alone have the model's folder among what they have mapped or opened for code."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text()) >= 500
    return False


# Whoever was alone in a stopped host cannot be told from a request that hangs.
STOPPED: Final = "a host is stopped"
KILLS: Final[Mapping[str, Callable[[RunningService, Random], None]]] = {
    "a host is killed": _signalled(signal.SIGKILL),
    STOPPED: _signalled(signal.SIGSTOP),
    "any process below the front is killed": _kill_any,
}
