"""Stand-ins for the decoder's main, for what a real one does only by accident."""

import os
import socket
import time
from pathlib import Path

from service.decoder.wire import MAX_REQUEST_BYTES, DecoderOperation
from service.processes.child.channel import BlockingChannel
from service.processes.frames import Frame, Status

FOREVER = 3600
_ONE_ROW = b'{"rows":[1],"bare":false}'
HANG, LEAVE = b"hang", b"leave"
UNTIL = b"until "


def run(connection: socket.socket) -> None:
    """Takes every limit; does what a body says, and answers every other with one row."""
    channel = BlockingChannel(connection, MAX_REQUEST_BYTES)
    for frame in channel.frames():
        if frame.operation == DecoderOperation.DECODE:
            _obey(bytes(frame.body))
        channel.send(Frame(frame.operation, Status.DONE, frame.id, _ONE_ROW, frame.body))


def _obey(body: bytes) -> None:
    if body.startswith(UNTIL):
        # A pipe of the file system, which opens when somebody else opens its other end.
        Path(body.removeprefix(UNTIL).decode()).read_bytes()
    if body == HANG:
        time.sleep(FOREVER)
    if body == LEAVE:
        os._exit(7)
