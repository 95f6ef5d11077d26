"""Nothing of a build outlives whoever wanted it, however that ends."""

import asyncio
import contextlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.environments.build_time import BuildTime
from service.environments.building import Building
from service.environments.environment import EnvironmentDelayed
from service.environments.environment_store import EnvironmentNotes, EnvironmentStore
from service.environments.uv_runs import UvRuns
from service.processes.front.beside import Beside
from tests.environments.given import SECONDS, environments, processes_below, settings, wish
from tests.environments.package_index import PackageIndex, package_index, wheel
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


@dataclass(frozen=True, slots=True)
class Held:
    """A build that comes no further than one stage of it.

    Attributes:
        folder: below which all of it is.
        stage: `resolve`, `install` or `verify`.
    """

    folder: Path
    index: PackageIndex
    stage: str

    def has_come(self) -> bool:
        """Whether it has come there."""
        if self.stage == "verify":
            return (self.folder / "imported").exists()
        return self.index.waiting.is_set()

    def let_go(self) -> None:
        """The next one comes to its end."""
        (self.folder / "gate").touch()
        self.index.gate.set()


_HELD = {"resolve": "/simple/mine/", "install": "mine-1.0-py3-none-any.whl", "verify": "none"}
# What zygotes import is imported by the build, too.
_IMPORTED = """
import os, time
open({imported!r}, "w").close()
if not os.path.exists({gate!r}):
    (lambda: time.sleep(1000))()
"""


@pytest.fixture(params=_HELD)
def held(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Held]:
    """In each stage."""
    with package_index() as index:
        index.add("mine", "1.0")
        places = {"imported": str(tmp_path / "imported"), "gate": str(tmp_path / "gate")}
        module = {"pandas.py": _IMPORTED.format(**places)}
        index.add("pandas", "2.2", content=wheel("pandas", "2.2", files=module))
        index.held = _HELD[request.param]
        index.gate.clear()
        yield Held(tmp_path, index, request.param)


def test_front_that_is_killed_takes_its_builders_along(held: Held) -> None:
    """In each stage; what is left on disk is in nobody's way, and is never used."""
    command = [sys.executable, "-c", _FRONT, str(held.folder), held.index.url]
    front = subprocess.Popen(command)
    wait_until(held.has_come, SECONDS)
    front.kill()
    front.wait(SECONDS)
    wait_until(lambda: not processes_below(held.folder), SECONDS, "all have ended")
    assert EnvironmentStore(held.folder / "environments").entries() == []
    held.let_go()
    assert _built(held.folder, held.index)


def _built(folder: Path, index: PackageIndex) -> bool:
    async def again() -> bool:
        async with environments(settings(folder, index.url)) as made:
            built = await made.environment(wish("mine==1.0"))
            await made.verify(built)
            return built.built

    return asyncio.run(again())


@pytest.mark.parametrize("whom", ["supervised", "program"])
async def test_builder_that_is_killed_is_told_and_tried_again(held: Held, whom: str) -> None:
    """Both the program, uv or the environment's Python, and what watches over it."""
    async with environments(settings(held.folder, held.index.url)) as made:
        task = asyncio.create_task(made.environment(wish("mine==1.0")))
        await until(held.has_come, SECONDS)
        killed = _kill(held.folder, supervised=whom == "supervised")
        with pytest.raises(EnvironmentDelayed) as delayed:
            await task
        assert killed
        assert delayed.value.reason == "environment_failed"
        wait_until(lambda: not processes_below(held.folder), SECONDS, "all have ended")
        assert await made.entries() == []
        held.let_go()
        assert (await made.environment(wish("mine==1.0"))).built


def _kill(folder: Path, *, supervised: bool) -> bool:
    killed = False
    for pid in processes_below(folder):
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            is_builders = b"pip" in command or b"import_module" in command
            if (b"supervised" in command) == supervised and is_builders:
                os.kill(pid, signal.SIGKILL)
                killed = True
    return killed


async def test_p6_build_that_is_ended_is_gone_by_then(held: Held) -> None:
    """In each stage: no process of it, and no part; it can be wanted again."""
    async with environments(settings(held.folder, held.index.url)) as made:
        task = asyncio.create_task(made.environment(wish("mine==1.0")))
        await until(held.has_come, SECONDS)
        task.cancel()
        await asyncio.wait([task])
        assert processes_below(held.folder) == []
        assert await made.entries() == []
        place = held.folder / "environments"
        await until(lambda: not [*place.glob("*.part"), *place.glob("resolving-*")], SECONDS)
        held.let_go()
        assert (await made.environment(wish("mine==1.0"))).built


class _SlowStore(EnvironmentStore):
    """What is to be put into its place waits before that."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.waits, self.gate = threading.Event(), threading.Event()

    def put(self, part: Path, place: Path, notes: EnvironmentNotes) -> None:
        """At the gate."""
        self.waits.set()
        self.gate.wait(SECONDS)
        super().put(part, place, notes)


async def test_build_that_is_ended_while_it_is_renamed_is_whole(tmp_path: Path) -> None:
    """What is under way on a disk goes on: removing comes after it, and finds nothing."""
    with package_index() as index:
        index.add("mine", "1.0")
        given = settings(tmp_path, index.url)
        async with environments(given) as made:
            EnvironmentStore(given.folder).prepare()
            time = BuildTime(SECONDS)
            async with time.limit():
                plan = await made.planned(wish("mine==1.0"), time)
            store = _SlowStore(given.folder)
            building = Building(given, UvRuns(None), store, Beside("test", 4))
            task = asyncio.create_task(building.build(plan, lambda _: None, copies=False))
            assert await asyncio.to_thread(store.waits.wait, SECONDS)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            store.gate.set()
            built = await made.environment(wish("mine==1.0"))
    assert built.folder == plan.place
    assert not built.built


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


async def test_build_of_sources_is_ended_with_what_it_has_put_apart(tmp_path: Path) -> None:
    """Code of a package's author may start whatever it likes, in sessions of its own too."""
    with package_index() as index:
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
