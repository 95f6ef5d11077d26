"""A command that is interrupted ends as a pipeline can go on from: never as if it had refused."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from service.exits import IN_PART, UNDECIDED
from tests.support.tracking import free_port
from tests.support.waiting import wait_until

SECONDS: Final = 240.0
COMMANDS: Final = (
    ("promote", "wine", "2"),
    ("plan", "wine", "2"),
    ("validate", "wine", "2"),
    ("rollback", "wine"),
    ("copy", "wine", "2", "--to", "prod.wine"),
    ("migrate-stages", "--all"),
    ("doctor",),
)
STOPS: Final = (signal.SIGTERM, signal.SIGINT)
# The command's own part is replaced: what is looked at is what comes around it.
STOPPED_AT_ITS_END: Final = """
import atexit, os, sys
import service.cli.main
from service.cli.entry import main

def ended(prog_name):
    atexit.register(os.kill, os.getpid(), int(sys.argv[2]))
    sys.exit(int(sys.argv[3]))

service.cli.main.main = ended
main()
"""


def program(command: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    """It runs, with an MLflow that is not there."""
    others = {name: text for name, text in os.environ.items() if not name.startswith("PODIUM_")}
    tracking = f"http://127.0.0.1:{free_port()}"
    return subprocess.Popen(
        [sys.executable, "-P", *command],
        env={**others, "MLFLOW_TRACKING_URI": tracking, "PODIUM_HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether the kernel would hand it that signal."""
    caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
    return caught is not None and bool(int(caught[1], 16) & 1 << (number - 1))


@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_command_that_is_interrupted_before_its_work_is_undecided(
    command: Sequence[str], number: signal.Signals, tmp_path: Path
) -> None:
    """It imports for seconds; with 1 a pipeline would say that the version was refused."""
    with program(["-m", "service", *command], tmp_path) as process:
        # SIGTERM last: Python itself handles SIGINT before it runs anything.
        wait_until(lambda: handles(process.pid, signal.SIGTERM), SECONDS, "it hears signals")
        process.send_signal(number)
        output, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, output) == (UNDECIDED, ""), errors
    assert errors == "podium: interrupted; the same call may be made again\n"


@pytest.mark.parametrize("number", STOPS)
def test_command_that_has_ended_keeps_its_status_whatever_comes(
    number: signal.Signals, tmp_path: Path
) -> None:
    """While Python is taken apart, which takes longer than some commands work."""
    with program(
        ["-c", STOPPED_AT_ITS_END, "hold", str(int(number)), str(IN_PART)], tmp_path
    ) as it:
        _, errors = it.communicate(timeout=SECONDS)
    assert it.returncode == IN_PART, errors
