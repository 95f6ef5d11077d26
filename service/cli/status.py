"""`podium status`: what every slot serves, and why not."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from service.cli.found import admin_url, advice, loaded, mlflow_of
from service.cli.once import OnceCommand
from service.cli.options import url_option
from service.config.secrets import revealed
from service.refs import ModelRef

if TYPE_CHECKING:
    from service.checks.overview import UnfinishedMoves
    from service.config.addresses import MlflowAddresses


@click.command(cls=OnceCommand)
@url_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.option("--lenient", is_flag=True, help="Exit status 1 only where a slot is not ready.")
def status(url: str | None, *, as_json: bool, lenient: bool) -> None:
    """Show each slot: its version, since when, the version it should serve, its last failure.

    Where MLflow is named, as by MLFLOW_TRACKING_URI, also which moves of podium promote and podium
    rollback were begun and not finished, and what finishes them.

    \b
    Exit status: 0 if every slot serves what it should; 1 if one is empty, not
    ready, or refuses what its alias is on; 2 if no service answers.
    podium status --url http://127.0.0.1:8000 --json
    """  # noqa: D301 - click wants a real backspace
    from service.checks.overview import status as run

    token, address = revealed(loaded().admin_token), url or admin_url()
    found = run(
        address,
        as_json=as_json,
        lenient=lenient,
        token=token,
        advice=advice(url),
        unfinished=_unfinished(),
    )
    sys.exit(found)


def _unfinished() -> "UnfinishedMoves | None":
    """Who asks MLflow's journal; None where nobody says where MLflow is."""
    addresses = mlflow_of(loaded().home)
    if addresses is None:
        return None
    return lambda refs: _in_journal(addresses, refs)


def _in_journal(addresses: "MlflowAddresses", refs: Sequence[str]) -> Mapping[str, str]:
    from service.checks.overview import NoJournal
    from service.promotion.unfinished import unfinished
    from service.registry.writer.faults import Unreachable, WriteRefused
    from service.registry.writer.writer import Writer

    try:
        found = unfinished(Writer(addresses), [ModelRef.parse(ref) for ref in refs])
    except (WriteRefused, Unreachable) as error:
        raise NoJournal(str(error)) from error
    return {str(ref): sentence for ref, sentence in found.items()}
