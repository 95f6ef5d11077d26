"""What `kill -9` of an `up` leaves behind, and what the next one says of it."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.local.family import UpFailed
from service.local.preflight import check
from service.local.running import (
    RunningUp,
    group_alive,
    mark,
    members,
    read_record,
    read_running,
    write_record,
)
from service.local.tracking import client
from service.local.up import supervise
from tests.local.stand_ins import Stage, program
from tests.support.waiting import wait_until

_UP = """
import asyncio, pathlib, sys
from tests.local.test_killed_up import run_up
run_up(pathlib.Path(sys.argv[1]), sys.argv[2])
"""


def run_up(home: Path, service: str) -> None:
    """What the process to be killed runs: the service is `polite` or `deaf`."""
    from service.local.screen import Screen

    stage = Stage.at(home)
    deaf = stage.deaf("service", grace=1)
    parts = stage.parts(service=deaf if service == "deaf" else None)
    raise SystemExit(asyncio.run(supervise(stage.settings, parts, Screen())))


@contextlib.contextmanager
def killed_up(home: Path, service: str) -> Iterator[RunningUp]:
    """The record of an `up` that was killed once its service ran; ends what is left at last."""
    stage = Stage.at(home)
    process = subprocess.Popen(program(_UP, str(home), service), stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: "service started" in stage.journal, 240, "the service runs")
        # Written by another process than the one that has told that it runs.
        wait_until(lambda: len(_children(home)) == 2, 240, "the record has MLflow and the service")
        record = read_record(home)
        assert record is not None
    finally:
        process.kill()
        process.wait()
    try:
        yield record
    finally:
        for child in record.children.values():
            for pid in members(child.pid):
                os.kill(pid, signal.SIGKILL)


def _children(home: Path) -> set[str]:
    record = read_record(home)
    return set() if record is None else set(record.children)


def _look(stage: Stage) -> None:
    async def look() -> None:
        async with client() as asked:
            await check(stage.settings, asked)

    asyncio.run(look())


def test_children_of_a_killed_up_end_by_themselves(tmp_path: Path) -> None:
    """The kernel asks them to, and they end as if `up` had asked."""
    home = tmp_path / "home"
    with killed_up(home, "polite") as record:
        wait_until(lambda: not record.leftovers, 240, "nothing is left")
        assert read_running(home) is None
        _look(Stage.at(home))


def test_leftover_of_a_killed_up_is_named_with_the_command_that_ends_it(tmp_path: Path) -> None:
    """A child deaf to the kernel's wish is recognised by number and start time."""
    home = tmp_path / "home"
    with killed_up(home, "deaf") as record:
        wait_until(lambda: not group_alive(record.children["MLflow"]), 10, "MLflow is gone")
        pid = record.children["service"].pid
        with pytest.raises(UpFailed, match="was killed has left something running") as failure:
            _look(Stage.at(home))
        assert f"service (process {pid})" in str(failure.value)
        assert str(failure.value).endswith(f"To end it: kill -- {pid}")


def test_leftover_group_without_its_first_process_is_named_as_a_group(tmp_path: Path) -> None:
    """What a dead child had started is still recognised, and reached by the group's number."""
    stage = Stage.at(tmp_path)
    inner = "import signal; signal.signal(15, 1); print('here', flush=True); signal.pause()"
    script = (
        "import subprocess, sys\n"
        f"left = subprocess.Popen([sys.executable, '-S', '-c', {inner!r}], stdout=-1)\n"
        "left.stdout.readline(); print('up', flush=True); sys.stdin.read()"
    )
    leader = subprocess.Popen(
        program(script), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    with leader:
        assert leader.stdout is not None
        assert leader.stdout.readline() == b"up\n"
        known = mark(leader.pid)
        assert known is not None
    try:
        write_record(tmp_path, RunningUp("http://a", "http://b", known, {"MLflow": known}))
        with pytest.raises(UpFailed) as failure:
            _look(stage)
        assert str(failure.value).endswith(f"To end it: kill -- -{known.pid}")
    finally:
        os.killpg(known.pid, signal.SIGKILL)
    wait_until(lambda: not group_alive(known), 10, "the group is empty")
