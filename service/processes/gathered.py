"""Lines of a traceback gathered to one, where a child's own code has printed it line by line."""

import asyncio
from collections.abc import Callable
from typing import Final

_BEGIN: Final = "Traceback (most recent call last):"
_CHAINED: Final = frozenset(
    {
        "",
        "The above exception was the direct cause of the following exception:",
        "During handling of the above exception, another exception occurred:",
    }
)
_MOST_LINES: Final = 300
# What is printed line by line comes in that order, with hardly a pause.
_PAUSE_SECONDS: Final = 0.2


class Gathered:
    """Tells `on_text` each line at once, but for tracebacks, which it tells as one text.

    From its first line to that of the exception, and on where another one follows from it. It is
    told when something else comes, after a pause, or at the end of the stream.
    """

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._held: list[str] = []
        self._is_whole = False
        self._timer: asyncio.TimerHandle | None = None

    def line(self, text: str) -> None:
        """The next line."""
        if self._held and self._belongs(text):
            self._hold(text)
            return
        self.flush()
        if text == _BEGIN:
            self._hold(text)
        else:
            self._on_text(text)

    def flush(self) -> None:
        """Tells what is held."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        held, self._held, self._is_whole = self._held, [], False
        if held:
            self._on_text("\n".join(held).rstrip("\n"))

    def _belongs(self, text: str) -> bool:
        if len(self._held) >= _MOST_LINES:
            return False
        if self._is_whole:
            return text in _CHAINED or (text == _BEGIN and not self._held[-1])
        return True

    def _hold(self, text: str) -> None:
        # The exception's own line is the first that does not stand further in.
        is_exception = text != _BEGIN and not text.startswith((" ", "\t"))
        self._is_whole = text != _BEGIN and (self._is_whole or is_exception)
        self._held.append(text)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self.flush)
