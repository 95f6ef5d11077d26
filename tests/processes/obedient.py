"""A child's main that does what a frame's head says; for tests of processes."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

from service.processes.child import scheduling
from service.processes.child.channel import BlockingChannel, Cancelled
from service.processes.frames import Frame, Status, encode

FOREVER = 3600
NOBODY = 65534


def run(connection: socket.socket) -> None:
    """Obeys until the front closes the connection."""
    channel = BlockingChannel(connection, 64 * 1024**2)
    for frame in channel.frames():
        order = json.loads(frame.head)
        if order["do"] == "count":
            _count(channel, frame, int(order["to"]))
            continue
        answer = _obey(order, connection)
        head = json.dumps(answer).encode()
        channel.send(Frame(frame.operation, Status.DONE, frame.id, head, frame.body))


def _count(channel: BlockingChannel, frame: Frame, last: int) -> None:
    made = 0
    try:
        for made in range(last):
            channel.send_part(frame, body=b"%d" % made)
    except Cancelled:
        status = Status.CANCELLED
    else:
        status = Status.DONE
    channel.send(Frame(frame.operation, status, frame.id, json.dumps({"made": made}).encode()))


def _obey(  # noqa: C901, PLR0912 - one case for each thing that it can be told
    order: dict[str, str], connection: socket.socket
) -> dict[str, object]:
    match order["do"]:
        case "echo":
            return {
                "pid": os.getpid(),
                "environment": dict(os.environ),
                "folder": tempfile.gettempdir(),
            }
        case "print":
            sys.stdout.write(order["text"] + "\n")
            sys.stdout.flush()
            sys.stderr.write(order["text"] + "\n")
            sys.stderr.flush()
        case "print without end":
            while True:
                os.write(1, b"y\n" * 32768)
        case "fill":
            for number in range(int(order["files"])):
                (Path(tempfile.gettempdir()) / str(number)).touch()
        case "close the channel":
            connection.close()
            time.sleep(FOREVER)
        case "exit":
            os._exit(int(order["status"]))
        case "hang":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(FOREVER)
        case "compute":
            # C code that holds the interpreter for as long as the test may last.
            while True:
                zlib.crc32(b"\0" * 2**30)
        case "fork":
            return {"forked": _forked()}
        case "fork away":
            return {"forked": _forked_away()}
        case "talk nonsense":
            connection.sendall(b"x" * 64)
        case "send an unwanted part":
            connection.sendall(encode(Frame(1, Status.PART, 1, b"{}")))
        case "say that it was cancelled":
            connection.sendall(encode(Frame(1, Status.CANCELLED, 1, b"{}")))
        case "answer twice":
            connection.sendall(encode(Frame(1, Status.DONE, 1, b"{}")))
            connection.sendall(encode(Frame(1, Status.DONE, 1, b"{}")))
        case "step back":
            scheduling.step_back()
        case "stay behind":
            scheduling.stay_behind()
        case "step forward":
            scheduling.step_forward()
        case "start a thread":
            threading.Thread(target=time.sleep, args=(FOREVER,), daemon=True).start()
        case "give up all rights":
            resource.setrlimit(resource.RLIMIT_NICE, (0, 0))
            if os.getuid() == 0:
                os.setuid(NOBODY)
    return {}


def _forked() -> int:
    return subprocess.Popen(["sleep", str(FOREVER)]).pid


def _forked_away() -> int:
    reader, writer = os.pipe()
    parent = os.fork()
    if parent == 0:
        os.setsid()
        escaped = subprocess.Popen(["sleep", str(FOREVER)])
        os.write(writer, str(escaped.pid).encode())
        os._exit(0)
    os.waitpid(parent, 0)  # only then is it an orphan
    return int(os.read(reader, 32))
