"""`podium`, whose front notes in which order it enters the files of `service/`.

    python -P benchmarks/walked_service.py serve --model NAME@ALIAS

SIGUSR1 begins a walk. SIGUSR2 ends it and writes one line to stderr, `{"event": "walked", "files":
[...]}`: every file of the package that a thread of the front has entered, by its first function.
By the interpreter of an older checkout, its walk is taken the same way.
"""

import json
import os
import runpy
import signal
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

_STDERR: Final = 2


class Walk:
    """The files that are entered while it is under way, in that order."""

    def __init__(self, package: Path) -> None:
        self._root = f"{package}{os.sep}"
        self._files: dict[str, None] = {}
        self._met: set[CodeType] = set()
        self._under_way = False

    def entered(self, frame: FrameType, event: str, _: Any) -> None:
        """What Python calls for each call of a function."""
        if self._under_way and event == "call" and frame.f_code not in self._met:
            self._met.add(frame.f_code)
            if frame.f_code.co_filename.startswith(self._root):
                self._files.setdefault(frame.f_code.co_filename.removeprefix(self._root))

    def begin(self, *_: Any) -> None:
        """A handler of a signal."""
        self._files, self._met, self._under_way = {}, set(), True
        _tell({"event": "walk_began"})

    def end(self, *_: Any) -> None:
        """A handler of a signal."""
        self._under_way = False
        _tell({"event": "walked", "files": list(self._files)})


def _tell(line: dict[str, Any]) -> None:
    os.write(_STDERR, json.dumps(line).encode() + b"\n")


if __name__ == "__main__":
    found = find_spec("service")
    assert found is not None, "no checkout of Podium is installed here"  # noqa: S101
    assert found.origin is not None  # noqa: S101
    walk = Walk(Path(found.origin).parent)
    signal.signal(signal.SIGUSR1, walk.begin)
    signal.signal(signal.SIGUSR2, walk.end)
    threading.setprofile(walk.entered)
    sys.setprofile(walk.entered)
    runpy.run_module("service", run_name="__main__", alter_sys=True)
