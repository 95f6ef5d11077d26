"""Work that nobody waits for steps back behind work that somebody does.

A version that is loaded beside one that serves takes a core for a second; where cores are few, that
is felt by every request meanwhile. What a process may do about it without rights, and take back,
differs between kernels and containers, so each way is tried, and none must work:

- the weight of the session (autogroup, sched(7)): without control groups, that is what counts
  between sessions, and every child of Podium is one;
- nice(2), where it may be taken back (CAP_SYS_NICE or RLIMIT_NICE);
- SCHED_BATCH with long slices (sched_setattr(2); slices since Linux 6.12), so that who wakes up
  need not wait for the end of one.

What stays behind for good, as a shadow's hosts do, need not be able to take it back: it is
SCHED_IDLE, and in the least of sessions.

And who can be replaced is whom the kernel takes first when memory runs out: hosts, then other
children, the front last.
"""

import contextlib
import ctypes
import os
import platform
import resource
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# A tenth of the weight of others: enough to end in time on a machine that is never idle.
_BEHIND: Final = 10
# A third of it.
_ASIDE: Final = 5
# A seventieth.
_LAST: Final = 19
_LONG_SLICE_NANOSECONDS: Final = 100_000_000
_ORDINARY, _BATCH, _IDLE = 0, 3, 5
_SCHED_SETATTR: Final = {"x86_64": 314, "aarch64": 274}
_CAP_SYS_NICE: Final = 23
_NICENESS_OF_ALL: Final = 20
# Of a thousand, which a whole machine's memory counts (proc(5), oom_score_adj). What holds a
# model can be replaced at once, what looks at the registry too; without the zygote all hosts end.
# Of what shadows do nobody waits for anything.
SHADOWING: Final = 1000
PREDICTING: Final = 900
LOOKING: Final = 600
FORKING: Final = 300

_OWN: Final = Path("/proc/self/oom_score_adj")
_libc = ctypes.CDLL(None, use_errno=True)


class _Attributes(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def step_back() -> None:
    """From now on this process, leader of its session, gives way to others until `step_forward`."""
    _give_way(_BEHIND)


def step_aside() -> None:
    """The same for work that somebody waits for, though not as others wait for theirs."""
    _give_way(_ASIDE)


def _give_way(steps: int) -> None:
    _weigh_session(steps)
    niceness = _parents_niceness()
    if _may_take_back(niceness):
        niceness = min(niceness + steps, 19)
    _schedule((0,), _BATCH, niceness, _LONG_SLICE_NANOSECONDS)


def stay_behind() -> None:
    """This process, leader of its session, is last for good, with all threads that it will have."""
    _weigh_session(_LAST)
    _schedule(_threads(), _IDLE, 0, 0)


def step_forward() -> None:
    """All threads of this process are scheduled as its parent is, which has not stepped back."""
    _weigh_session(0)
    _schedule(_threads(), _ORDINARY, _parents_niceness(), 0)


def _threads() -> Iterable[int]:
    return [int(each.name) for each in Path("/proc/self/task").iterdir()]


def _parents_niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, os.getppid())


def _weigh_session(niceness: int) -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))


def _may_take_back(niceness: int) -> bool:
    allowed, _ = resource.getrlimit(resource.RLIMIT_NICE)
    if allowed == resource.RLIM_INFINITY or allowed >= _NICENESS_OF_ALL - niceness:
        return True
    with contextlib.suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_text()
        return bool(int(status.partition("CapEff:")[2].split()[0], 16) >> _CAP_SYS_NICE & 1)
    return False


def _schedule(threads: Iterable[int], policy: int, niceness: int, slice_nanoseconds: int) -> None:
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None:
        return
    size = ctypes.sizeof(_Attributes)
    wanted = _Attributes(size, policy, 0, niceness, 0, slice_nanoseconds, 0, 0)
    for thread in threads:
        # A thread may have ended; a kernel may not have it. Then all is as it was.
        _libc.syscall(number, thread, ctypes.byref(wanted), 0)


def prefer_as_victim(points: int) -> None:
    """This process gets at least so many points, and so does what it forks.

    Raising one's own needs no rights; where the kernel does not have it, nothing is done.
    """
    with contextlib.suppress(OSError, ValueError):
        _OWN.write_text(str(max(points, int(_OWN.read_text()))))
