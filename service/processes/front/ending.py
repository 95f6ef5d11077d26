"""How and why a process has ended, in words that logs and metrics share."""

import enum
import signal
from dataclasses import dataclass


class EndReason(enum.StrEnum):
    """Why a child has ended; the values are labels of a metric."""

    EXIT = "exit"
    SIGNAL = "signal"
    TIME_LIMIT = "time_limit"
    MEMORY = "memory"
    FRAME_ERROR = "frame_error"
    CHANNEL_CLOSED = "channel_closed"
    ZYGOTE = "zygote"
    UNWANTED = "unwanted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of one child.

    Attributes:
        pid: the number that it had.
        reason: why, as far as anybody can tell.
        status: the exit status, or the name of the signal; None where nobody could say.
    """

    pid: int
    reason: EndReason
    status: int | str | None


def ending(pid: int, status: int | None, killed_for: EndReason | None) -> Ending:
    """The end of a child; `status` is negative for a signal, `killed_for` why the front killed it.

    A child that has ended by itself before the front's signal came is not said to have been killed.
    """
    if status is None:
        return Ending(pid, killed_for or EndReason.UNKNOWN, None)
    if status >= 0:
        return Ending(pid, EndReason.EXIT, status)
    reason = killed_for if status == -signal.SIGKILL else None
    return Ending(pid, reason or EndReason.SIGNAL, _signal_name(-status))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name of its own
        return f"signal {number}"
