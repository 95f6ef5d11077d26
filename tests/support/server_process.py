"""A server that tests start: it answers before it is used, and does not outlive the tests."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.waiting import wait_until

# MLflow takes 8 s on an idle machine with two cores, 80 s seen on a busy one.
_START_SECONDS = 300.0
_NOTHING: Mapping[str, str] = {}


@dataclass(slots=True)
class ServerProcess:
    """One command in `folder`, with its output in a file there; it may be started again.

    Its processes are killed as a group, by `stop` or, however the tests end, when their end of a
    pipe closes. `user` is whom it runs as, unless the tests' own user will do.
    """

    name: str
    command: Sequence[str]
    folder: Path
    answers: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    user: int | None = None
    _process: "subprocess.Popen[bytes] | None" = None
    _guard: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Returns when the server answers; fails with its last output otherwise."""
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Starts it; `wait` says when it can be used. So several can start at once."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else (),
            )
        self._guard = guard(self._process.pid)

    def wait(self) -> None:
        """Returns when the server answers; fails with its last output otherwise."""
        try:
            wait_until(self._answers_or_ended, _START_SECONDS, f"{self.name} answers")
            assert self._process is not None, f"{self.name} was not started"
            assert self._process.poll() is None, f"{self.name} ended"
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}\n{self._log.read_text()[-2000:]}") from None

    def stop(self) -> None:
        """Kills every process of the server and returns when it is gone; may be called again."""
        if self._process is None or self._guard is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._guard.communicate()
        self._process = self._guard = None

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def _answers_or_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None or self.answers()


def guard(group: int) -> "subprocess.Popen[bytes]":
    """Kills the process group when its standard input closes, or this process ends."""
    # `read` returns when the pipe's other end, ours, is closed: also by `kill -9` of the tests.
    return subprocess.Popen(
        ["/bin/sh", "-c", f"read _; kill -s KILL -- -{group} 2>/dev/null"],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


@contextlib.contextmanager
def started(*servers: ServerProcess) -> Iterator[None]:
    """While it lasts, all of them answer; they start at the same time."""
    try:
        for server in servers:
            server.begin()
        for server in servers:
            server.wait()
        yield
    finally:
        for server in servers:
            server.stop()
