"""How many cores this process may keep busy: as its affinity and the quotas of its cgroups say.

A container that is given half a core still sees all of the machine's; threads by that number only
wait for each other. A quota binds all groups below the one that it is set on (cgroups(7)).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/")
# Of version 2 the type of the mount; of version 1 the name of the controller.
_UNIFIED: Final = "cgroup2"
_CONTROLLER: Final = "cpu"


@dataclass(frozen=True, slots=True)
class _Mount:
    """Where a hierarchy is to be seen: the group that is its top here, and the folder."""

    top: Path
    folder: Path
    unified: bool


def usable_cores(root: Path = _ROOT) -> float:
    """Cores by affinity, or less where a quota is less; a part of one is possible, none is not.

    `root` is what stands for `/` of the files that the kernel tells it by.
    """
    return min([float(len(os.sched_getaffinity(0))), *_quotas(root)])


def _quotas(root: Path) -> Iterator[float]:
    for folder, unified in group_folders(root, _CONTROLLER):
        quota = _unified(folder) if unified else _by_period(folder)
        if quota is not None:
            yield quota


def group_folders(root: Path, controller: str) -> Iterator[tuple[Path, bool]]:
    """Of this process's groups and all above them the folders; whether each is of version 2."""
    for mount in _mounts(root, controller):
        group = _group(root, controller, unified=mount.unified)
        if group is not None:
            for folder in _upwards(mount, group, root):
                yield folder, mount.unified


def _mounts(root: Path, controller: str) -> Iterator[_Mount]:
    # proc(5), mountinfo: `id parent device top folder options [tags] - type source options`.
    for line in _read(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, *_, options) = before.split(), after.split() or ["", ""]
        if kind == _UNIFIED or (kind == "cgroup" and controller in options.split(",")):
            yield _Mount(Path(fields[3]), Path(fields[4]), unified=kind == _UNIFIED)


def _group(root: Path, controller: str, *, unified: bool) -> Path | None:
    # cgroups(7), /proc/pid/cgroup: `id:controllers:group`; version 2 has no controllers.
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, named = line.partition(":")
        controllers, _, group = named.partition(":")
        if (unified and not controllers) or (not unified and controller in controllers.split(",")):
            return Path(group)
    return None


def _upwards(mount: _Mount, group: Path, root: Path) -> Iterator[Path]:
    """Of this process's group and all above it, as far as they are to be seen, the folders."""
    top = root / mount.folder.relative_to("/")
    # In a container the group may be named as the machine sees it, of which only its own is there.
    below = group.relative_to(mount.top) if group.is_relative_to(mount.top) else Path()
    for each in (below, *below.parents):
        yield top / each


def _unified(folder: Path) -> float | None:
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    return _cores(quota, period)


def _by_period(folder: Path) -> float | None:
    return _cores(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _cores(quota: str, period: str) -> float | None:
    """None without a quota: `max`, -1, or no such file."""
    try:
        allowed, every = int(quota), int(period)
    except ValueError:
        return None
    return allowed / every if allowed > 0 and every > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
