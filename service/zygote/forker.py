"""The zygote's loop: forks children on request, reports their ends, and leaves nothing behind.

Single-threaded, and idle but for forks, so signals are answered at once.
"""

import contextlib
import errno
import gc
import json
import os
import random
import select
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from service.processes import lifetime
from service.processes.child.keeper import Role, is_kept, keep
from service.zygote.wire import DESCRIPTORS, MESSAGE_BYTES, SPARE

_MOST_DIGITS: Final = 32
_AUTHENTICATION_BYTES: Final = 32
# numpy takes 128 bits from the system. Where a library has given it less, it wants the same draws.
_CHOSEN_BITS: Final = 64
_found: Final[list[Any]] = []


@dataclass(frozen=True, slots=True)
class WantedChild:
    """What a child is to be: its name, its role (None: a spare zygote), and what it is given."""

    name: str
    role: Role | None
    folder: str | None
    descriptors: list[int]


class Forker:
    """Owns every child that it forks, and every orphan that those leave.

    `role_of` is asked for a role by its name; what it imports for that, later children share. It
    may raise anything.
    """

    def __init__(self, control: socket.socket, role_of: Callable[[str], Role]) -> None:
        self._control = control
        self._role_of = role_of
        # The child that the front knows, by the process forked here: itself, or its keeper.
        self._children: dict[int, int] = {}
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
            forked, child = self._fork(request["role"], request["folder"], descriptors)
        except Exception as error:  # noqa: BLE001 - those that serve must not be lost for it
            # Memory or processes have run out, or a role cannot be imported.
            number = error.errno if isinstance(error, OSError) else None
            self._say({"token": request["token"], "error": repr(error), "errno": number})
        else:
            self._children[forked] = child
            keeper = None if forked == child else forked
            self._say({"token": request["token"], "pid": child, "keeper": keeper})
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
            child = self._children.pop(pid, None)
            if child is not None:
                lifetime.end_orphans(keep=self._children)
                self._say({"pid": child, "exited": os.waitstatus_to_exitcode(status)})

    def _next_dead(self) -> int | None:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return None
        return None if found is None else found.si_pid

    def _fork(self, name: str, folder: str | None, descriptors: list[int]) -> tuple[int, int]:
        """The process that was forked here, and the child: another where that has a keeper."""
        role = None if name == SPARE else self._role_of(name)
        wanted = WantedChild(name, role, folder, descriptors)
        if role is not None and is_kept(role):
            return self._fork_kept(wanted)
        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            _end_after(lambda: self._be_a_child(zygote, wanted, adopts=True))
        return pid, pid

    def _fork_kept(self, wanted: WantedChild) -> tuple[int, int]:
        zygote = os.getpid()
        reader, writer = os.pipe()
        with open(reader, "rb", buffering=0) as told:  # noqa: PTH123 - no path
            try:
                keeper = os.fork()
                if keeper == 0:
                    _end_after(lambda: self._be_a_keeper(zygote, wanted, writer))
            finally:
                os.close(writer)
            child = int(told.read(_MOST_DIGITS) or -errno.ECHILD)
        if child < 0:
            raise OSError(-child, os.strerror(-child))
        return keeper, child

    def _be_a_keeper(self, zygote: int, wanted: WantedChild, tell: int) -> None:
        os.setsid()
        lifetime.adopt_orphans()
        lifetime.call_this_process("keeper")
        self._forget_the_zygote()
        keeper = os.getpid()
        try:
            child = os.fork()
        except OSError as error:
            os.write(tell, str(-(error.errno or errno.EAGAIN)).encode())
            raise
        if child == 0:
            os.close(tell)
            _end_after(lambda: self._be_a_child(keeper, wanted, adopts=False))
        os.write(tell, str(child).encode())
        for descriptor in (tell, *wanted.descriptors):
            os.close(descriptor)
        keep(child, zygote)

    def _be_a_child(self, parent: int, wanted: WantedChild, *, adopts: bool) -> None:
        os.setsid()
        if adopts:
            lifetime.adopt_orphans()
        # An operator sees in `ps` who it is: `hosting.host` of `service.host.main`, say.
        lifetime.call_this_process(wanted.name.removeprefix("service.").replace(".main", ""))
        if wanted.role is None:
            self._forget_the_zygote()
            self._be_a_spare(socket.socket(fileno=wanted.descriptors[0]))
        else:
            lifetime.die_with_parent(parent)
            self._forget_the_zygote()
            _be_in_a_role(wanted.role, wanted.folder, wanted.descriptors)

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


def _end_after(work: Callable[[], None]) -> NoReturn:
    """For what was forked: it must never return into the zygote's loop."""
    status = 1
    try:
        work()
        status = 0
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:  # noqa: BLE001 - as above
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _be_in_a_role(role: Role, folder: str | None, descriptors: list[int]) -> None:
    channel, output, errors = descriptors
    _redirect(output, errors)
    seed_anew()
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


def note_generators() -> None:
    """Notes those of random numbers that libraries have set up; once all of them are imported.

    Before the collector is told to leave what is there alone, for it tells of the rest only.
    """
    kinds = _kinds()
    _found.extend(each for each in gc.get_objects() if type(each) in kinds and _is_by_chance(each))


def seed_anew() -> None:
    """From now on this process draws what no other does. For a child, before it does anything.

    A library sets up generators when it is imported, or first used; forked with all else, they
    would give every host the same draws, and each replacement those of the one before. Python's
    own, `random`, sees to itself, as do `secrets`, `tempfile`, `uuid` and OpenSSL. What a model
    seeds itself stays as its author wants it: it is loaded later.
    """
    if "multiprocessing.process" in sys.modules:
        process = sys.modules["multiprocessing.process"].current_process()
        process.authkey = os.urandom(_AUTHENTICATION_BYTES)
    for each in _found:
        if isinstance(each, random.Random):
            each.seed()
        else:
            each.state = type(each)().state
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()


def _kinds() -> set[type]:
    numpy = sys.modules.get("numpy.random")
    named = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
    return {random.Random} | ({getattr(numpy, name) for name in named} if numpy else set())


def _is_by_chance(generator: Any) -> bool:
    if isinstance(generator, random.Random):
        return True  # it does not say what it was seeded with
    # Public since numpy 1.25.
    seeds = getattr(generator, "seed_seq", None) or getattr(generator, "_seed_seq", None)
    entropy = getattr(seeds, "entropy", None)
    return isinstance(entropy, int) and entropy.bit_length() > _CHOSEN_BITS
