"""The inspector as a process: what it says, and what becomes of one that cannot say it."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from service.errors import PassingFault, VersionFault
from service.hosting.specification import HostedModel
from service.inspector.front import Inspector
from service.processes.front.child import Child
from service.processes.front.output import OnLine
from service.zygote.front.handle import Zygote
from tests.hosting.rows import started
from tests.inspector.test_safe_formats import X, Y, saved
from tests.support.services import alive
from tests.test_staging import NoForks

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Kept:
    """Forks that remember their children."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self.children: list[Child] = []

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        """One more."""
        self.children.append(await self._zygote.fork(role, max_body_bytes, on_line))
        return self.children[-1]


def silent(stream: str, line: str) -> None:
    """What inspectors print is of no interest here."""


async def test_artifact_is_looked_at_in_a_process_that_ends(zygote: Zygote, tmp_path: Path) -> None:
    """One for each artifact: what it has read dies with it."""
    forks = Kept(zygote)
    place = saved(tmp_path / "model", LogisticRegression().fit(X, Y))
    assert await Inspector(forks, silent).inspect(place) == ()
    (child,) = forks.children
    assert not alive(child.pid)


async def test_file_that_is_no_model_is_an_objection(zygote: Zygote, tmp_path: Path) -> None:
    """Whatever its libraries raise over it."""
    place = saved(tmp_path / "model", LogisticRegression().fit(X, Y))
    (place / "model.skops").write_bytes(b"PK nonsense")
    assert await Inspector(zygote, silent).inspect(place) == ("its files cannot be read",)


async def test_p13_inspection_that_outlasts_the_clock_is_tried_again(
    zygote: Zygote, tmp_path: Path
) -> None:
    """A busy machine is no fault of the version's; the process is ended."""
    forks = Kept(zygote)
    with pytest.raises(PassingFault) as fault:
        await Inspector(forks, silent, seconds=0.0).inspect(tmp_path)
    assert (fault.value.stage, fault.value.reason) == ("gate", "inspection_timed_out")
    assert "0 s" in fault.value.message
    assert not alive(forks.children[0].pid)


async def test_inspection_that_takes_too_much_processor_time_is_an_objection(
    zygote: Zygote, tmp_path: Path
) -> None:
    """That is the artifact's doing, however busy the machine is."""
    (tmp_path / "MLmodel").write_text("flavors:\n" + "- [a, {b: c}]\n" * 200_000)
    forks = Kept(zygote)
    inspector = Inspector(forks, silent, seconds=60.0, processor_seconds=1)
    (objection,) = await inspector.inspect(tmp_path)
    assert objection == "looking at it took more processor time or memory than is allowed"
    assert forks.children[0].ending.status == "SIGXCPU"


class Killing(Kept):
    """Forks whose children are killed at once, as by a kernel that wants memory."""

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        child = await super().fork(role, max_body_bytes, on_line)
        os.kill(child.pid, signal.SIGKILL)
        return child


async def test_p13_inspection_that_somebody_kills_is_tried_again(
    zygote: Zygote, tmp_path: Path
) -> None:
    """It says nothing about the version."""
    with pytest.raises(PassingFault) as fault:
        await Inspector(Killing(zygote), silent).inspect(tmp_path)
    assert (fault.value.stage, fault.value.reason) == ("gate", "no_process")


async def test_want_of_a_process_is_a_passing_fault(tmp_path: Path) -> None:
    """Of the gate, and not of the version."""
    with pytest.raises(PassingFault) as fault:
        await Inspector(NoForks(), silent).inspect(tmp_path)
    assert (fault.value.stage, fault.value.reason) == ("gate", "no_fork")


@pytest.mark.parametrize("no_pickle", [False, True])
async def test_real_host_refuses_to_unpickle_where_it_must_not(
    zygote: Zygote,
    tmp_path: Path,
    no_pickle: bool,  # noqa: FBT001 - the table's word
) -> None:
    """Also what a gate would have let pass; skops is loaded, a pickle is not."""
    model = LogisticRegression().fit(X, Y)
    skops = saved(tmp_path / "skops", model)
    pickled = saved(tmp_path / "pickled", model, serialization_format="pickle")
    async with asyncio.timeout(240):
        for place, loads in ((skops, True), (pickled, not no_pickle)):
            hosted = HostedModel(place, False, "", True, None, no_pickle)
            starting = started(zygote, hosted)
            if loads:
                await (await starting).close()
            else:
                with pytest.raises(VersionFault) as fault:
                    await starting
                assert fault.value.reason == "load_failed"
                assert "PickleForbidden" in fault.value.detail
