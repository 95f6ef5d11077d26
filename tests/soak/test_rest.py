"""A soak that cannot end says why."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.soak.figures import Held, Record
from tests.soak.rest import Process, processes_below, unsettled, unsettled_slot
from tests.soak.whole import Result
from tests.support.waiting import wait_until

WHOLE = [
    Process(11, "zygote", "S", 10),
    Process(12, "spare zygote", "S", 11),
    Process(13, "registry.child_", "S", 11),
    Process(14, "decoder", "R", 11),
    Process(16, "keeper", "S", 11),
    Process(15, "host", "S", 16),
]
SLOT: dict[str, Any] = {
    "state": "serving",
    "version": "2",
    "hosts": {"hosts": 1, "waiting": 0},
    "last_failure": None,
}


def test_service_at_rest_has_one_process_of_each_kind() -> None:
    """In any order, idle or just looking."""
    assert unsettled(WHOLE) == []
    assert unsettled(WHOLE[::-1]) == []


@pytest.mark.parametrize(
    ("processes", "said"),
    [
        (WHOLE[:-1], ["no process host* is there"]),
        ([*WHOLE, Process(18, "sleep", "S", 15)], ["there is also sleep (18, child of 15)"]),
        ([*WHOLE, WHOLE[-1]], ["there is also host (15, child of 16)"]),
        ([*WHOLE, Process(17, "sleep", "Z", 10)], ["a zombie"]),
        (
            [*WHOLE[:-1], Process(15, "host", "T", 16)],
            ["host (15, child of 16), in state T", "no process host*"],
        ),
    ],
    ids=["missing", "orphan", "too many", "zombie", "stopped"],
)
def test_process_that_has_not_settled_is_named(processes: list[Process], said: list[str]) -> None:
    """By its name, number, parent and state."""
    found = unsettled(processes)
    assert len(found) == len(said)
    assert all(part in line for part, line in zip(said, found, strict=True))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"version": "1"}, ["the slot's version is '1', not '2'"]),
        ({"hosts": {"hosts": 1, "waiting": 3}}, ["the slot's waiting is 3, not 0"]),
        ({"state": "refused", "hosts": None}, ["state is 'refused'", "hosts is None", "waiting"]),
    ],
)
def test_slot_that_has_not_settled_is_described(changed: dict[str, Any], said: list[str]) -> None:
    """Each thing that differs."""
    found = unsettled_slot(SLOT | changed, "2")
    assert len(found) == len(said)
    assert all(part in line for part, line in zip(said, found, strict=True))


def test_processes_are_told_from_zombies() -> None:
    """One that nobody has waited for is a zombie of its parent's."""
    with subprocess.Popen(["sleep", "3600"]) as process:
        parent = process.pid
        process.send_signal(signal.SIGKILL)
        here = int(Path("/proc/self").readlink().name)

        def zombie() -> bool:
            return any(
                each.pid == parent and each.state == "Z" and each.parent == here
                for each in processes_below(here)
            )

        wait_until(zombie, 60, "it is a zombie")


def test_result_passes_only_whole_and_clean() -> None:
    """Every swap made, nothing wrong, lost, grown or left."""
    small, large = Held(100, 50, 6), Held(100, 60, 6)
    record = Record(swaps=[0.1, 0.2])
    assert Result(record, small, small, status=0).passed(2)
    assert not Result(record, small, small, status=0).passed(3)
    assert not Result(record, small, large, status=0).passed(2)
    assert not Result(record, small, small, status=1).passed(2)
    assert not Result(record, small, small, status=0, left=["x"]).passed(2)
    assert not Result(record, small, small, status=0, gave_up="why").passed(2)
    assert not Result(Record(swaps=[1, 2], failed=["x"]), small, small, status=0).passed(2)
    assert "given up: why" in list(Result(record, small, None, gave_up="why").lines())
