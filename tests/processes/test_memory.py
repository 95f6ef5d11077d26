"""Memory of a process and of all that it has started."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from service.hosting.memory_watch import held_bytes

MEGABYTE = 1024**2
ALONE = """
hoard = b"x" * (50 * 2**20)
print("ready", flush=True)
input()
"""
WITH_CHILD = f"""
import subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-c", {ALONE!r}], start_new_session=True, stdout=subprocess.PIPE
)
child.stdout.readline()
print("ready", flush=True)
input()
"""
FORKED = """
import os
hoard = b"x" * (50 * 2**20)
for _ in range(3):
    if os.fork() == 0:
        input()
        os._exit(0)
print("ready", flush=True)
input()
"""


@pytest.fixture
def process(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds what the program says."""
    with subprocess.Popen(
        [sys.executable, "-c", request.param], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as started:
        assert started.stdout is not None
        started.stdout.readline()
        yield started
        started.kill()


@pytest.mark.parametrize("process", [ALONE, WITH_CHILD, FORKED], indirect=True)
def test_memory_is_that_of_the_process_and_its_descendants(
    process: subprocess.Popen[bytes],
) -> None:
    """Also in another session; what forks share counts once."""
    assert 50 * MEGABYTE < held_bytes(process.pid) < 100 * MEGABYTE


def test_process_that_is_gone_holds_nothing() -> None:
    """And asking for it raises nothing."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert held_bytes(process.pid) == 0
