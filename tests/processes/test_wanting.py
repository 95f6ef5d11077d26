"""Want of processes and threads is known for that, whoever meets it."""

import errno
import fcntl
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from service.processes.exhausted import CODE, is_want_of_processes
from service.zygote.front.process import not_started

WITHOUT = """
import multiprocessing.popen_fork, os, resource, subprocess, sys, threading
from service.processes.exhausted import is_want_of_processes

if os.getuid() == 0:
    os.setuid(54321)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
try:
    {work}
except Exception as error:
    sys.exit(0 if is_want_of_processes(error) else repr(error))
"""


@pytest.mark.parametrize(
    "work",
    [
        "threading.Thread(target=print).start()",
        "subprocess.run(['true'])",
        "subprocess.run(['true'], close_fds=False)",
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "multiprocessing.get_context('fork').Process(target=print).start()",
    ],
)
def test_want_is_known_whatever_was_to_be_started(work: str) -> None:
    """As the kernel refuses it to an account that has its number of them."""
    program = textwrap.dedent(WITHOUT).format(work=work)
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_lock_that_is_taken_is_no_want_of_processes(tmp_path: Path) -> None:
    """The kernel's number is the same."""
    with (tmp_path / "lock").open("w") as one, (tmp_path / "lock").open("w") as other:
        fcntl.flock(one, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError) as taken:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert taken.value.errno == errno.EAGAIN
    assert not is_want_of_processes(taken.value)


def test_want_that_a_library_has_wrapped_is_known() -> None:
    """By its cause, or by the text that it was put into."""
    wrapped = ValueError("wrapped")
    wrapped.__cause__ = RuntimeError("can't start new thread")
    assert is_want_of_processes(wrapped)
    assert is_want_of_processes(
        OSError("failures: {'a': \"RuntimeError(can't start new thread)\"}")
    )
    assert not is_want_of_processes(ValueError("new thread"))


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (errno.EAGAIN, CODE, "limit of pids"),
        (errno.ENOMEM, "no_process", "memory"),
        (errno.EMFILE, "no_process", "descriptors"),
        (None, "no_process", "No process could be started."),
    ],
)
def test_process_that_could_not_be_started_says_for_want_of_what(
    number: int | None, code: str, word: str
) -> None:
    """As far as the system has said so."""
    fault = not_started(os.strerror(number) if number else "", number)
    assert fault.reason == code
    assert word in fault.message
