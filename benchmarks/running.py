"""A peer as processes: started, timed until it is ready, and ended with all below it."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from benchmarks.cases import Prepared
from benchmarks.peers import Peer
from benchmarks.processes import tree

_ROOT: Final = Path(__file__).parents[1]
_START_SECONDS: Final = 120
_STOP_SECONDS: Final = 30
_PAUSE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Running:
    """A peer that is ready; `start_seconds` is what it took from its command to that."""

    peer: Peer
    model: str
    pid: int
    url: str
    start_seconds: float


class NotReadyError(Exception):
    """A peer ended, or was not ready in time; `sentence` says which."""

    def __init__(self, sentence: str, log: str) -> None:
        super().__init__(f"{sentence}\n{log}")
        self.sentence = sentence


@contextlib.contextmanager
def running(peer: Peer, prepared: Prepared, model: str) -> Iterator[Running]:
    """Starts the peer for the model; at the end all its processes are gone."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command, environment = peer.command(prepared, model, port), peer.environment(prepared)
    ready, log = f"{url}{peer.ready_path(model)}", prepared.folder / f"{peer.key}-{model}.log"
    started = time.monotonic()
    with running_command(command, os.environ | environment, ready, log) as pid:
        yield Running(peer, model, pid, url, time.monotonic() - started)


@contextlib.contextmanager
def running_command(
    command: Sequence[str], environment: Mapping[str, str], ready: str, log: Path
) -> Iterator[int]:
    """The process, once the address `ready` answers 200; at the end all below it are gone too.

    Raises `NotReadyError`.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait(process, ready, log)
        yield process.pid
    finally:
        _end(process)


def free_port() -> int:
    """One of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with httpx.Client(trust_env=False, timeout=_START_SECONDS) as client:
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if client.get(url).is_success:
                    return
            time.sleep(_PAUSE)
    sentence = f"was not ready within {_START_SECONDS} s"
    if process.poll() is not None:
        sentence = f"ended with {process.returncode} before it was ready"
    raise NotReadyError(sentence, log.read_text(errors="replace")[-4000:])


def _end(process: "subprocess.Popen[bytes]") -> None:
    pids = tree(process.pid)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    # What a peer leaves behind would take part in the next measurement.
    for pid in pids - {process.pid}:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
