"""The `podium` command; its front also says, in a line of its log, how long each look has taken.

    python -P benchmarks/timed_service.py serve --model NAME@ALIAS

One line is `{"event": "looked", "seconds": ...}`. Only this says it: the product exports the age of
its last look, which is what an alarm needs.
"""

import json
import os
import time
from collections.abc import Sequence
from typing import Final

from service.cli.main import main
from service.following.ports import LookAnswer
from service.refs import ModelRef
from service.registry.front.client import MlflowRegistry

_STDERR: Final = 2


_asked: Final = MlflowRegistry.resolve


async def _timed(registry: MlflowRegistry, refs: Sequence[ModelRef]) -> LookAnswer:
    started = time.perf_counter()
    try:
        return await _asked(registry, refs)
    finally:
        line = {"event": "looked", "seconds": time.perf_counter() - started}
        os.write(_STDERR, json.dumps(line).encode() + b"\n")


if __name__ == "__main__":
    MlflowRegistry.resolve = _timed  # type: ignore[assignment,method-assign]
    main()
