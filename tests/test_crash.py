"""A service that ends by a defect of its own."""

import json
import subprocess
import sys
from pathlib import Path

# As the command does it, with a socket that somebody else has closed.
_PROGRAM = """
import socket, sys
from pathlib import Path
from service.app import _serve_logged
from service.config.settings import Settings
from service.engine import Given

listener = socket.socket()
listener.close()
settings = Settings(models=("a@b",), home=Path(sys.argv[1]))
_serve_logged(Given(settings, {}), listener, None, None)
"""


def test_defect_that_ends_the_service_is_one_entry_of_the_log(tmp_path: Path) -> None:
    """Whole, and not thirty lines; the exit status tells whoever has started it."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)],
        capture_output=True,
        check=False,
        timeout=240,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    (crashed,) = [line for line in lines if line["event"] == "crashed"]
    assert lines[-1] is crashed
    assert (done.returncode, crashed["level"]) == (1, "critical")
    assert crashed["exception"].startswith("Traceback (most recent call last):\n")
