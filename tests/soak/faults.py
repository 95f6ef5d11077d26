"""What goes wrong in a soak: poisonous requests, clients that leave, processes killed or stopped.

Every fault is drawn at random from these tables. One for which somebody has to wait until a limit
of time is drawn less often than the others, so that a swap does not take as long as that limit.
"""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, Protocol, TypeVar
from urllib.parse import urlsplit

import httpx

from tests.models import soaking
from tests.support.services import RunningService, descendants_of

# Of a client's own fault: the model failed, took too long, or too many such requests are waiting.
POISONED: Final = frozenset({500, 503, 504})
# These go wrong beside the answer, and are answered.
HARMLESS: Final = frozenset({200})
# A version that is not shown to answer row by row may answer as many rows as it likes.
FAILED_OR_ANSWERED: Final = POISONED | HARMLESS
_SELDOM: Final = 0.25
_PAUSE_SECONDS: Final = 0.5


class Weighted(Protocol):
    """Anything that is drawn, more or less often."""

    @property
    def weight(self) -> float: ...


_W = TypeVar("_W", bound=Weighted)


def draw(faults: Sequence[_W], random: Random) -> _W:
    """One of them, by their weights."""
    return random.choices(faults, [each.weight for each in faults])[0]


@dataclass(frozen=True, slots=True)
class Poison:
    """A value of `x`, and the statuses that its request may get; `ends`: it may end its process."""

    name: str
    value: int
    statuses: frozenset[int] = POISONED
    ends: bool = False
    weight: float = 1.0


POISONS: Final = (
    Poison("raises", soaking.RAISE),
    Poison("ends its process", soaking.EXIT, ends=True),
    Poison("segfaults", soaking.SEGFAULT, ends=True),
    Poison("hangs", soaking.HANG, ends=True, weight=_SELDOM),
    Poison("stops its process", soaking.STOP, ends=True, weight=_SELDOM),
    Poison("eats memory", soaking.EAT, ends=True, weight=_SELDOM),
    Poison("closes its channel", soaking.CHANNEL, ends=True, weight=_SELDOM),
    Poison("writes nonsense to its channel", soaking.GARBAGE, ends=True),
    Poison("wants all memory at once", soaking.GRAB, ends=True),
    Poison("forks", soaking.FORK, HARMLESS),
    Poison("starts threads", soaking.THREADS, HARMLESS),
    Poison("prints much", soaking.PRINT, HARMLESS),
    Poison("answers NaN", soaking.NAN, HARMLESS),
    Poison("changes its input", soaking.CHANGE, HARMLESS),
    Poison("answers too few rows", soaking.FEW, FAILED_OR_ANSWERED),
    Poison("answers too many rows", soaking.MANY, FAILED_OR_ANSWERED),
    Poison("never ends its answer", soaking.ENDLESS, ends=True),
    Poison("answers too much", soaking.GIANT, ends=True),
    Poison("answers what no encoder knows", soaking.UNKNOWN),
)


def poison(url: str, each: Poison) -> str | None:
    """Sends it; what is wrong with the answer, or None."""
    body = {"dataframe_records": [{"x": each.value}]}
    answer = httpx.post(f"{url}/predict", json=body, timeout=120, trust_env=False)
    if answer.status_code in each.statuses:
        return None
    return f"{each.name}: {answer.status_code} {answer.text[:200]}"


@dataclass(frozen=True, slots=True)
class Leaving:
    """A client that sends this much of a request, slowly, and goes without an answer."""

    name: str
    sent: bytes
    weight: float = 0.5


_BODY: Final = b'{"dataframe_records": [{"x": 1.0}]}'
_HEAD: Final = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(_BODY)
LEAVINGS: Final = (
    Leaving("a client leaves within its head", _HEAD[:30]),
    Leaving("a client leaves within its body", _HEAD + _BODY[:10]),
    Leaving("a client leaves before its answer", _HEAD + _BODY),
)

SENT: Final[Sequence[Poison | Leaving]] = (*POISONS, *LEAVINGS)


def leave(url: str, each: Leaving) -> None:
    """Sends it in two parts, waits a moment before each, and closes."""
    address = urlsplit(url)
    half = len(each.sent) // 2
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        for part in (each.sent[:half], each.sent[half:]):
            time.sleep(0.1)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(part)


@dataclass(frozen=True, slots=True)
class Signalled:
    """A process of the service, by its name, that is killed, or stopped and perhaps continued."""

    name: str
    who: str
    number: signal.Signals
    goes_on: bool = False
    weight: float = 1.0

    def strike(self, service: RunningService, random: Random) -> None:
        """Signals one such process, if there is one."""
        found = self._found(service.process.pid)
        if found:
            victim = random.choice(found)
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, self.number)
            if self.goes_on:
                time.sleep(_PAUSE_SECONDS)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGCONT)

    def _found(self, front: int) -> list[int]:
        if self.who == FRONT:
            return [front]
        below = sorted(descendants_of(front))
        return (
            below if self.who == ANY else [pid for pid in below if _name(pid).startswith(self.who)]
        )


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    return ""


# How the names of processes begin that `ps` shows.
ANY, FRONT, HOST, ZYGOTE = "any", "front", "host", "zygote"
SPARE, REGISTRY, DECODER = "spare zygote", "registry.", "decoder"
KILLED, STOPPED = signal.SIGKILL, signal.SIGSTOP
# Whoever was alone in a stopped host cannot be told from a request that hangs.
HOST_STOPPED: Final = Signalled("a host is stopped", HOST, STOPPED, weight=0.5)
DECODER_KILLED: Final = Signalled("the decoder is killed", DECODER, KILLED)
SIGNALLED: Final[Sequence[Signalled]] = (
    HOST_STOPPED,
    Signalled("a host is killed", HOST, KILLED),
    Signalled("the zygote is killed", ZYGOTE, KILLED),
    Signalled("the spare zygote is killed", SPARE, KILLED),
    Signalled("the registry child is killed", REGISTRY, KILLED),
    DECODER_KILLED,
    Signalled("any process below the front is killed", ANY, KILLED),
    # Ten seconds, until a look is given up.
    Signalled("the registry child is stopped", REGISTRY, STOPPED, weight=0.1),
    Signalled("the zygote is stopped for a while", ZYGOTE, STOPPED, goes_on=True),
    Signalled("the decoder is stopped for a while", DECODER, STOPPED, goes_on=True),
    Signalled("the front is stopped for a while", FRONT, STOPPED, goes_on=True),
)

# Versions that cannot load, by the number that `tests/models/unloadable.py` is given.
UNLOADABLE: Final[Mapping[str, int]] = {
    "a version segfaults while it loads": 3,
    "a version leaves while it loads": 4,
    "a version hangs while it loads": 0,
}
HANGS: Final = "a version hangs while it loads"
