"""Programs that are process 1 of a namespace of their own, as in a container without `--init`."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.support.waiting import wait_until

SECONDS = 240.0
_PREFIX = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@cache
def can_unshare() -> bool:
    """Whether this machine lets the tests make such a namespace."""
    try:
        return subprocess.run([*_PREFIX, "true"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


class First:
    """One that runs; `pid` is its number outside, inside it is 1."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self._outer = subprocess.Popen(
            [*_PREFIX, *command],
            cwd=folder,
            env=os.environ | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        wait_until(self._started, SECONDS, "it has started")
        self.pid = self._children(self._outer.pid)[0]

    def wait_until_it_handles(self, number: signal.Signals) -> None:
        """Returns when the kernel would hand it that signal."""
        wait_until(lambda: self._handles(number), SECONDS, f"it handles {number.name}")

    def send(self, number: signal.Signals) -> None:
        """As a container runtime does, from outside."""
        os.kill(self.pid, number)

    def end(self) -> tuple[int, str]:
        """Its exit status and what it has printed as errors, once it has ended by itself."""
        _, errors = self._outer.communicate(timeout=SECONDS)
        return self._outer.returncode, errors.decode()

    def kill(self) -> None:
        """However it is."""
        if self._outer.poll() is None:
            self._outer.kill()
            self._outer.communicate()

    def zombies(self) -> list[int]:
        """Its children that have ended and are not reaped."""
        states = {
            child: Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
            for child in self._children(self.pid)
        }
        return [child for child, state in states.items() if state == "Z"]

    def _started(self) -> bool:
        assert self._outer.poll() is None, self._outer.communicate()
        return bool(self._children(self._outer.pid))

    def _handles(self, number: signal.Signals) -> bool:
        status = Path(f"/proc/{self.pid}/status").read_text()
        (caught,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
        return bool(int(caught, 16) & 1 << (number - 1))

    @staticmethod
    def _children(pid: int) -> list[int]:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
