"""A service's latency at a constant rate, window by window.

At a constant rate requests are due whether or not those before them are answered, so that a pause
of the service shows in all that were due meanwhile; a closed loop hides it. k6 does this right, and
is no Python.
"""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_SCRIPT: Final = Path(__file__).with_name("windows.js")
# As many as are due while all of it stands still for a quarter of a second: each is sent when it is
# due, and what it waits for then counts.
_WORKERS: Final = 1024
# Before the first window; k6 takes a second to start.
_WARM_UP_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Window:
    """The latency of the requests that were due in one window, in milliseconds."""

    requests: int
    median_ms: float
    p99_ms: float
    longest_ms: float


@dataclass(frozen=True, slots=True)
class Steady:
    """Every window, and how many requests failed or could not be sent when they were due."""

    windows: tuple[Window, ...]
    failed: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Plan:
    """So many requests a second for so many windows; `started` is when the first one begins."""

    rate: int
    windows: int
    window_seconds: float
    started: float

    @classmethod
    def from_now(cls, rate: int, windows: int, window_seconds: float) -> "Plan":
        """With some seconds before the first window, for connections to be made."""
        return cls(rate, windows, window_seconds, time.time() + _WARM_UP_SECONDS)

    def wait_for(self, window: int) -> None:
        """Returns at the beginning of that window."""
        time.sleep(max(0.0, self.started + window * self.window_seconds - time.time()))


def start(plan: Plan, k6: Path, url: str, body: bytes, summary: Path) -> "subprocess.Popen[str]":
    """k6, asking until the last window has ended; `read` reads what it leaves in `summary`."""
    told = {
        "URL": url,
        "BODY": body.decode(),
        "RATE": plan.rate,
        "WINDOWS": plan.windows,
        "WINDOW_MS": round(plan.window_seconds * 1000),
        "START_MS": round(plan.started * 1000),
        "WORKERS": _WORKERS,
        "SUMMARY": summary,
    }
    named = [part for name, value in told.items() for part in ("--env", f"{name}={value}")]
    return subprocess.Popen(
        [str(k6), "run", "--quiet", "--no-usage-report", *named, str(_SCRIPT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read(plan: Plan, summary: Path) -> Steady:
    """What k6 has measured."""
    metrics = json.loads(summary.read_text())
    windows = (metrics[f"latency{{window:{each}}}"]["values"] for each in range(plan.windows))
    return Steady(
        tuple(map(_window, windows)),
        _count(metrics, "failed"),
        _count(metrics, "dropped_iterations"),
    )


def _window(values: dict[str, float]) -> Window:
    return Window(int(values["count"]), values["med"], values["p(99)"], values["max"])


def _count(metrics: dict[str, Any], name: str) -> int:
    return int(metrics.get(name, {"values": {"count": 0}})["values"]["count"])
