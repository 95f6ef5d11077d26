"""A second zygote, forked from the first and idle, that can take its place in no time.

The imports of a zygote take seconds; a fork of it has them all, and shares their memory until one
of the two writes to it. It outlives the zygote: the front adopts it then (PR_SET_CHILD_SUBREAPER).
Until it is told to take over it waits for that word, and ends when the front has gone instead.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable


class Spare:
    """The front's handle; owns the control socket until it is promoted or discarded.

    Whoever made it calls `forget` when its zygote has reaped it, or else `reap`; but not once it is
    promoted. `on_end` is called when it ends and has been neither promoted nor discarded.
    """

    def __init__(self, pid: int, control: socket.socket, on_end: Callable[[], None]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._control: socket.socket | None = control
        self._pidfd = os.pidfd_open(pid)
        self._on_end = on_end
        asyncio.get_running_loop().add_reader(self._pidfd, self._ended)

    @property
    def usable(self) -> bool:
        """Whether it lives and waits, as far as is known."""
        return self._control is not None

    def promote(self) -> socket.socket:
        """Tells it to take over from its zygote, which has ended; its control socket.

        Raises OSError if it has ended too.
        """
        control, self._control = self._control, None
        if control is None:
            raise OSError("the spare zygote has ended")
        asyncio.get_running_loop().remove_reader(self._pidfd)
        try:
            control.send(json.dumps({"front": os.getpid()}).encode())
        except OSError:
            control.close()
            raise
        return control

    def discard(self) -> None:
        """It is no longer wanted, or has ended: closing its socket ends it."""
        control, self._control = self._control, None
        if control is not None:
            control.close()
            asyncio.get_running_loop().remove_reader(self._pidfd)

    def forget(self) -> None:
        """It is no more: there is nothing left of it to look after."""
        self.discard()
        os.close(self._pidfd)

    def reap(self) -> None:
        """Ends it, now that its zygote is no more and this process has adopted it; blocks so long.

        For one that has been discarded. By its descriptor, for its number may be another's by now.
        """
        self.kill()
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
        os.close(self._pidfd)

    def _ended(self) -> None:
        self.discard()
        self._on_end()

    def kill(self) -> None:
        """As `subprocess.Popen` does."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def wait(self) -> None:
        """Once promoted, as `subprocess.Popen` does: reaps it and notes the `returncode`."""
        with contextlib.suppress(ChildProcessError):
            _, status = os.waitpid(self.pid, 0)
            self.returncode = os.waitstatus_to_exitcode(status)
        os.close(self._pidfd)
