"""Why and when the registry is looked at: the pause between looks, and hints that cut it short."""

import asyncio
import enum
import math
import random
from collections.abc import Callable
from typing import Final

# Looking takes at most a twentieth of the time.
_LOOK_SHARE: Final = 20
# But two slow looks in a row, on a machine that has much else to do, must not keep a move waiting
# for minutes.
_LONGEST_PAUSE: Final = 30.0


class Trigger(enum.StrEnum):
    """Who asked for a look; the ledger records under which one a version was first aspired to."""

    POLL = "poll"
    WEBHOOK = "webhook"
    OPERATOR = "operator"
    START = "start"


class Pace:
    """When the next look is due.

    The pause is the poll interval, or twenty times what looks take, half a minute at most. A hint
    cuts it short once: it is answered at once, unless another one was answered less than so long
    ago; then it waits for that long at most. So a flood of hints costs no more looks than polling
    may.
    """

    def __init__(self, poll_seconds: float, monotonic: Callable[[], float]) -> None:
        self._poll_seconds = poll_seconds
        self._monotonic = monotonic
        self._hinted = asyncio.Event()
        self._next = Trigger.START
        self._current = Trigger.START
        self._hint_at = monotonic()
        self._look_seconds = (0.0, 0.0)

    def hint(self, trigger: Trigger) -> None:
        """The next look comes early. Of several hints before it, an operator's gives the name."""
        if not self._hinted.is_set() or trigger is Trigger.OPERATOR:
            self._next = trigger
        self._hinted.set()

    def begin(self) -> Trigger:
        """A look begins; what triggered it. A hint from now on asks for another one."""
        self._current, self._next = self._next, Trigger.POLL
        self._hinted.clear()
        return self._current

    def ended(self, seconds: float, *, answered: bool) -> None:
        """The look took the registry so long, and was answered or not."""
        # One slow look may be a hiccup, and a failed one says nothing; two in a row are a load.
        self._look_seconds = (self._look_seconds[1], seconds if answered else 0.0)
        if self._current is Trigger.START and not answered and not self._hinted.is_set():
            self._next = Trigger.START
        hint_at = self._monotonic() + _pause_after(seconds)
        if self._current is not Trigger.POLL or (answered and hint_at < self._hint_at):
            # A quick answer shows that the slow look before it was not the rule.
            self._hint_at = hint_at

    @property
    def hint_seconds(self) -> float:
        """For how long a hint that came now would wait."""
        return max(0.0, self._hint_at - self._monotonic())

    @property
    def pause_seconds(self) -> float:
        """For how long the loop waits now if nobody hints."""
        # A little less than asked for, at random: replicas should not look all at once.
        early = self._poll_seconds * random.uniform(0.9, 1.0)  # noqa: S311 - no secret
        return max(early, _pause_after(min(self._look_seconds)))

    async def pause(self, meanwhile: Callable[[], float] = lambda: math.inf) -> None:
        """Returns when the next look is due.

        Until then `meanwhile` does what is due by time alone: now, and whenever so many seconds are
        over as it has said the last time.
        """
        time = asyncio.get_running_loop().time
        due = time() + self.pause_seconds
        while (left := due - time()) > 0 and not await self._is_asked(min(left, meanwhile())):
            pass

    async def _is_asked(self, seconds: float) -> bool:
        """Whether a hint is to be answered within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._hinted.wait()
                await asyncio.sleep(self.hint_seconds)
        except TimeoutError:
            return False
        return True


def _pause_after(seconds: float) -> float:
    """For how long the registry is left alone after a look of so many seconds."""
    return min(seconds * _LOOK_SHARE, _LONGEST_PAUSE)
