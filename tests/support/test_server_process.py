"""The servers that tests start do not outlive the tests."""

import signal
import subprocess

from tests.support.server_process import guard


def test_guard_kills_the_group_when_its_pipe_closes() -> None:
    """As it does when the tests themselves are killed."""
    with subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) as process:
        guard(process.pid).communicate(timeout=60)
        assert process.wait(timeout=60) == -signal.SIGKILL
