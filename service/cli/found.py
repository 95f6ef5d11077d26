"""What a command finds out before its work: the settings in force, MLflow, the service, secrets.

What cannot be found ends the command with one line that says what to set.
"""

import os
import sys
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from service.cli.mistakes import mistakes
from service.cli.options import USAGE_ERROR
from service.config.addresses import MlflowAddresses
from service.config.secrets import revealed
from service.config.settings import BadSettings, Settings, load_as
from service.local.running import read_running
from service.local.settings import callable_url

_Settings = TypeVar("_Settings", bound=Settings)


def stop(problem: str, status: int = USAGE_ERROR) -> NoReturn:
    """Ends the command with one line on stderr."""
    click.echo(f"podium: {problem}", err=True)
    sys.exit(status)


def loaded(flags: dict[str, Any] | None = None) -> Settings:
    """The service's settings in force."""
    return loaded_as(Settings, flags or {})


def loaded_as(kind: type[_Settings], flags: dict[str, Any]) -> _Settings:
    """The settings of that kind in force."""
    try:
        return load_as(kind, flags)
    except BadSettings as error:
        stop(str(error))


def stop_for_mistakes() -> None:
    """Ends where MLflow's variables are written so that they can mean nothing else."""
    if wrong := mistakes(os.environ):
        stop("; ".join(wrong))


def mlflow_of(home: Path) -> MlflowAddresses | None:
    """MLflow's addresses, by its own variables, else those of a running `podium up`."""
    named = MlflowAddresses.named_in(os.environ)
    running = None if named else read_running(home)
    return MlflowAddresses(running.tracking_uri, running.tracking_uri) if running else named


def registry() -> str | None:
    """MLflow's registry, named by its own variables, else that of a running `podium up`."""
    stop_for_mistakes()
    mlflow = mlflow_of(loaded().home)
    return None if mlflow is None else mlflow.registry


def service_url() -> str:
    """That of a running `podium up`, else where a service listens by default."""
    settings = loaded()
    running = read_running(settings.home)
    return running.service_url if running else callable_url(settings.host, settings.port)


def admin_url() -> str:
    """The same for what the admin token asks for, which may have a port of its own."""
    settings = loaded()
    running = read_running(settings.home)
    if running is not None:
        return running.admin_url or running.service_url
    port = settings.port if settings.admin_port is None else settings.admin_port
    return callable_url(settings.host, port)


def advice(url: str | None) -> str:
    """For somebody who has not said where the service is."""
    return "" if url else "; give --url, or start one with `podium up`"


def admin_token() -> str:
    """That of PODIUM_ADMIN_TOKEN, or of its file."""
    token = revealed(loaded().admin_token)
    if token is not None:
        return token
    stop(
        "with which admin token? Set PODIUM_ADMIN_TOKEN, or PODIUM_ADMIN_TOKEN_FILE: "
        "`podium up` keeps its own in .podium/admin-token."
    )
