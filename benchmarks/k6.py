"""k6: so many requests a second, whatever the server makes of them."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.loads import Seen

_SCRIPT: Final = Path(__file__).with_name("constant_rate.js")
# Nothing is reported to anybody, and no port is opened.
_QUIET: Final = ("--quiet", "--no-color", "--no-usage-report", "--address", "")


@dataclass(frozen=True, slots=True)
class ConstantRate:
    """So many requests a second, for so many seconds, on at most so many connections."""

    rate: int
    seconds: int
    connections: int


def k6(program: Path, url: str, body: str, asked: ConstantRate) -> Seen:
    """Posts the file's bytes at that rate."""
    variables = {
        "URL": url,
        "BODY": body,
        "RATE": asked.rate,
        "SECONDS": asked.seconds,
        "CONNECTIONS": asked.connections,
    }
    done = subprocess.run(
        [str(program), "run", *_QUIET, str(_SCRIPT)],
        env=os.environ | {name: str(value) for name, value in variables.items()},
        capture_output=True,
        text=True,
        check=True,
        timeout=asked.seconds + 120,
    )
    return read_k6(done.stdout, asked.seconds)


def read_k6(output: str, seconds: int) -> Seen:
    """What `constant_rate.js` prints at the end."""
    line = output.strip().rpartition("\n")[2]
    try:
        told = json.loads(line)
    except ValueError:
        raise RuntimeError(f"k6 said: {output}") from None
    return Seen(seconds=seconds, **told)
