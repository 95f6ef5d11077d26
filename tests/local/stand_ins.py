"""Small processes that behave as MLflow, the training and the service do towards `up`.

Each writes one word into a journal when it starts and when it is asked to end, so that tests can
read the order of things.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.local.child import Command
from service.local.settings import LOOPBACK, UpSettings
from service.local.up import Parts
from tests.support.tracking import free_port

_JOURNAL = """
import os, signal, sys
def note(word):
    with open(sys.argv[1], "a") as journal:
        journal.write(word + "\\n")
"""

_SERVER = (
    _JOURNAL
    + """
import http.server, json
name, port, aliases = sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
registered = {"registered_model": {"name": "any", "aliases": aliases}}
answers = {
    "/health": "OK", "/version": "3.17.2", "/health/live": "live", "/health/ready": "ready",
    "/api/2.0/mlflow/registered-models/get": json.dumps(registered),
}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        body = answers.get(path, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
def end(number, frame):
    note(name + " ended")
    sys.exit(0)
server = http.server.HTTPServer(("127.0.0.1", port), Handler)
signal.signal(signal.SIGTERM, end)
note(name + " started")
print(json.dumps({"event": "swapped", "slot": "basic@champion", "version": "7"}), flush=True)
server.serve_forever()
"""
)

_WORD = _JOURNAL + "note(sys.argv[2])"

# Deaf to SIGTERM from its first line on; `note` tells when.
_DEAF = (
    _JOURNAL
    + """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
note(sys.argv[2] + " started")
while True:
    signal.pause()
"""
)


@dataclass(frozen=True, slots=True)
class Stage:
    """One home with free ports, and commands that keep a journal in it."""

    settings: UpSettings

    @classmethod
    def at(cls, home: Path) -> "Stage":
        """Two free ports and that home."""
        return cls(UpSettings(home, LOOPBACK, free_port(), free_port(), drain_seconds=20.0))

    @property
    def journal(self) -> list[str]:
        """What the processes have noted so far."""
        path = self._journal_path
        return path.read_text().splitlines() if path.exists() else []

    @property
    def _journal_path(self) -> Path:
        return self.settings.home / "journal"

    def command(self, name: str, script: str, *arguments: str, grace: float = 10.0) -> Command:
        """That script as a child with a log; its first argument is the journal."""
        self.settings.home.mkdir(exist_ok=True, parents=True)
        line = (sys.executable, "-S", "-c", script, str(self._journal_path), *arguments)
        log = self.settings.logs / f"{name}.log"
        return Command(name, line, os.environ, log=log, grace=grace)

    def mlflow(self, aliases: str = "[]") -> Command:
        """Answers as an MLflow server; the aliases of its one model are given as JSON."""
        port = str(self.settings.tracking_port)
        return self.command("MLflow", _SERVER, "mlflow", port, aliases)

    def training(self) -> Command:
        """Ends at once."""
        return self.command("The training", _WORD, "trained")

    def service(self, *, ready: bool = True) -> Command:
        """Alive at once, and ready too."""
        port = str(self.settings.port)
        script = _SERVER if ready else _SERVER.replace('"/health/ready": "ready",', "")
        return self.command("The service", script, "service", port, "[]")

    def failing(self, name: str, said: str) -> Command:
        """Says something and ends with status 3."""
        return self.command(name, f"print({said!r}); raise SystemExit(3)")

    def deaf(self, name: str, grace: float) -> Command:
        """Never answers, and lives through SIGTERM."""
        return self.command(name, _DEAF, name, grace=grace)

    def parts(
        self,
        *,
        tracking: Command | None = None,
        training: Command | None = None,
        service: Command | None = None,
        patience: float = 30.0,
    ) -> Parts:
        """Stand-ins for everything that is not given."""
        return Parts(
            tracking or self.mlflow(),
            training or self.training(),
            service or self.service(),
            patience,
        )


def program(script: str, *arguments: str) -> Sequence[str]:
    """A command line for a test's own process."""
    return [sys.executable, "-c", script, *arguments]
