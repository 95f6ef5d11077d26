"""Podium as process 1 of a container, without anybody between it and the kernel."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.orphaned import LEAVES_ORPHANS
from tests.support.unshared import First, can_unshare

pytestmark = pytest.mark.skipif(not can_unshare(), reason="may make no namespace of processes")


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[First]:
    """A service that has only just been started."""
    command = [sys.executable, "-P", "-m", "service", "serve", "--port", "0", "--model", "a@b"]
    environment = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:1", "PODIUM_HOME": str(tmp_path)}
    first = First(command, environment, tmp_path)
    yield first
    first.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_o11_process_1_hears_a_signal_from_its_first_instruction_on(
    serving: First, number: signal.Signals
) -> None:
    """While it imports; it ends as a signal would have ended any other process."""
    # Python itself handles SIGINT before it runs anything.
    serving.wait_until_it_handles(signal.SIGTERM)
    serving.send(number)
    status, errors = serving.end()
    assert status == 128 + number, errors
    assert "listening" not in errors
    assert "Traceback" not in errors


def test_o11_process_1_reaps_what_is_left_to_it(tmp_path: Path) -> None:
    """But not its own, which others wait for."""
    first = First([sys.executable, "-c", LEAVES_ORPHANS], {}, tmp_path)
    assert first.end() == (0, "")


def test_o11_module_of_the_command_imports_nothing_before_it_hears() -> None:
    """What it imports would be a time in which signals are not heard."""
    text = Path("service/cli/entry.py").read_text().split("def main")[0]
    imported = [
        line.split()[1] for line in text.splitlines() if line.startswith(("import", "from"))
    ]
    there = {"atexit", "collections.abc", "contextlib", "os", "signal", "sys", "types", "typing"}
    assert set(imported) <= there | {"service.exits"}
    assert "import" not in Path("service/exits.py").read_text().replace("from typing import", "")
