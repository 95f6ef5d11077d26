"""Whom the kernel takes first when memory runs out: hosts, then other children, the front last."""

import contextlib
from pathlib import Path
from typing import Final

# Of a thousand, which a whole machine's memory counts (proc(5), oom_score_adj). What holds a
# model can be replaced at once, what looks at the registry too; without the zygote all hosts end.
PREDICTING: Final = 900
LOOKING: Final = 600
FORKING: Final = 300

_OWN: Final = Path("/proc/self/oom_score_adj")


def prefer_as_victim(points: int) -> None:
    """This process gets at least so many points, and so does what it forks.

    Raising one's own needs no rights; where the kernel does not have it, nothing is done.
    """
    with contextlib.suppress(OSError, ValueError):
        _OWN.write_text(str(max(points, int(_OWN.read_text()))))
