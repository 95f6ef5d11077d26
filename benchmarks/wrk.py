"""wrk: as many requests as the server answers, on so many connections."""

import json
import os
import subprocess
from pathlib import Path
from typing import Final

from benchmarks.loads import Seen

_SCRIPT: Final = Path(__file__).with_name("post.lua")


def wrk(url: str, body: str, connections: int, seconds: int, json_bytes: int | None = None) -> Seen:
    """Posts the file's bytes again and again: each connection waits for its answer first.

    Of named tensors so many bytes are JSON, where raw ones follow.
    """
    length = {} if json_bytes is None else {"WRK_JSON_BYTES": str(json_bytes)}
    options = ["--threads", "1", "--connections", str(connections), "--timeout", "30s"]
    done = subprocess.run(
        [
            "/usr/bin/env",
            "wrk",
            *options,
            "--duration",
            f"{seconds}s",
            "--script",
            str(_SCRIPT),
            url,
        ],
        env=os.environ | {"WRK_BODY": body} | length,
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
    )
    return read_wrk(done.stdout)


def read_wrk(output: str) -> Seen:
    """What `post.lua` prints at the end, below wrk's own words."""
    line = output.strip().rpartition("\n")[2]
    try:
        told = json.loads(line)
    except ValueError:
        raise RuntimeError(f"wrk said: {output}") from None
    return Seen(
        requests=told["requests"],
        seconds=told["duration_us"] / 1e6,
        p50_ms=told["p50_us"] / 1e3,
        p99_ms=told["p99_us"] / 1e3,
        failed=told["failed"],
    )
