"""A traceback printed as one line, so that whoever reads what a child prints gets it whole.

Its own line ends are U+2028, Unicode's word for them, which the reader turns back.
"""

import sys
import threading
import traceback
from types import TracebackType
from typing import Any, Final

LINE_END: Final = "\u2028"
# A reader cuts lines that are longer than 8 KiB. The end says most: what was raised, and where.
_FIRST_BYTES: Final = 1500
_LAST_BYTES: Final = 6000


def one_line(error: BaseException) -> str:
    """The exception with its traceback, and those that led to it; raises nothing."""
    try:
        text = "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - an exception's own text may raise whatever it likes
        text = f"{type(error).__name__} (its text cannot be told)"
    line = text.strip("\n").replace("\n", LINE_END).encode(errors="replace")
    if len(line) > _FIRST_BYTES + _LAST_BYTES:
        line = line[:_FIRST_BYTES] + f"{LINE_END}...{LINE_END}".encode() + line[-_LAST_BYTES:]
    return line.decode(errors="ignore")


def tell(error: BaseException) -> None:
    """Prints that."""
    print(one_line(error), file=sys.stderr, flush=True)  # noqa: T201 - the front's log


def tell_always() -> None:
    """From now on so is whatever ends a thread or this process, or is raised where nobody waits."""
    sys.excepthook = _hook
    threading.excepthook = lambda told: _hook(told.exc_type, told.exc_value, told.exc_traceback)
    sys.unraisablehook = _unraisable


def _hook(
    kind: type[BaseException], error: BaseException | None, _: TracebackType | None = None
) -> None:
    if error is not None and not issubclass(kind, SystemExit):
        tell(error)


def _unraisable(told: Any) -> None:
    _hook(told.exc_type, told.exc_value)
