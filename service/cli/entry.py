"""What `podium` runs first: it hears signals before it has imported anything else.

The kernel keeps from process 1 of a container every signal that it has no handler for, whatever the
default would be (pid_namespaces(7)): until Podium had its own, a stop went unheard. So here is one,
for the second that imports take.
"""

import atexit
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Final, NoReturn

from service.exits import UNDECIDED

_STOPS: Final = (signal.SIGINT, signal.SIGTERM)
_FIRST: Final = 1
# As a shell has it: what a signal has ended.
_BY_SIGNAL: Final = 128
# They run until they are told to end, by a signal that they hear themselves.
_STAY: Final = frozenset({"up", "serve", "train"})


def main() -> None:
    """The command; a signal that comes before it handles any ends the process, first or not.

    A command that does not stay ends with `UNDECIDED` then, and once its outcome is known with
    that, whenever a signal comes.
    """
    # Ignored where a shell has started this in the background.
    before = signal.getsignal(signal.SIGINT)
    stays = not _STAY.isdisjoint(sys.argv[1:2])
    hear = _end if stays else _end_undecided
    if before is not signal.SIG_IGN or os.getpid() == _FIRST:
        # Python's own handler would show where it was in its imports.
        signal.signal(signal.SIGINT, hear)
    if not stays or os.getpid() == _FIRST:
        signal.signal(signal.SIGTERM, hear)
    from service.cli.main import main as command

    if stays:
        signal.signal(signal.SIGINT, before)
        command(prog_name="podium")
    else:
        _end_as_it_came_out(lambda: command(prog_name="podium"))


def _end(number: int, _: FrameType | None) -> NoReturn:
    # Whatever is being imported; what has been started ends with this process.
    os._exit(_BY_SIGNAL + number)


def _end_undecided(_: int, __: FrameType | None) -> NoReturn:
    # MLflow's client takes seconds to import, and an exception in there comes out as another one.
    os.write(2, b"podium: interrupted; the same call may be made again\n")
    os._exit(UNDECIDED)


def _end_as_it_came_out(command: Callable[[], object]) -> None:
    # Python would hear no signal any more while it takes MLflow's modules apart, for longer than
    # some commands work.
    ended: list[int] = []
    atexit.register(_leave, ended)  # first, so that it is called last
    try:
        command()
    except SystemExit as end:
        if isinstance(end.code, int):
            ended.append(end.code)
            for number in _STOPS:
                if signal.getsignal(number) is _end_undecided:
                    signal.signal(number, lambda _, __: os._exit(ended[0]))
        raise


def _leave(ended: Sequence[int]) -> None:
    if ended:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # nobody reads it any more
                stream.flush()
        os._exit(ended[0])
