"""Zygotes without heavy libraries, and children that do what they are told."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from service.processes.front.child import Child
from service.zygote.front.handle import Zygote
from service.zygote.front.spawning import ZygoteCommand

ROLE = "tests.processes.obedient"
MODULE = "tests.zygote.bare_zygote"
ENVIRONMENT = {"PATH": os.environ["PATH"], "GREETING": "hello"}
COMMAND = ZygoteCommand((ROLE,), ENVIRONMENT, MODULE)
SECONDS = 240


class Lines(list[tuple[str, str]]):
    """What children print."""

    def __call__(self, stream: str, line: str) -> None:
        self.append((stream, line))


async def forked(zygote: Zygote, lines: Lines | None = None) -> Child:
    """An obedient child."""
    return await zygote.fork(ROLE, 1000, Lines() if lines is None else lines)


async def told(child: Child, **order: str) -> Any:
    """The answer to an order."""
    head = json.dumps(order).encode()
    async with asyncio.timeout(SECONDS):
        return json.loads((await child.channel.request(1, head)).head)


def parent_of(child: Child) -> int:
    """The zygote that has forked it."""
    return int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[1])


def running(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
