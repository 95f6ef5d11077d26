"""Why a process has ended, from its status and from what the front has done to it."""

import pytest

from service.processes.front.ending import Ending, EndReason, ending


@pytest.mark.parametrize(
    ("status", "killed_for", "reason", "told"),
    [
        (0, None, EndReason.EXIT, 0),
        (3, EndReason.TIME_LIMIT, EndReason.EXIT, 3),
        (-11, None, EndReason.SIGNAL, "SIGSEGV"),
        (-11, EndReason.MEMORY, EndReason.SIGNAL, "SIGSEGV"),
        (-9, None, EndReason.SIGNAL, "SIGKILL"),
        (-9, EndReason.MEMORY, EndReason.MEMORY, "SIGKILL"),
        (-40, None, EndReason.SIGNAL, "signal 40"),
        (None, None, EndReason.UNKNOWN, None),
        (None, EndReason.ZYGOTE, EndReason.ZYGOTE, None),
    ],
)
def test_reason_is_what_has_ended_it(
    status: int | None, killed_for: EndReason | None, reason: EndReason, told: int | str | None
) -> None:
    """The front's reason counts only where it was the front's signal."""
    assert ending(7, status, killed_for) == Ending(7, reason, told)
