"""The command lines of Podium itself: those that `up` starts, and those that people paste."""

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from service.config.settings import without_secrets
from service.local.child import Command
from service.local.settings import LOOPBACK, UpSettings

_PODIUM = (sys.executable, "-P", "-m", "service")
_FIRST_VERSION = (sys.executable, "-P", "-m", "service.local.first_version")
_DEFAULT_HOME = Path(".podium")
# Its log lines are what `up` tells the person at the terminal.
_READ_BY_UP: Final = {"PODIUM_LOG_FORMAT": "json", "PODIUM_LOG_LEVEL": "info"}
# Where one is, who asks, and how: tokens, certificates, a workspace.
_OF_AN_MLFLOW = ("MLFLOW_TRACKING_", "MLFLOW_REGISTRY_", "MLFLOW_WORKSPACE")
# After it has answered what it had begun, the service ends its own children.
_ENDING_SECONDS = 10.0


def training_command(settings: UpSettings) -> Command:
    """Trains a version, judges it, and gives it the alias that is added as `--alias`.

    It writes where `up` writes, so that progress is seen.
    """
    environment = without_secrets(_environment(settings))
    return Command("The training", _FIRST_VERSION, environment)


def service_command(settings: UpSettings, on_line: Callable[[bytes], None]) -> Command:
    """The service, following every model that is asked for."""
    return Command(
        "The service",
        (*_PODIUM, "serve", *model_flags(settings)),
        _environment(settings) | _READ_BY_UP | _token(settings),
        log=settings.logs / "service.log",
        on_line=on_line,
        grace=settings.drain_seconds + _ENDING_SECONDS,
    )


def model_flags(settings: UpSettings) -> list[str]:
    """`--model NAME@ALIAS` for each of them; a name that itself has an @ as a whole address."""
    written = (f"models:/{ref}" if "@" in ref.name else str(ref) for ref in settings.models)
    return [word for text in written for word in ("--model", text)]


def _token(settings: UpSettings) -> dict[str, str]:
    token = settings.admin_token
    return {} if token is None else {"PODIUM_ADMIN_TOKEN_FILE": str(token.resolve())}


def _environment(settings: UpSettings) -> dict[str, str]:
    """What is inherited, with the addresses of this `up` in place of others.

    Its MLflow asks for no account, and is on this machine: what leads to another one is left out.
    """
    inherited = {name: value for name, value in os.environ.items() if not _is_of_another(name)}
    return inherited | {
        **dict.fromkeys(("no_proxy", "NO_PROXY"), _near(inherited)),
        "MLFLOW_TRACKING_URI": settings.tracking_uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PODIUM_HOME": str(settings.home.resolve()),
        "PODIUM_HOST": settings.host,
        "PODIUM_PORT": str(settings.port),
        **({} if settings.admin_port is None else {"PODIUM_ADMIN_PORT": str(settings.admin_port)}),
    }


def _is_of_another(name: str) -> bool:
    return name.startswith(_OF_AN_MLFLOW) or name == "PODIUM_MODELS"


def _near(inherited: Mapping[str, str]) -> str:
    named = inherited.get("no_proxy") or inherited.get("NO_PROXY") or ""
    return ",".join([*filter(None, [named]), LOOPBACK, "localhost"])


def pasted(arguments: str, home: Path = _DEFAULT_HOME, **environment: str) -> str:
    """A line for a shell in this folder that runs `podium` with these arguments.

    A home that is not the default one is named in front, as is every other variable given.
    """
    if home != _DEFAULT_HOME and home.resolve() != _DEFAULT_HOME.resolve():
        environment = {"PODIUM_HOME": str(home), **environment}
    variables = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    return " ".join([*variables, _program(), arguments])


def _program() -> str:
    """`.venv/bin/podium` in a checkout, else the console command beside this interpreter."""
    installed = Path(sys.executable).with_name("podium")
    if not installed.exists():
        return shlex.join(_PODIUM)
    here = Path.cwd()
    near = installed.relative_to(here) if installed.is_relative_to(here) else installed
    return shlex.quote(str(near))
