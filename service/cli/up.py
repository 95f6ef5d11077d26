"""`podium up`: MLflow, a first model and the service on this machine."""

import sys
from typing import Any

import click

from service.cli.found import loaded_as
from service.cli.once import OnceCommand
from service.cli.options import models_option, setting, settings
from service.config.settings import LocalSettings
from service.local.settings import DEFAULT_MODELS, UpSettings


@click.command(cls=OnceCommand)
@models_option
@settings("host")
@setting("port", "Port of the service")  # 0, which `serve` takes, is nothing that can be told
@setting("admin_port", "Port of its own for the console and what is for the operator; unset: none")
@settings("tracking_port", "home")
@click.option("--open", "opens", is_flag=True, help="Show the console in a browser.")
def up(*, opens: bool, **flags: Any) -> None:
    """Run MLflow, a first iris model and the service on this machine.

    Serves basic_lr_iris_model@champion, or each --model. That of iris is trained if it does not
    exist yet; others are served once they are registered. Prints what to try, and ends everything
    on Ctrl-C.

    \b
    podium up --port 8001 --tracking-port 8081
    """  # noqa: D301 - click wants a real backspace
    given = loaded_as(LocalSettings, flags)
    if given.patterns:
        raise click.UsageError("`podium up` serves models by name; `podium serve` takes patterns.")
    from service.local.up import up as run

    sys.exit(run(_up_settings(given), opens=opens))


def _up_settings(settings: LocalSettings) -> UpSettings:
    return UpSettings(
        settings.home,
        settings.host,
        settings.port,
        settings.tracking_port,
        settings.drain_seconds,
        makes_token=settings.admin_token is None,
        models=settings.refs or DEFAULT_MODELS,
        admin_port=settings.admin_port,
    )
