"""What `podium` runs first: it hears signals before it has imported anything else.

The kernel keeps from process 1 of a container every signal that it has no handler for, whatever the
default would be (pid_namespaces(7)): until Podium had its own, a stop went unheard. So here is one,
for the second that imports take.
"""

import os
import signal
from types import FrameType
from typing import Final, NoReturn

_STOPS: Final = (signal.SIGINT, signal.SIGTERM)
_FIRST: Final = 1
# As a shell has it: what a signal has ended.
_BY_SIGNAL: Final = 128


def main() -> None:
    """The command; a signal that comes before it handles any ends the process, first or not."""
    # Ignored where a shell has started this in the background.
    before = signal.getsignal(signal.SIGINT)
    if os.getpid() == _FIRST:
        for number in _STOPS:
            signal.signal(number, _end)
    elif before is not signal.SIG_IGN:
        # Python's own handler would show where it was in its imports.
        signal.signal(signal.SIGINT, _end)
    from service.cli.main import main as command

    # Commands other than `serve` are interrupted as every program of Python's.
    signal.signal(signal.SIGINT, before)
    command(prog_name="podium")


def _end(number: int, _: FrameType | None) -> NoReturn:
    # Whatever is being imported; what has been started ends with this process.
    os._exit(_BY_SIGNAL + number)
