"""Asks a service by other people's clients, and says what each call came to.

make interop             tritonclient (HTTP, asyncio), kserve's REST client, MLServer's types, curl
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from benchmarks.tools import find_environment
from tests.interop.serving import serving

_HERE: Final = Path(__file__).parent
_SECONDS: Final = 600
_IRIS: Final = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")


@click.command()
def main() -> None:
    """Exit with 1 if any call has failed."""
    console = Console(stderr=True)
    clients = {
        "interop": find_environment(_HERE / "interop.txt", console.print),
        "mlserver": find_environment(_HERE.parents[1] / "benchmarks/mlserver.txt", console.print),
    }
    failed = 0
    with tempfile.TemporaryDirectory() as text:
        console.print("Starting a service ...")
        with serving(Path(text)) as service:
            for name, script in (("interop", "asking"), ("mlserver", "asking_as_mlserver")):
                python = clients[name]
                if python is None:
                    raise click.ClickException(f"the environment {name} cannot be installed")
                failed += _told(_run([str(python), str(_HERE / f"{script}.py"), service.url]))
            failed += _told(_curl(service.url))
    sys.exit(1 if failed else 0)


def _run(command: Sequence[str]) -> Iterator[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    yield from done.stdout.splitlines()
    if done.returncode:
        yield f"FAILED {command[1]}: {done.stderr[-2000:]}"


def _told(lines: Iterator[str]) -> int:
    failed = 0
    for line in lines:
        click.echo(line)
        failed += line.startswith("FAILED")
    return failed


def _curl(url: str) -> Iterator[str]:
    """As people try it."""
    if shutil.which("curl") is None:
        yield "left out: curl is not there"
        return
    inputs = [
        {"name": name, "shape": [1], "datatype": "FP64", "data": [value]}
        for name, value in zip(_IRIS, (5.1, 3.5, 1.4, 0.2), strict=True)
    ]
    right = ["curl", "-sS", "-d", json.dumps({"inputs": inputs}), f"{url}/v2/models/iris/infer"]
    yield from _curled(right, "curl, a form's media type", '"data":[0]')
    yield from _curled([*right[:3], "{", right[4]], "curl, a broken body", '{"error":')


def _curled(command: Sequence[str], said: str, wanted: str) -> Iterator[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    yield f"{'passed' if wanted in done.stdout else 'FAILED'} {said}: {done.stdout[:200]}"


if __name__ == "__main__":
    main()
