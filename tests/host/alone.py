"""A host among strangers: its files alone, beside another interpreter's libraries."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson

from service.host.wire import HostOperation, encode_batch
from service.processes.frames import Frame, FrameReader, Status, encode, hello
from tests.hosting.rows import double_rows
from tests.test_architecture import ROOT, modules, reached_from

MAIN: Final = "service.host.main"
PYTHON: Final = "3.10"
LIBRARIES: Final = ("mlflow-skinny", "numpy", "pandas", "orjson")
_SECONDS: Final = 300
_RUN: Final = (
    "import socket, sys; sys.path.insert(0, sys.argv[1]); from service.host.main import run; "
    "run(socket.socket(fileno=int(sys.argv[2])))"
)


def files() -> dict[str, Path]:
    """What a host runs of the service, by its dotted name."""
    return {name: modules()[name] for name in sorted(reached_from(MAIN)) if name in modules()}


def copied_to(folder: Path) -> Path:
    """These files, and nothing else of the service, below the folder."""
    for path in files().values():
        place = folder / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    return folder


def interpreter() -> str | None:
    """A Python that is as old as a host may find, if this machine has one."""
    found = shutil.which(f"python{PYTHON}")
    asked = (("uv", "python", "find", "--no-project", PYTHON), ("pyenv", "root"))
    for command in () if found and _runs(found) else asked:
        told = _told(command)
        places = Path(told).glob(f"versions/{PYTHON}*/bin/python{PYTHON}")
        found = next(map(str, places), None) if command[0] == "pyenv" else told
        if found and _runs(found):
            break
    return found if found and _runs(found) else None


def _runs(python: str) -> bool:
    # pyenv has a command of that name for every version, which may not be the one in use.
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return _told((python, "-I", "-c", code)) == PYTHON


def _told(command: Iterable[str]) -> str:
    try:
        done = subprocess.run([*command], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def environment(python: str, folder: Path, version: str) -> Path:
    """The interpreter of an environment of MLflow's `version` and a host's other libraries."""
    wanted = [f"{LIBRARIES[0]}=={version}", *LIBRARIES[1:]]
    made = folder / "bin" / "python"
    beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    if uv := shutil.which("uv", path=beside):
        _do([uv, "venv", "-q", "--python", python, str(folder)])
        _do([uv, "pip", "install", "-q", "--python", str(made), *wanted])
    else:
        _do([python, "-m", "venv", str(folder)])
        _do([str(made), "-m", "pip", "install", "-q", *wanted])
    return made


def _do(command: list[str]) -> None:
    subprocess.run(command, check=True, timeout=_SECONDS)


class Conversation:
    """The front's side of a channel to one host, which is asked one thing after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = FrameReader(1024**2)
        self._connection.sendall(encode(hello()))
        self.hello = json.loads(self._next().head)

    def ask(self, operation: HostOperation, head: bytes, body: bytes = b"") -> Frame:
        """The reply."""
        self._connection.sendall(encode(Frame(operation, Status.REQUEST, 1, head, body)))
        return self._next()

    def _next(self) -> Frame:
        while True:
            data = self._connection.recv(65536)
            assert data, "the host has ended"
            if frames := list(self._reader.feed(data)):
                return frames[0]

    def load(self, place: Path) -> Frame:
        """Of a version as it is, by the operator's word."""
        wanted = dict.fromkeys(("memory_bytes", "config", "traces"))
        more = {"path": str(place), "max_reply_bytes": 1024**2, "variables": {}, "joinable": True}
        flags = dict.fromkeys(("own_copy", "no_pickle", "behind"), False)
        return self.ask(HostOperation.LOAD, orjson.dumps({**wanted, **more, **flags}))

    def predict(self, operation: HostOperation, *rows: float) -> Frame:
        """Of one request."""
        head, body = encode_batch([double_rows(*rows)])
        return self.ask(operation, head, bytes(body))


@contextmanager
def host(python: Path, folder: Path) -> Iterator[Conversation]:
    """A host of that interpreter that sees the files below the folder, and ends afterwards."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(_SECONDS)
        command = [str(python), "-I", "-c", _RUN, str(folder), str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=folder)
        theirs.close()
        yield Conversation(ours)
    assert process.wait(_SECONDS) == 0


def libraries_of(python: Path) -> set[str]:
    """The names of what is installed there."""
    code = (
        "import importlib.metadata, json; "
        "print(json.dumps([each.metadata['Name'] for each in importlib.metadata.distributions()]))"
    )
    return set(json.loads(_told((str(python), "-I", "-c", code))))
