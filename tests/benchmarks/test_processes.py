"""Memory and processor time of whole trees, from a /proc of this test and from the real one."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.processes import cpu_seconds, pss_bytes, tree
from tests.support.waiting import wait_until


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """1 and its child 2 (whose name is a trap), 2's child 3, and a stranger 4."""
    for pid, parent in ((1, 0), (2, 1), (3, 2), (4, 0)):
        folder = tmp_path / str(pid)
        folder.mkdir()
        ticks = f"{pid}00 {pid}0"
        (folder / "stat").write_text(f"{pid} (a) b) S {parent} 1 1 0 -1 0 1 0 0 0 {ticks} 0 0")
        (folder / "smaps_rollup").write_text(f"Rss: 999 kB\nPss:   {pid}0 kB\nPss_Anon: 5 kB\n")
    return tmp_path


def test_tree_is_all_below_and_no_stranger(proc: Path) -> None:
    """Grandchildren too."""
    assert tree(1, proc) == {1, 2, 3}


def test_memory_is_the_sum_of_proportional_shares(proc: Path) -> None:
    """PSS, of each process."""
    assert pss_bytes(1, proc) == (10 + 20 + 30) * 1024


def test_processor_time_is_of_user_and_system(proc: Path) -> None:
    """In seconds, of all."""
    ticks = os.sysconf("SC_CLK_TCK")

    assert cpu_seconds(2, proc) == pytest.approx((200 + 20 + 300 + 30) / ticks)


def test_real_processes_are_measured() -> None:
    """A child that computes uses processor time and memory."""
    work = "print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", work], stdout=subprocess.PIPE) as process:
        started = time.monotonic()
        try:
            wait_until(lambda: cpu_seconds(process.pid) > 0.1, 30, "it computes")
            used, taken = cpu_seconds(process.pid), time.monotonic() - started
            memory = pss_bytes(process.pid)
        finally:
            process.kill()

    assert 0.1 < used < taken + 1
    assert 10**6 < memory < 10**9
