"""Nothing of a build outlives whoever wanted it, however that ends."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.environments.environment import EnvironmentDelayed
from tests.environments.given import SECONDS, environments, processes_below, settings, wish
from tests.environments.package_index import PackageIndex, package_index

_FRONT = """
import asyncio, sys
from pathlib import Path
from tests.environments.given import environments, settings, wish

async def main():
    async with environments(settings(Path(sys.argv[1]), sys.argv[2])) as made:
        await made.environment(wish("mine==1.0"))

asyncio.run(main())
"""


@pytest.fixture
def index() -> Iterator[PackageIndex]:
    """Which answers nobody."""
    with package_index() as index:
        index.add("mine", "1.0")
        index.gate.clear()
        yield index


def _wait_until_nothing_runs(folder: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while processes_below(folder):
        assert time.monotonic() < deadline, "a process is left"
        time.sleep(0.02)


def test_front_that_is_killed_takes_its_builders_along(tmp_path: Path, index: PackageIndex) -> None:
    """And what is left on disk is in nobody's way."""
    front = subprocess.Popen([sys.executable, "-c", _FRONT, str(tmp_path), index.url])
    assert index.waiting.wait(SECONDS)
    front.kill()
    front.wait(SECONDS)
    _wait_until_nothing_runs(tmp_path)
    index.gate.set()
    assert _built(tmp_path, index)


def _built(folder: Path, index: PackageIndex) -> bool:
    async def again() -> bool:
        async with environments(settings(folder, index.url)) as made:
            return (await made.environment(wish("mine==1.0"))).built

    return asyncio.run(again())


@pytest.mark.parametrize("whom", ["supervised", "compile"])
async def test_builder_that_is_killed_is_told_and_tried_again(
    tmp_path: Path, index: PackageIndex, whom: str
) -> None:
    """Both the program and what watches over it."""
    async with environments(settings(tmp_path, index.url)) as made:
        task = asyncio.create_task(made.environment(wish("mine==1.0")))
        assert await asyncio.to_thread(index.waiting.wait, SECONDS)
        for pid in processes_below(tmp_path):
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                is_supervisor = b"supervised" in command
                if is_supervisor == (whom == "supervised") and b"compile" in command:
                    os.kill(pid, signal.SIGKILL)
        with pytest.raises(EnvironmentDelayed) as delayed:
            await task
        assert delayed.value.reason == "environment_failed"
        _wait_until_nothing_runs(tmp_path)
        index.gate.set()
        assert (await made.environment(wish("mine==1.0"))).built
