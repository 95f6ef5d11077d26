"""A service that is started at a terminal, by a person."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.support.waiting import wait_until

SECONDS = 240.0


class AtTerminal:
    """`podium serve` on a pseudo-terminal, and what is seen there."""

    def __init__(self, tracking_uri: str, home: Path, **environment: str) -> None:
        master, terminal = pty.openpty()
        self.seen = b""
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "service", "serve", "--port", "0", "--model", "none@prod"],
            cwd=home,
            env=os.environ
            | {"MLFLOW_TRACKING_URI": tracking_uri, "PODIUM_HOME": str(home / "podium")}
            | {"TERM": "xterm", "NO_COLOR": ""}
            | environment,
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        self._reader = threading.Thread(target=self._read, args=(master,), daemon=True)
        self._reader.start()

    def wait_for(self, text: str) -> None:
        """Returns once it is seen."""
        wait_until(lambda: text.encode() in self.seen, SECONDS, lambda: f"{text}: {self.seen!r}")

    def stop(self) -> int:
        """As by Ctrl-C; its exit status, when all was read."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        status = self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        return status

    def _read(self, master: int) -> None:
        # The last one that holds the terminal ends it with an error.
        with contextlib.suppress(OSError):
            while data := os.read(master, 65536):
                self.seen += data
        os.close(master)


@contextlib.contextmanager
def at_terminal(tracking_uri: str, home: Path, **environment: str) -> Iterator[AtTerminal]:
    """A service that has been started there and will be stopped."""
    service = AtTerminal(tracking_uri, home, **environment)
    try:
        yield service
    finally:
        service.stop()


def test_service_at_a_terminal_says_in_words_what_it_does(
    tracking_uri: str, tmp_path: Path
) -> None:
    """Where it listens and what it follows, what is missing and what to do, and how it stopped."""
    with at_terminal(tracking_uri, tmp_path) as service:
        service.wait_for("Listening on http://127.0.0.1:")
        service.wait_for("no model of that name")
        assert service.stop() == 0
    text = service.seen.decode()
    assert "follows none@prod of MLflow at " in text
    assert "\x1b[33mnone@prod: the model is gone: " in text
    assert text.splitlines()[-1].partition(" ")[2].startswith("Stopped: 0 requests finished in ")
    assert "{" not in text
