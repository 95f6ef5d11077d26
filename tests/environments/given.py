"""What tests of environments are given: settings that know one index and no others, and wishes."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.environments.build_settings import EnvironmentSettings
from service.environments.environment import EnvironmentWish
from service.environments.environments import Environments

PYTHON = ".".join(map(str, sys.version_info[:3]))
LOGGED = datetime(2024, 6, 1, tzinfo=UTC)
SECONDS = 200


def settings(folder: Path, url: str = "http://127.0.0.1:1", **others: Any) -> EnvironmentSettings:
    """Everything below that folder, where there is no pip.conf either."""
    home = folder / "no-home"
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "XDG_CONFIG_DIRS": str(home),
        "PIP_CONFIG_FILE": os.devnull,
        "UV_DEFAULT_INDEX": url,
        "UV_HTTP_RETRIES": "0",
        **others.pop("environment", {}),
    }
    return EnvironmentSettings(folder / "environments", builder_environment=environment, **others)


def wish(*requirements: str, **others: Any) -> EnvironmentWish:
    """Of a version that was logged in this Python, on that day."""
    given = {"python": PYTHON, "cut_off": LOGGED, "mlflow": "2.20.0", **others}
    return EnvironmentWish(requirements=requirements, **given)


@contextlib.asynccontextmanager
async def environments(given: EnvironmentSettings) -> AsyncIterator[Environments]:
    """Closed at the end."""
    made = Environments(given)
    try:
        async with asyncio.timeout(SECONDS):
            yield made
    finally:
        await made.close()


def processes_below(folder: Path) -> list[int]:
    """That name it in their command line, or were started in it."""
    found = []
    for each in Path("/proc").iterdir():
        if each.name.isdecimal() and int(each.name) != os.getpid():
            with contextlib.suppress(OSError):
                command = (each / "cmdline").read_bytes()
                if str(folder).encode() in command or (each / "cwd").readlink().is_relative_to(
                    folder
                ):
                    found.append(int(each.name))
    return found
