"""`podium`, which says of every file of its home that its event loop touches where that was.

    python -P -m tests.support.audited_service serve --model NAME@ALIAS

Each is one line on stderr, `{"event": "disk_on_the_loop", "call", "path", "where"}`: the call that
would wait for a disk that hangs, and so would everybody else.
"""

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from service.cli.main import main

EVENT: Final = "disk_on_the_loop"
_STDERR: Final = 2
_LOCKS: Final = "fcntl.flock"


def _look(call: str, arguments: tuple[Any, ...]) -> None:
    # Only a thread that runs a loop has one.
    if asyncio._get_running_loop() is None:
        return
    for each in arguments:
        if isinstance(each, str | bytes | os.PathLike) and os.fsdecode(each).startswith(_home()):
            _tell(call, os.fsdecode(each))
    if call == _LOCKS:
        _tell(call, "")


@cache
def _home() -> str:
    return os.path.realpath(os.environ["PODIUM_HOME"])


def _tell(call: str, path: str) -> None:
    where = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_stack()[:-2]]
    line = {"event": EVENT, "call": call, "path": path, "where": where[-6:]}
    os.write(_STDERR, json.dumps(line).encode() + b"\n")


def _watched(name: str) -> Callable[..., Any]:
    """Calls that Python's audit hooks are not told of."""
    call = getattr(os, name)

    def watched(*arguments: Any, **options: Any) -> Any:
        _look(f"os.{name}", arguments)
        return call(*arguments, **options)

    return watched


if __name__ == "__main__":
    _home()
    sys.addaudithook(_look)
    for unaudited in ("stat", "lstat", "access", "statvfs"):
        setattr(os, unaudited, _watched(unaudited))
    main()
