"""Want of processes or threads: how the system says so, and what people are told.

The kernel gives no more of either once an account or a container has its number of them; that
passes, and is nobody's fault who merely asked for one more.
"""

import errno
import re
from collections.abc import Iterator
from types import TracebackType
from typing import Final

from service.errors import PassingFault

CODE: Final = "processes_exhausted"
SENTENCE: Final = (
    "No further process or thread could be started: there are as many as the account (`ulimit -u`) "
    "or the container (its limit of pids) may have; it is tried again."
)
# CPython's word for a thread, and libraries' where they have put it into a text of their own.
_NO_THREAD: Final = re.compile(r"start new thread")
# The same number stands for a lock that is taken, or a socket that is empty.
_FORKS: Final = frozenset(
    {"fork", "forkpty", "fork_exec", "_fork_exec", "posix_spawn", "posix_spawnp"}
)


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, five at most.

    MLflow wraps a failed connection without a type of its own (utils/rest_utils.py, http_request).
    """
    seen: BaseException | None = error
    for _ in range(5):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def processes_exhausted(stage: str, detail: str) -> PassingFault:
    """The fault of whatever could not be done; the detail is for the log alone."""
    return PassingFault(stage, CODE, SENTENCE, detail)


def is_want_of_processes(error: BaseException) -> bool:
    """Whether it was raised since no process or thread could be started."""
    return any(_is_no_process(each) or _NO_THREAD.search(str(each)) for each in chain(error))


def _is_no_process(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EAGAIN and _forked(error)


def _forked(error: BaseException) -> bool:
    at: TracebackType | None = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at is not None and not _FORKS.isdisjoint(at.tb_frame.f_code.co_names)
