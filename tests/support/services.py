"""The real service as a process, as an operator starts it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.support.waiting import wait_until

_START_SECONDS = 300.0
_STOP_SECONDS = 240.0


class RunningService:
    """`podium serve` on a free port of 127.0.0.1.

    Its log is read as it comes: `lines` are its lines as they are, `log` what they say.

    `program` is what takes the command line instead of `podium serve`; with `TEST_CLIENT_LIMITS`
    in its environment that is `tests.support.limited`.
    """

    def __init__(
        self,
        refs: Sequence[str],
        tracking_uri: str,
        home: Path,
        environment: dict[str, str],
        program: Sequence[str] = ("-m", "service"),
    ) -> None:
        limited = "TEST_CLIENT_LIMITS" in environment
        command = ["-m", "tests.support.limited"] if limited else [*program, "serve"]
        self.log: list[dict[str, Any]] = []
        self.lines: list[bytes] = []
        models = [part for ref in refs for part in ("--model", ref)]
        self.process = subprocess.Popen(
            [sys.executable, "-P", *command, "--port", "0", *models],
            cwd=home,
            env=os.environ
            | {"MLFLOW_TRACKING_URI": tracking_uri, "PODIUM_HOME": str(home / "podium")}
            # Versions bake where a test says so: others would keep those before them for a minute.
            | {"PODIUM_POLL_SECONDS": "0.1", "PODIUM_BAKE_SECONDS": "0"}
            | environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_until(self._listens_or_ended, _START_SECONDS, "the service listens")

    @property
    def url(self) -> str:
        """Where it listens."""
        urls = [line["url"] for line in self.events("listening")]
        assert urls, f"the service ended: {self.log}"
        return str(urls[0])

    def events(self, name: str) -> list[dict[str, Any]]:
        """Its log's events of that name so far."""
        return [line for line in list(self.log) if line["event"] == name]

    def wait_until_ready(self) -> None:
        """Returns when every slot serves."""
        wait_until(self._ready_or_ended, _START_SECONDS, lambda: f"ready; its log: {self.log}")

    def slot(self, ref: str) -> dict[str, Any]:
        """What `/models/{ref}` says."""
        url = f"{self.url}/models/{ref}"
        answer: dict[str, Any] = httpx.get(url, trust_env=False, timeout=_STOP_SECONDS).json()
        return answer

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signals it and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(_STOP_SECONDS)
        self._reader.join(_STOP_SECONDS)
        return status

    def metrics(self) -> dict[str, float]:
        """Every sample of `/metrics`, by its name and labels as they are written there."""
        text = httpx.get(f"{self.url}/metrics", trust_env=False, timeout=_STOP_SECONDS).text
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    def descendants(self) -> set[int]:
        """Every process below it."""
        return descendants_of(self.process.pid)

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                self.lines.append(line)
                try:
                    self.log.append(json.loads(line))
                except ValueError:
                    self.log.append({"event": "text", "line": line.decode(errors="replace")})

    def _listens_or_ended(self) -> bool:
        return bool(self.events("listening")) or self.process.poll() is not None

    def _ready_or_ended(self) -> bool:
        assert self.process.poll() is None, self.log
        answer = httpx.get(f"{self.url}/health/ready", trust_env=False, timeout=_STOP_SECONDS)
        return answer.status_code == httpx.codes.OK


@contextlib.contextmanager
def running_service(
    refs: Sequence[str],
    tracking_uri: str,
    home: Path,
    program: Sequence[str] = ("-m", "service"),
    **environment: str,
) -> Iterator[RunningService]:
    """A service that has been started and will be stopped; wait for its readiness yourself."""
    service = RunningService(refs, tracking_uri, home, environment, program)
    try:
        yield service
    finally:
        service.stop()


def alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def descendants_of(ancestor: int) -> set[int]:
    """Every process below that one."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found, level = set[int](), {ancestor}
    while level := {pid for pid, parent in parents.items() if parent in level}:
        found |= level
    return found
