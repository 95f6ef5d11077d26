"""Zygotes of environments: one a key, ended with the last holder, replaced when they die."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from service.config.environment import host_environment
from service.environments.environment import (
    BuiltEnvironment,
    EnvironmentDelayed,
    EnvironmentRefused,
)
from service.environments.host_code import HostCode
from service.environments.zygotes import EnvironmentZygotes, HeldZygote, zygote_command_of
from service.errors import PassingFault
from service.hosting.specification import HOST_ROLE, SKOPS_HOST_ROLE
from service.processes.front.child import Child
from service.processes.front.ending import Ending
from tests.environments.serving import as_built
from tests.processes.orders import ROLE, SECONDS, Lines, parent_of, running
from tests.support.waiting import until
from tests.test_architecture import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="module")
# Instead of what a host imports, which takes seconds, children that do what they are told.
BARE = (
    "import sys; fd, front, _, late = sys.argv[-4:]; "
    f"sys.argv[1:] = [fd, front, {ROLE!r}, late]; sys.path.insert(0, {str(ROOT)!r}); "
    "from service.zygote import main; main.main(preloaded=())"
)


def fake(folder: Path, script: str) -> BuiltEnvironment:
    """An environment whose interpreter does that instead."""
    folder.mkdir()
    place = folder / "python"
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)
    return as_built(place, "3.11")


def bare(folder: Path) -> BuiltEnvironment:
    """An environment that is ready soon."""
    return fake(folder, f'exec {sys.executable} -P -c "{BARE}" "$@"')


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> HostCode:
    """Where zygotes find Podium."""
    return HostCode(tmp_path_factory.mktemp("code"))


@pytest_asyncio.fixture(loop_scope="module")
async def zygotes(code: HostCode) -> AsyncIterator[EnvironmentZygotes]:
    """Closed afterwards."""
    made = EnvironmentZygotes(code, host_environment(os.environ, hosts=1))
    async with asyncio.timeout(SECONDS):
        yield made
    await made.close()


async def forked(forks: HeldZygote) -> Child:
    """An obedient child."""
    return await forks.fork(ROLE, 1000, Lines())


async def test_versions_of_one_environment_share_a_zygote_until_the_last_has_gone(
    zygotes: EnvironmentZygotes, tmp_path: Path
) -> None:
    """Two that ask at once have one start; released twice is released once; others have another."""
    one = bare(tmp_path / "one")
    first, second = await asyncio.gather(zygotes.of(one), zygotes.of(one))
    other = await zygotes.of(bare(tmp_path / "other"))
    parents = [parent_of(await forked(each)) for each in (first, second, other)]
    assert parents[0] == parents[1] != parents[2]
    child = await forked(first)
    second.release()
    second.release()
    assert running(parents[0])
    first.release()
    await child.exited
    await until(lambda: not running(parents[0]), SECONDS, "the zygote has ended")
    assert running(parents[2])
    with pytest.raises(PassingFault):
        await forked(first)


async def test_zygote_that_dies_is_replaced_for_all_who_ask(
    zygotes: EnvironmentZygotes, tmp_path: Path
) -> None:
    """Its children end with it; nobody starts another one until a child is asked for."""
    held = await zygotes.of(bare(tmp_path / "one"))
    child = await forked(held)
    before = parent_of(child)
    os.kill(before, signal.SIGKILL)
    await child.exited
    children = await asyncio.gather(forked(held), forked(held))
    after = {parent_of(each) for each in children}
    assert len(after | {before}) == 2


async def test_closing_ends_all_of_them_whoever_holds_them(
    zygotes: EnvironmentZygotes, tmp_path: Path
) -> None:
    """And none is started afterwards."""
    built = bare(tmp_path / "one")
    child = await forked(await zygotes.of(built))
    zygote = parent_of(child)
    await zygotes.close()
    await child.exited
    assert not running(zygote)
    with pytest.raises(EnvironmentDelayed):
        await zygotes.of(built)


async def test_environment_that_cannot_be_imported_from_is_refused_with_what_it_printed(
    zygotes: EnvironmentZygotes, tmp_path: Path
) -> None:
    """For good: its files do not change."""
    script = "echo 'ImportError: numpy.core.multiarray failed to import' >&2; exit 1"
    broken = fake(tmp_path / "broken", script)
    with pytest.raises(EnvironmentRefused, match="cannot be imported") as refused:
        await zygotes.of(broken)
    assert refused.value.reason == "environment_unusable"
    assert "multiarray" in refused.value.detail


@pytest.mark.parametrize(
    "script", ["kill -9 $$", "echo 'OSError: [Errno 28] No space left on device' >&2; exit 1"]
)
async def test_p13_zygote_that_the_machine_ends_is_tried_again(
    zygotes: EnvironmentZygotes, tmp_path: Path, script: str
) -> None:
    """For want of memory or of disk, which says nothing of the environment."""
    with pytest.raises(EnvironmentDelayed):
        await zygotes.of(fake(tmp_path / "killed", script))


async def test_interpreter_that_is_gone_is_tried_again(
    zygotes: EnvironmentZygotes, tmp_path: Path
) -> None:
    """Whoever asks again gets it built again."""
    with pytest.raises(PassingFault):
        await zygotes.of(as_built(tmp_path / "absent", "3.11"))


async def test_start_that_nobody_waits_for_any_more_is_ended(
    zygotes: EnvironmentZygotes, tmp_path: Path
) -> None:
    """Unless somebody else does."""
    told = tmp_path / "pid"
    script = f"echo $$ > {told}.part; mv {told}.part {told}; sleep 3600"
    slow = fake(tmp_path / "slow", script)
    waiting = [asyncio.create_task(zygotes.of(slow)) for _ in range(2)]
    await until(told.exists, SECONDS, "it has started")
    pid = int(told.read_text())
    waiting[0].cancel()
    await asyncio.wait([waiting[0]])
    assert running(pid)
    waiting[1].cancel()
    await until(lambda: not running(pid), SECONDS, "it has ended")


async def test_each_start_is_preceded_by_a_look_at_the_files(
    code: HostCode, tmp_path: Path
) -> None:
    """Also that of one which takes the place of another; what it raises is told."""
    looked: list[str] = []

    async def verify(built: BuiltEnvironment) -> None:
        looked.append(built.key)
        if len(looked) in {2, 3}:
            raise EnvironmentDelayed("environment_altered", "Somebody has altered it.")

    deaths: list[Ending] = []
    environment = host_environment(os.environ, hosts=1)
    zygotes = EnvironmentZygotes(code, environment, verify=verify, on_death=deaths.append)
    built = bare(tmp_path / "one")
    async with asyncio.timeout(SECONDS):
        forks = await zygotes.of(built)
        child = await forked(forks)
        os.kill(parent_of(child), signal.SIGKILL)
        await child.exited
        # What serves from it is irreplaceable, and staged anew; who comes now tries again.
        with pytest.raises(EnvironmentRefused, match="altered"):
            await forked(forks)
        with pytest.raises(EnvironmentDelayed, match="altered"):
            await zygotes.of(built)
        await forked(forks)
        await zygotes.close()
    assert looked == [built.key] * 4
    assert [ending.status for ending in deaths] == ["SIGKILL"]


async def test_zygote_is_given_its_own_programs_first_and_nothing_of_podiums_python() -> None:
    """What a model starts by name is its environment's."""
    given = {"PATH": "/usr/bin", "PYTHONPATH": "/x", "PYTHONUNBUFFERED": "1", "TZ": "UTC"}
    built = as_built(Path("/environments/a/bin/python"), "3.11")
    command = zygote_command_of(built, Path("/code.zip"), given)
    assert command.environment == {"PATH": "/environments/a/bin:/usr/bin", "TZ": "UTC"}
    assert command.roles == (HOST_ROLE,)
    assert command.once


async def test_zygote_of_a_skops_model_imports_skops_at_once() -> None:
    """It need not be imported with the first fork, by when it takes twice the time."""
    built = as_built(Path("/environments/a/bin/python"), "3.11")
    plain = zygote_command_of(built, Path("/code.zip"), {})
    skops = zygote_command_of(built, Path("/code.zip"), {}, SKOPS_HOST_ROLE)
    assert SKOPS_HOST_ROLE in plain.late
    assert skops.roles == (HOST_ROLE, SKOPS_HOST_ROLE)
    assert SKOPS_HOST_ROLE not in skops.late
