"""What is known of a flavour's model before it is served, and who has it made."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks.flavours.environment import Environment
from benchmarks.flavours.flavour import Flavour

_ROOT: Final = Path(__file__).parents[2]
_MAKE_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Made:
    """Versions of its packages, and the processor time of one call of the model by itself."""

    versions: Mapping[str, str]
    alone_us: float


class NotMadeError(Exception):
    """A model could not be made; the message ends with the last line of why."""


def made(folder: Path, flavour: Flavour, where: Environment) -> Made:
    """Its model and case in the folder, by a process of its own; raises `NotMadeError`.

    Of its own, since libraries of several flavours bring OpenMP each, and a crash ends one alone.
    """
    command = (where.python, "-m", "benchmarks.flavours.making", str(folder), flavour.key)
    try:
        done = subprocess.run(
            command, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=_MAKE_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise NotMadeError("its model was not made in time") from None
    if done.returncode:
        why = done.stderr.strip().rpartition("\n")[2]
        raise NotMadeError(f"its model could not be made ({why})")
    return Made(**json.loads(_note(folder, flavour.key).read_text()))


def write_made(folder: Path, key: str, known: Made) -> None:
    """Notes it for `made`."""
    _note(folder, key).write_text(json.dumps(asdict(known)))


def _note(folder: Path, key: str) -> Path:
    return folder / f"made-{key}.json"
