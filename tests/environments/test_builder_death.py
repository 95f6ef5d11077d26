"""Nothing of a build outlives whoever wanted it, however that ends."""

import asyncio
import contextlib
import io
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.environments.environment import EnvironmentDelayed
from tests.environments.given import SECONDS, environments, processes_below, settings, wish
from tests.environments.package_index import PackageIndex, package_index
from tests.support.waiting import until, wait_until

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


@pytest.mark.parametrize("stage", ["/simple/mine/", "mine-1.0-py3-none-any.whl"])
def test_front_that_is_killed_takes_its_builders_along(
    tmp_path: Path, index: PackageIndex, stage: str
) -> None:
    """While it resolves and while it installs; what is left on disk is in nobody's way."""
    index.held = stage
    front = subprocess.Popen([sys.executable, "-c", _FRONT, str(tmp_path), index.url])
    assert index.waiting.wait(SECONDS)
    front.kill()
    front.wait(SECONDS)
    wait_until(lambda: not processes_below(tmp_path), SECONDS, "all have ended")
    index.gate.set()
    assert _built(tmp_path, index)


def _built(folder: Path, index: PackageIndex) -> bool:
    async def again() -> bool:
        async with environments(settings(folder, index.url)) as made:
            return (await made.environment(wish("mine==1.0"))).built

    return asyncio.run(again())


@pytest.mark.parametrize("whom", ["supervised", "uv"])
@pytest.mark.parametrize("stage", ["/simple/mine/", "mine-1.0-py3-none-any.whl"])
async def test_builder_that_is_killed_is_told_and_tried_again(
    tmp_path: Path, index: PackageIndex, stage: str, whom: str
) -> None:
    """Both the program and what watches over it; nothing half there is used."""
    index.held = stage
    async with environments(settings(tmp_path, index.url)) as made:
        task = asyncio.create_task(made.environment(wish("mine==1.0")))
        assert await asyncio.to_thread(index.waiting.wait, SECONDS)
        for pid in processes_below(tmp_path):
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                if (b"supervised" in command) == (whom == "supervised") and b"pip" in command:
                    os.kill(pid, signal.SIGKILL)
        with pytest.raises(EnvironmentDelayed) as delayed:
            await task
        assert delayed.value.reason == "environment_failed"
        wait_until(lambda: not processes_below(tmp_path), SECONDS, "all have ended")
        index.gate.set()
        assert (await made.environment(wish("mine==1.0"))).built


_BACKEND = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
print("building", flush=True)
def build_wheel(folder, *_, **__):
    (lambda: time.sleep(1000))()
"""
_PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def _sources(backend: str) -> bytes:
    packed = io.BytesIO()
    about = "Metadata-Version: 2.1\nName: sources\nVersion: 1.0\n"
    files = {"pyproject.toml": _PROJECT, "backend.py": backend, "PKG-INFO": about}
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"sources-1.0/{name}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return packed.getvalue()


async def test_build_of_sources_is_ended_with_what_it_has_put_apart(
    tmp_path: Path, index: PackageIndex
) -> None:
    """Code of a package's author may start whatever it likes, in sessions of its own too."""
    index.gate.set()
    index.add_source("sources", "1.0", _sources(_BACKEND))
    given = settings(tmp_path, index.url, allow_source_builds=True)
    async with environments(given) as made:
        task = asyncio.create_task(made.environment(wish("sources==1.0")))
        await until(lambda: _sleeps(tmp_path), SECONDS, "it has begun")
        task.cancel()
        await asyncio.wait([task])
        assert _commands_below(tmp_path) == []


def _sleeps(folder: Path) -> bool:
    return any(b"time.sleep" in each for each in _commands_below(folder))


def _commands_below(folder: Path) -> list[bytes]:
    found = []
    for pid in processes_below(folder):
        with contextlib.suppress(OSError):
            found.append(Path(f"/proc/{pid}/cmdline").read_bytes())
    return found
