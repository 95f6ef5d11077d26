"""What is left to the front is reaped by it."""

import subprocess
import sys

from tests.processes.orphaned import LEAVES_ORPHANS


def test_o11_front_reaps_what_it_has_adopted() -> None:
    """Once it was dead at two looks; not its own, which others wait for."""
    done = subprocess.run(
        [sys.executable, "-c", LEAVES_ORPHANS],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
