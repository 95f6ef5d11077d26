"""A child's main that draws from generators which were set up before it was forked."""

import json
import multiprocessing
import random
import socket
from collections.abc import Callable
from typing import Final

import numpy as np

from service.processes.child.channel import BlockingChannel
from service.processes.frames import Frame, Status

OWN: Final = random.Random()  # noqa: S311 - the kind that is asked about
GENERATOR: Final = np.random.default_rng()
LEGACY: Final = np.random.RandomState()
CHOSEN: Final = np.random.default_rng(7)
CHOSEN_LEGACY: Final = np.random.RandomState(7)

DRAWS: Final[dict[str, Callable[[], float | str]]] = {
    "random": random.random,
    "a Random": OWN.random,
    "numpy's legacy": lambda: float(np.random.rand()),  # noqa: NPY002 - as above
    "a RandomState": lambda: float(LEGACY.random_sample()),
    "a Generator": lambda: float(GENERATOR.random()),
    "multiprocessing": lambda: bytes(multiprocessing.current_process().authkey).hex(),
    "chosen": lambda: float(CHOSEN.random()),
    "chosen, a RandomState": lambda: float(CHOSEN_LEGACY.random_sample()),
}


def run(connection: socket.socket) -> None:
    """Answers with one draw of each kind."""
    channel = BlockingChannel(connection, 1000)
    for frame in channel.frames():
        head = json.dumps({name: draw() for name, draw in DRAWS.items()}).encode()
        channel.send(Frame(frame.operation, Status.DONE, frame.id, head))
