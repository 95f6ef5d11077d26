"""A disk that is full, or may not be written to: a clear fault, and nothing lost that serves."""

import contextlib
import resource
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.errors import PassingFault
from service.processes.front.child import Child
from service.processes.front.output import OnLine
from service.registry.front.client import Cache, MlflowRegistry
from service.zygote.front.handle import Zygote
from tests.registry.conftest import PATIENT, MakeRegistry, Watched
from tests.registry.fetching import INTACT, SCRIPTED, WHOLE, fault, files, scripted
from tests.registry.scripted_server import (
    DOWNLOAD_URI_PATH,
    ScriptedServer,
    answer,
    one_version,
    response,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class Cramped(Watched):
    """Its children write files of so many bytes at most: what a full disk is to everybody."""

    most: int | None = None

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        child = await super().fork(role, max_body_bytes, on_line)
        if self.most is not None:
            resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (self.most, self.most))
        return child


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB; a plain folder where nobody may mount one."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    yield place
    if mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


LARGE = {**WHOLE, "data": response(b"w" * 100_000)}


@pytest.mark.parametrize("told", [True, False], ids=["lengths told", "lengths not told"])
async def test_full_disk_is_a_passing_fault_and_takes_nothing_from_what_serves(
    zygote: Zygote,
    small_disk: Path,
    told: bool,  # noqa: FBT001 - the table's word
) -> None:
    """Before the download if the store tells lengths, else in the middle; nothing is left of it."""
    forks = Cramped(zygote, most=None if small_disk.is_mount() else 60_000)
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        environment = {"MLFLOW_TRACKING_URI": server.url}
        kept = Cache(small_disk / "cache")

        def registry() -> MlflowRegistry:
            return MlflowRegistry(forks, environment, kept, forks.printed, PATIENT)

        serving = await scripted(registry())
        lengths = {} if told else dict.fromkeys(LARGE)
        server.answers |= one_version("iris", LARGE, lengths)
        server.answers |= {DOWNLOAD_URI_PATH: answer({"artifact_uri": "mlflow-artifacts:/m/"})}
        failure = await fault(registry().fetch(SCRIPTED))
    assert (type(failure), failure.reason) == (PassingFault, "disk")
    assert "room" in failure.message
    assert files(serving.path) == INTACT
    assert not list(kept.folder.glob("partial-*"))
    serving.lease.release()


async def test_cache_that_may_not_be_written_serves_what_it_has(
    make_registry: MakeRegistry, cache: Path
) -> None:
    """A version that lies there whole needs no room; one that does not is the disk's fault."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        first = await scripted(make_registry(server.url))
        with read_only(cache):
            assert (await scripted(make_registry(server.url))).path == first.path
            server.answers |= {DOWNLOAD_URI_PATH: answer({"artifact_uri": "mlflow-artifacts:/m/"})}
            failure = await fault(make_registry(server.url).fetch(SCRIPTED))
    assert (type(failure), failure.reason) == (PassingFault, "disk")
    assert files(first.path) == INTACT


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A mount that nobody may write to; where none may be made, a folder that its owner may not."""
    bind = ["mount", "--bind", "-o", "ro", str(folder), str(folder)]
    mounted = subprocess.run(bind, capture_output=True, check=False).returncode == 0
    if not mounted:
        folder.chmod(0o500)
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.chmod(0o700)
