"""The flavours' own environment below `.podium-bench/`: Podium, and one flavour after the other.

uv makes it, or, where uv is not there or fails, venv and pip. It is made anew when a pin changes.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.flavours.flavour import TORCH, Flavour
from benchmarks.tools import CACHE, Tell, succeeds

_ROOT: Final = Path(__file__).parents[2]
_PINS: Final = (_ROOT / "constraints.txt", _ROOT / "benchmarks" / "flavours.txt")
_CONSTRAINTS: Final = tuple(word for pins in _PINS for word in ("--constraint", str(pins)))
_FOLDER: Final = CACHE / "flavours"
_BASE: Final = "podium"
_ASK_SECONDS: Final = 300
_CUDA: Final = ("nvidia-", "cuda-")


class NotInstalledError(Exception):
    """Something could not be had; the message says what, and why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where both servers run, and where models are made."""

    folder: Path

    @property
    def programs(self) -> Path:
        """The folder with `podium` and `mlflow`."""
        return self.folder / "bin"

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.programs / "python")

    def add(self, flavour: Flavour, *, with_torch: bool) -> None:
        """What the flavour needs is there afterwards; raises `NotInstalledError`."""
        if not flavour.packages or self.has(flavour.key):
            return
        torch = TORCH in flavour.packages
        if torch and not with_torch:
            self._refuse_cuda()
        # A wheel for processors alone is often in a place that only pip's configuration names.
        if not self.install(flavour.packages, by_uv=not torch):
            raise NotInstalledError("it could not be installed")
        self.note(flavour.key)

    def install(self, arguments: Sequence[str], *, by_uv: bool = True) -> bool:
        """Whether these are installed, within the pins."""
        wanted = ("install", "--quiet", *_CONSTRAINTS, *arguments)
        uv = _uv() if by_uv else None
        if uv and succeeds(uv, "pip", *wanted, "--python", self.python):
            return True
        return succeeds(self.python, "-m", "pip", *wanted)

    def has(self, part: str) -> bool:
        """Whether that part was noted, with the pins of today."""
        done = self._done(part)
        return done.exists() and done.read_text() == _pins()

    def note(self, part: str) -> None:
        """It is not installed again."""
        self._done(part).write_text(_pins())

    def _done(self, part: str) -> Path:
        return self.folder / f".done-{part}"

    def _refuse_cuda(self) -> None:
        asked = ("install", "--dry-run", "--quiet", "--report", "-", *_CONSTRAINTS, TORCH)
        try:
            done = subprocess.run(
                (self.python, "-m", "pip", *asked),
                stdout=subprocess.PIPE,
                check=True,
                timeout=_ASK_SECONDS,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.SubprocessError:
            raise NotInstalledError("there is no telling what pip would install") from None
        if brings_cuda(json.loads(done.stdout)):
            raise NotInstalledError(
                "pip would install several GB of CUDA libraries with it; --with-torch lets it"
            )


def brings_cuda(report: Any) -> bool:
    """Whether a report of `pip install` has libraries for CUDA in it."""
    names = (each["metadata"]["name"].lower() for each in report["install"])
    return any(name.startswith(_CUDA) for name in names)


def environment(tell: Tell) -> Environment:
    """With Podium of this checkout in it; raises `NotInstalledError`."""
    found = Environment(_FOLDER)
    if not found.has(_BASE):
        tell(f"Installing Podium into {_FOLDER.relative_to(_ROOT)} ...")
        if not (_created(found) and found.install(("--editable", str(_ROOT)))):
            raise NotInstalledError("Podium could not be installed into an environment of its own")
        found.note(_BASE)
    return found


def _created(wanted: Environment) -> bool:
    shutil.rmtree(wanted.folder, ignore_errors=True)
    wanted.folder.parent.mkdir(exist_ok=True)
    uv, folder = _uv(), str(wanted.folder)
    # With pip in it: see `add`.
    if uv and succeeds(uv, "venv", "--quiet", "--seed", "--python", sys.executable, folder):
        return True
    return succeeds(sys.executable, "-m", "venv", "--clear", folder)


def _uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def _pins() -> str:
    return "".join(pins.read_text() for pins in _PINS)
