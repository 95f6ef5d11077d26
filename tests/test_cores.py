"""Cores that may be used: by affinity, or by what the quotas of cgroups leave of them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from service.config.cores import usable_cores

MANY = 10_000.0
CORES = float(len(os.sched_getaffinity(0)))
UNIFIED = "31 23 0:26 {top} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
BY_CONTROLLER = (
    "30 23 0:25 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "32 30 0:29 {top} /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "33 30 0:30 {top} /sys/fs/cgroup/cpuset rw shared:10 - cgroup cgroup rw,cpuset\n"
)


def unified(root: Path, group: str, quotas: dict[str, str], top: str = "/") -> None:
    """The files of version 2: a process in this group, and quotas by group."""
    told(root, UNIFIED.format(top=top), f"0::{group}\n")
    for each, quota in quotas.items():
        written(root / "sys/fs/cgroup" / each / "cpu.max", quota)


def by_controller(root: Path, group: str, quotas: dict[str, str], top: str = "/") -> None:
    """Those of version 1; a quota is that of each 100 ms."""
    lines = f"12:cpuset:/elsewhere\n4:cpu,cpuacct:{group}\n0::/\n"
    told(root, BY_CONTROLLER.format(top=top), lines)
    for each, quota in quotas.items():
        folder = root / "sys/fs/cgroup/cpu,cpuacct" / each
        written(folder / "cpu.cfs_quota_us", quota)
        written(folder / "cpu.cfs_period_us", "100000\n")


def told(root: Path, mounts: str, groups: str) -> None:
    """What the kernel tells this process."""
    written(root / "proc/self/mountinfo", f"23 1 8:1 / / rw - ext4 /dev/root rw\n{mounts}")
    written(root / "proc/self/cgroup", groups)


def written(path: Path, text: str) -> None:
    """The file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("quotas", "cores"),
    [
        ({"a/b": "50000 100000\n"}, 0.5),
        ({"a/b": "max 100000\n"}, CORES),
        ({"a/b": "max 100000\n", "a": "25000 50000\n"}, 0.5),
        ({"a/b": "20000 100000\n", "a": "50000 100000\n", ".": "max\n"}, 0.2),
        ({"a/b": "99900000 100000\n"}, CORES),
        ({"c": "50000 100000\n"}, CORES),
        ({"a/b": "nonsense\n"}, CORES),
        ({"a/b": "0 0\n"}, CORES),
        ({}, CORES),
    ],
)
def test_o3_quota_of_version_2_bounds_the_cores(
    tmp_path: Path, quotas: dict[str, str], cores: float
) -> None:
    """Of the process's own group or of any above it; that of another one does not."""
    unified(tmp_path, "/a/b", quotas)
    assert usable_cores(tmp_path) == cores


@pytest.mark.parametrize(
    ("quotas", "cores"),
    [
        ({"a/b": "50000\n"}, 0.5),
        ({"a/b": "-1\n"}, CORES),
        ({"a/b": "-1\n", "a": "30000\n"}, 0.3),
        ({".": "10000\n"}, 0.1),
        ({"elsewhere": "50000\n"}, CORES),
    ],
)
def test_o3_quota_of_version_1_bounds_the_cores(
    tmp_path: Path, quotas: dict[str, str], cores: float
) -> None:
    """The same; a period is beside each quota."""
    by_controller(tmp_path, "/a/b", quotas)
    assert usable_cores(tmp_path) == cores


@pytest.mark.parametrize("make", [unified, by_controller])
@pytest.mark.parametrize(
    ("group", "top"),
    [("/kubepods/pod/x", "/kubepods/pod/x"), ("/", "/"), ("/kubepods/pod/x", "/")],
)
def test_o3_quota_is_found_in_a_container(
    tmp_path: Path, make: Callable[..., None], group: str, top: str
) -> None:
    """Whose group is the top of what it sees, however the machine calls it."""
    make(tmp_path, group, {".": "50000 100000\n" if make is unified else "50000\n"}, top)
    assert usable_cores(tmp_path) == 0.5


def test_o3_without_cgroups_the_affinity_counts(tmp_path: Path) -> None:
    """Also where the kernel tells nothing that could be read."""
    assert usable_cores(tmp_path) == CORES
    told(tmp_path, "nonsense\n - \n 1 2 3 4\n", "nonsense\n:::\n")
    assert usable_cores(tmp_path) == CORES
