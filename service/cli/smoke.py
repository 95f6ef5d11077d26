"""`podium smoke`: a running service, met as an application would."""

import os
import sys
from pathlib import Path

import click

from service.cli.found import advice, registry, service_url, stop
from service.cli.once import OnceCommand
from service.cli.options import url_option


@click.command(cls=OnceCommand)
@url_option
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the results as JUnit XML.",
)
def smoke(url: str | None, junit: Path | None) -> None:
    """Check a running service as an application would, and print what fails.

    Sends each slot its own input example and a request that must be refused; with PODIUM_API_KEY
    set, that key too. Versions are compared with the registry's where MLFLOW_REGISTRY_URI,
    MLFLOW_TRACKING_URI or a running `podium up` says where that is.

    \b
    Exit status: 0 if nothing failed, 1 if something did, 2 if no service answers.
    podium smoke --url http://127.0.0.1:8000 --junit smoke.xml
    """  # noqa: D301 - click wants a real backspace
    from service.checks.smoke import smoke as run

    key, registry_uri = _api_key(), registry()
    address = url or service_url()
    sys.exit(run(address, registry_uri=registry_uri, junit=junit, key=key, advice=advice(url)))


def _api_key() -> str | None:
    # No flag: everybody on a machine can read the command lines of its processes.
    key = os.environ.get("PODIUM_API_KEY") or None
    if key is not None and (not key.isascii() or not key.isprintable()):
        stop("PODIUM_API_KEY: must be printable ASCII characters")
    return key
