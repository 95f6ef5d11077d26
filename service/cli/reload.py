"""`podium reload`: a look at the registry now."""

import sys

import click

from service.cli.found import admin_token, admin_url, advice
from service.cli.once import OnceCommand
from service.cli.options import ref_argument, url_option
from service.refs import ModelRef


@click.command(cls=OnceCommand)
@ref_argument
@url_option
@click.option(
    "--again",
    is_flag=True,
    help="Also try again a version that has given way to the one that was proven before it.",
)
def reload(ref: ModelRef, url: str | None, *, again: bool) -> None:
    """Ask the service to look at the registry now, and to try a refused version again.

    Asks with the admin token that PODIUM_ADMIN_TOKEN holds, or the file that
    PODIUM_ADMIN_TOKEN_FILE names.

    \b
    Exit status: 0 if the service does so; 1 if it refuses to; 2 if it does
    not follow that alias; 3 if no service answers.
    podium reload iris@champion --url http://127.0.0.1:8000
    """  # noqa: D301 - click wants a real backspace
    token = admin_token()
    from service.checks.admin import reload as run

    sys.exit(run(url or admin_url(), ref, token, again=again, advice=advice(url)))
