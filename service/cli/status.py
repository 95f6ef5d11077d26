"""`podium status`: what every slot serves, and why not."""

import sys

import click

from service.cli.found import advice, loaded, revealed, service_url
from service.cli.once import OnceCommand
from service.cli.options import url_option


@click.command(cls=OnceCommand)
@url_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.option("--lenient", is_flag=True, help="Exit status 1 only where a slot is not ready.")
def status(url: str | None, *, as_json: bool, lenient: bool) -> None:
    """Show each slot: its version, since when, the version it should serve, its last failure.

    \b
    Exit status: 0 if every slot serves what it should; 1 if one is empty, not
    ready, or refuses what its alias is on; 2 if no service answers.
    podium status --url http://127.0.0.1:8000 --json
    """  # noqa: D301 - click wants a real backspace
    from service.checks.overview import status as run

    token, address = revealed(loaded().admin_token), url or service_url()
    sys.exit(run(address, as_json=as_json, lenient=lenient, token=token, advice=advice(url)))
