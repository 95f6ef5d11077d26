"""How long a request to a slot that cannot answer had better wait before its next try."""

import math
from typing import Final

from service.following.slot import Slot

# Nothing changes before somebody moves an alias, or registers something.
_LONG_SECONDS: Final = 60.0
_LONGEST_LOAD: Final = 30.0
_LEAST: Final = 1.0


def seconds_until_ready(slot: Slot, now: float) -> float:
    """An estimate, at least 1; `now` by the monotonic clock.

    A version on its way is taken to need what the slot's last one did, else as long again as so
    far. One that failed by another's fault is waited for until its next try, or for a minute, since
    an operator may have it tried before. Where only an operator can help, it is a minute, or the
    pause between two looks, if that is longer.
    """
    if slot.status.state == "loading":
        return _of_load(slot, now)
    pause = slot.pause_of_looks
    if slot.status.missing or slot.lacking is not None or slot.status.is_refused_for_good:
        return max(_LONG_SECONDS, pause)
    if slot.aspired is not None:
        return max(_LEAST, min(slot.pursuit.due - now, _LONG_SECONDS))
    return min(max(_LEAST, pause), _LONG_SECONDS)


def _of_load(slot: Slot, now: float) -> float:
    since = slot.vacant_since
    elapsed = 0.0 if since is None else max(0.0, now - since)
    left = slot.took_seconds - elapsed if slot.took_seconds > elapsed else elapsed
    return float(min(max(_LEAST, math.ceil(left)), _LONGEST_LOAD))
