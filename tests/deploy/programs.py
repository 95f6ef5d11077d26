"""Programs that read what `deploy` holds: `make test-deploy` brings those that are missing."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.support.documents import ROOT

_BROUGHT: Final = ROOT / ".venv/programs/usr"
_PATHS: Final = (*(str(_BROUGHT / each) for each in ("bin", "sbin")), os.environ.get("PATH", ""))

needs_programs = pytest.mark.skipif(
    "TEST_DEPLOY" not in os.environ, reason="make test-deploy brings prometheus, nginx and kubectl"
)


def program(name: str) -> str:
    """Where it is. Raises AssertionError, which says how it is to be had."""
    found = shutil.which(name, path=os.pathsep.join((*_PATHS, "/usr/sbin")))
    assert found is not None, f"{name} is not there: make test-deploy brings it"
    return found


def run(name: str, *arguments: str, folder: Path = ROOT) -> str:
    """What it prints; fails with what it says where its exit status is another one than 0."""
    command: Sequence[str] = [program(name), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout
