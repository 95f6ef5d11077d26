"""`podium doctor`: what is set up wrongly, before anybody meets it."""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click
from pydantic import BaseModel

from service.cli.exits import DONE, REFUSED
from service.cli.found import loaded, mlflow_of, stop
from service.cli.mistakes import mistakes
from service.cli.once import OnceCommand
from service.cli.registered import asking
from service.cli.report_files import HANDED_ON
from service.cli.told import ToldReport, emit, json_option, teller
from service.config.addresses import MlflowAddresses, is_web_address
from service.config.settings import Settings, variable
from service.config.variables import unknown_variables

if TYPE_CHECKING:
    from service.doctor.rights import AccountRole
    from service.doctor.trouble import Trouble

_ROLES = ("service", "validator", "promoter", "owner")


class TroubleFound(BaseModel):
    """One thing that is wrong: with what, a stable word for it, and a sentence that mends it."""

    subject: str
    code: str
    sentence: str


class DoctorReport(ToldReport):
    """The one JSON object of `podium doctor --json`."""

    troubles: Sequence[TroubleFound] = ()

    def lines(self) -> list[str]:
        """One for each, or that there is none."""
        told = [f"{each.subject}  {each.code}  {each.sentence}" for each in self.troubles]
        return told or ["nothing is wrong that could be looked for"]


@click.command(cls=OnceCommand)
@click.option(
    "--role",
    type=click.Choice(_ROLES),
    default="service",
    show_default=True,
    help="What the account of MLFLOW_TRACKING_USERNAME is for.",
)
@json_option
def doctor(role: "AccountRole", *, as_json: bool) -> None:
    """Name what is set up wrongly, each with what mends it; change nothing.

    Run it where the service runs, with its variables: addresses and credentials of MLflow, every
    model of PODIUM_MODELS looked up and read to its last byte, so that a missing READ on the model
    or on the experiment shows, and judged by the gates, packages among them. Then what a server
    tells: grants that match nothing, as one on prod.*; its clock; workspaces; the webhook's events,
    to an administrator. Then PODIUM_ variables and podium. tags that nothing reads, and aliases
    that PODIUM_ALIASES does not name. --role says what else the account should be allowed to.

    \b
    Exit status: 0 nothing was found; 1 something is wrong; 2 wrong use; 3 MLflow
    did not answer all that was asked.
    podium doctor --role promoter --json
    """  # noqa: D301 - click wants a real backspace
    settings, tell = loaded(), teller(as_json=as_json)
    addresses = mlflow_of(settings.home)
    server = "none" if addresses is None else _shown(addresses)
    tell(f"MLflow   {server}")
    blank = DoctorReport(server=server, status=DONE)
    with asking(blank, as_json=as_json):
        troubles = list(_all(settings, addresses, role))
    found = [
        TroubleFound(subject=each.subject, code=each.code, sentence=each.sentence)
        for each in troubles
    ]
    report = blank.model_copy(update={"status": REFUSED if found else DONE, "troubles": found})
    emit(report, as_json=as_json)
    sys.exit(report.status)


def _shown(addresses: MlflowAddresses) -> str:
    from service.config.addresses import shown

    workspace = os.environ.get("MLFLOW_WORKSPACE")
    address = shown(addresses.registry)
    return f"{address} workspace {workspace}" if workspace else address


def _all(
    settings: Settings, addresses: MlflowAddresses | None, role: "AccountRole"
) -> Iterator["Trouble"]:
    from service.doctor.trouble import Trouble

    names = [variable(name) for name in Settings.model_fields]
    for unknown in unknown_variables(os.environ, {*names, *HANDED_ON}):
        yield Trouble(unknown.name, "unknown_variable", str(unknown))
    wrong = mistakes(os.environ)
    for each in wrong:
        name, _, said = each.partition(": ")
        yield Trouble(name, "address_wrong", f"{name} {said}")
    if addresses is None:
        yield Trouble(
            "MLFLOW_TRACKING_URI", "no_registry", "Set MLFLOW_TRACKING_URI: none is named"
        )
    elif not wrong:
        yield from _of_mlflow(settings, addresses, role)


def _of_mlflow(
    settings: Settings, addresses: MlflowAddresses, role: "AccountRole"
) -> Iterator["Trouble"]:
    from service.cli.moving import environment_of
    from service.config.surroundings import BadSurroundings, surroundings
    from service.doctor.bytes_read import REGISTRY, troubles_of_models
    from service.promotion.dry_run_here import Here

    environment = environment_of(addresses)
    try:
        here = Here(settings, environment, surroundings(settings, os.environ))
    except BadSurroundings as error:
        stop(str(error))
    troubles = troubles_of_models(here)
    yield from troubles
    if not any(each.subject == REGISTRY for each in troubles):
        yield from _of_registry(settings, addresses, role)


def _of_registry(
    settings: Settings, addresses: MlflowAddresses, role: "AccountRole"
) -> Iterator["Trouble"]:
    from service.doctor.labels import unknown_aliases, unknown_tags
    from service.doctor.registered_labels import labels_in
    from service.registry.writer.writer import Writer

    found = labels_in(Writer(addresses), [ref.name for ref in settings.refs])
    for name, labels in found.items():
        if not settings.refs or name in {ref.name for ref in settings.refs}:
            yield from unknown_tags(name, labels.tags)
            for number, tags in labels.version_tags.items():
                yield from unknown_tags(f"{name} {number}", tags)
            yield from unknown_aliases(name, labels.aliases, settings.aliases)
    if is_web_address(addresses.registry):
        yield from _of_server(settings, addresses.registry, role, tuple(found))


def _of_server(
    settings: Settings, address: str, role: "AccountRole", models: Sequence[str]
) -> Iterator["Trouble"]:
    from service.doctor.asked_server import AskedServer
    from service.doctor.rights import idle_grants, missing_rights
    from service.doctor.webhook_events import troubles_of_webhooks

    server = AskedServer(address)
    yield from server.troubles()
    grants = server.grants()
    if grants is None:
        yield from troubles_of_webhooks(address) if settings.webhook_secret else ()
        return
    yield from idle_grants(grants, models)
    named = [ref.name for ref in settings.refs]
    yield from missing_rights(role, named, server.permission_on)
