"""`podium wait`: until a version serves."""

import sys

import click

from service.cli.found import advice, service_url
from service.cli.once import OnceCommand
from service.cli.options import SecondsRange, ref_argument, url_option, version_number
from service.refs import ModelRef


@click.command(cls=OnceCommand)
@ref_argument
@click.option(
    "--version",
    metavar="N",
    help="The version to wait for; unset: whatever the alias is on.",
    callback=version_number,
)
@click.option(
    "--timeout",
    type=SecondsRange(least=0),
    default=300.0,
    show_default=True,
    metavar="S",
    help="Seconds to wait at most.",
)
@url_option
def wait(ref: ModelRef, version: str | None, timeout: float, url: str | None) -> None:
    """Wait until NAME@ALIAS serves a version, or say why it does not.

    \b
    Exit status: 0 if it serves it; 1 if the service has refused it; 2 if the
    service does not follow that alias; 3 if neither is known in time.
    podium wait iris@champion --version 3 --timeout 120
    """  # noqa: D301 - click wants a real backspace
    from service.checks.wait import wait as run

    sys.exit(run(url or service_url(), ref, version, seconds=timeout, advice=advice(url)))
