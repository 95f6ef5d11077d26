"""The zygote's loop: forks children on request, reports their ends, and leaves nothing behind.

It speaks JSON messages over a sequenced-packet socket, because file descriptors travel with them
(SCM_RIGHTS). Requests: `{"token", "role", "folder"}` with three descriptors: the child's channel,
its stdout and its stderr; the folder is for its temporary files, or null. Reports:
`{"ready": true}`, `{"token", "pid"}` or `{"token", "error"}`, and `{"pid", "exited": status}` where
a negative status is the signal that ended the child (as in `subprocess`).

Single-threaded, and idle but for forks, so signals are answered at once.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

from service.processes import lifetime

MESSAGE_BYTES: Final = 64 * 1024
DESCRIPTORS: Final = 3
# Instead of a role: a zygote like this one, with its control socket as the only descriptor.
SPARE: Final = "spare zygote"

Role = Callable[[socket.socket], None]


class Forker:
    """Owns every child that it forks, and every orphan that those leave.

    `role_of` is asked for a role by its name; what it imports for that, later children share. It
    may raise anything.
    """

    def __init__(self, control: socket.socket, role_of: Callable[[str], Role]) -> None:
        self._control = control
        self._role_of = role_of
        self._children: set[int] = set()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_writer.setblocking(False)
        self._stopping = False

    def run(self) -> None:
        """Serves until the front has gone or asks to stop; then ends every descendant."""
        lifetime.call_this_process("zygote")
        self._listen_to_signals()
        try:
            self._control.send(b'{"ready": true}')
            while not self._stopping:
                self._turn()
        finally:
            self._end_everything()

    def _listen_to_signals(self) -> None:
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _turn(self) -> None:
        readable, _, _ = select.select([self._control, self._wake_reader], [], [])
        if self._wake_reader in readable:
            self._wake_reader.recv(4096)
            self._report_exits()
        if self._control in readable and not self._stopping:
            self._answer()

    def _answer(self) -> None:
        message, descriptors = self._received()
        if not message:
            self._stopping = True
            return
        request = json.loads(message)
        try:
            pid = self._fork(request["role"], request["folder"], descriptors)
        except Exception as error:  # noqa: BLE001 - those that serve must not be lost for it
            # Memory or processes have run out, or a role cannot be imported.
            self._say({"token": request["token"], "error": repr(error)})
        else:
            self._children.add(pid)
            self._say({"token": request["token"], "pid": pid})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _received(self) -> tuple[bytes, list[int]]:
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, DESCRIPTORS)
        except ConnectionResetError:
            return b"", []
        return message, descriptors

    def _say(self, report: Mapping[str, object]) -> None:
        # A front that has gone is noticed on the next turn.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.send(json.dumps(report).encode())

    def _report_exits(self) -> None:
        while (pid := self._next_dead()) is not None:
            lifetime.end_group(pid)  # before it is reaped, while its number is still its own
            _, status = os.waitpid(pid, 0)
            if pid in self._children:
                self._children.discard(pid)
                lifetime.end_orphans(keep=self._children)
                self._say({"pid": pid, "exited": os.waitstatus_to_exitcode(status)})

    def _next_dead(self) -> int | None:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return None
        return None if found is None else found.si_pid

    def _fork(self, name: str, folder: str | None, descriptors: list[int]) -> int:
        role = None if name == SPARE else self._role_of(name)
        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._be_a_child(zygote, name, role, folder, descriptors)
        return pid

    def _be_a_child(
        self,
        zygote: int,
        name: str,
        role: Role | None,
        folder: str | None,
        descriptors: list[int],
    ) -> NoReturn:
        status = 1
        try:
            os.setsid()
            lifetime.adopt_orphans()
            # An operator sees in `ps` who it is: `hosting.host` of `service.hosting.host`, say.
            lifetime.call_this_process(name.removeprefix("service."))
            if role is None:
                self._forget_the_zygote()
                self._be_a_spare(socket.socket(fileno=descriptors[0]))
            else:
                lifetime.die_with_parent(zygote)
                self._forget_the_zygote()
                _be_in_a_role(role, folder, descriptors)
            status = 0
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else 1
        except BaseException:  # noqa: BLE001 - a child must never return into the zygote's loop
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _be_a_spare(self, control: socket.socket) -> None:
        # Without a word the front has gone, or wants no spare any more.
        if message := control.recv(MESSAGE_BYTES):
            lifetime.die_with_parent(json.loads(message)["front"], signal.SIGTERM)
            Forker(control, self._role_of).run()

    def _forget_the_zygote(self) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._control.close()
        self._wake_reader.close()
        self._wake_writer.close()

    def _end_everything(self) -> None:
        for child in self._children:
            lifetime.end_group(child)
        lifetime.end_orphans(keep=())


def _be_in_a_role(role: Role, folder: str | None, descriptors: list[int]) -> None:
    channel, output, errors = descriptors
    _redirect(output, errors)
    if folder is not None:
        _keep_temporary_files_in(folder)
    role(socket.socket(fileno=channel))


def _redirect(output: int, errors: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (errors, 2)):
        os.dup2(source, target)
        os.close(source)


def _keep_temporary_files_in(folder: str) -> None:
    # For this process, which may have asked already, and for whatever it starts.
    os.environ |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder)
    tempfile.tempdir = folder
