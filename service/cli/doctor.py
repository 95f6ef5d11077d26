"""`podium doctor`: what is set up wrongly, before anybody meets it."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click
from pydantic import BaseModel

from service.cli.found import mlflow_of, stop
from service.cli.mistakes import mistakes
from service.cli.once import OnceCommand
from service.cli.options import urls_option
from service.cli.registered import asking
from service.cli.report_files import HANDED_ON
from service.cli.told import ToldReport, emit, json_option, teller
from service.config.addresses import MlflowAddresses, is_web_address, shown, shown_registry
from service.config.settings import BadSettings, Settings, load_settings, variable
from service.config.variables import unknown_variables
from service.exits import DONE, REFUSED

if TYPE_CHECKING:
    from service.doctor.rights import AccountRole
    from service.doctor.trouble import Trouble

_ROLES = ("service", "validator", "promoter", "owner")
# Of one model; any other fault of a look is everybody's.
_FORBIDDEN: Final = "registry_forbidden"


class TroubleFound(BaseModel):
    """One thing that is wrong: with what, a stable word for it, and a sentence that mends it."""

    subject: str
    code: str
    sentence: str


class DoctorReport(ToldReport):
    """The one JSON object of `podium doctor --json`.

    `code` is `told`, or why not all was asked that was to be, which `sentence` says.
    """

    troubles: Sequence[TroubleFound] = ()

    def lines(self) -> list[str]:
        """One for each, or that there is none."""
        told = [f"{each.subject}  {each.code}  {each.sentence}" for each in self.troubles]
        told += [self.sentence] if self.sentence else []
        return told or ["nothing is wrong that could be looked for"]


@click.command(cls=OnceCommand)
@click.option(
    "--role",
    type=click.Choice(_ROLES),
    default="service",
    show_default=True,
    help="What the account of MLFLOW_TRACKING_USERNAME is for.",
)
@urls_option
@json_option
def doctor(role: "AccountRole", urls: tuple[str, ...], *, as_json: bool) -> None:
    """Name what is set up wrongly, each with what mends it; change nothing.

    Run it where the service runs, with its variables: PODIUM_HOME, addresses and credentials of
    MLflow, every model of PODIUM_MODELS looked up and read to its last byte, so that a missing READ
    on the model or on the experiment shows, and judged by the gates, packages among them. Then what
    a server tells: grants that match nothing, as one on prod.*; its clock; the webhook's events, to
    an administrator. Then PODIUM_ variables and podium. tags that nothing reads, tags that
    nobody can follow or would see late, and aliases that PODIUM_ALIASES does not name. --role says
    what else the account should be allowed to. With --url that service has to answer, and its
    webhook to be there: MLflow sends it its test event.

    \b
    Exit status: 0 nothing was found; 1 something is wrong, be it that MLflow
    does not answer; 2 wrong use; 3 it has answered and then no more, and
    nothing was found until then: try again.
    podium doctor --role promoter --json
    """  # noqa: D301 - click wants a real backspace
    tell = teller(as_json=as_json)
    try:
        settings = load_settings({})
    except BadSettings as error:
        wrong = [TroubleFound(subject="settings", code="setting_wrong", sentence=str(error))]
        emit(DoctorReport(server="none", status=REFUSED, troubles=wrong), as_json=as_json)
        sys.exit(REFUSED)
    addresses = mlflow_of(settings.home)
    server = "none" if addresses is None else shown_registry(addresses, os.environ)
    tell(f"MLflow   {server}")
    blank = DoctorReport(server=server, status=DONE)
    with asking(blank, as_json=as_json):
        told = _told(_all(settings, addresses, role, urls))
    report = blank.model_copy(update=told)
    emit(report, as_json=as_json)
    sys.exit(report.status)


def _told(troubles: Iterable["Trouble"]) -> Mapping[str, Any]:
    """What is found, also where MLflow ends it; raises as that does where nothing was."""
    from service.registry.writer.faults import Unreachable, WriteRefused

    found: list[TroubleFound] = []
    told = {"status": REFUSED, "troubles": found}
    try:
        for each in troubles:
            found.append(  # noqa: PERF401 - what was found counts also where the rest raises
                TroubleFound(subject=each.subject, code=each.code, sentence=each.sentence)
            )
    except (Unreachable, WriteRefused) as error:
        if not found:
            raise
        code = "unreachable" if isinstance(error, Unreachable) else "refused_by_mlflow"
        return told | {"code": code, "sentence": f"Not all could be asked: {error}"}
    return told if found else {}


def _all(
    settings: Settings,
    addresses: MlflowAddresses | None,
    role: "AccountRole",
    urls: Sequence[str],
) -> Iterator["Trouble"]:
    from service.doctor.home_room import troubles_of_home
    from service.doctor.trouble import Trouble

    names = [variable(name) for name in Settings.model_fields]
    for unknown in unknown_variables(os.environ, {*names, *HANDED_ON}):
        yield Trouble(unknown.name, "unknown_variable", str(unknown))
    yield from troubles_of_home(settings.home)
    yield from _of_services(urls)
    wrong = mistakes(os.environ)
    for each in wrong:
        name, _, said = each.partition(": ")
        yield Trouble(name, "address_wrong", f"{name} {said}")
    if addresses is None:
        said = "Set MLFLOW_TRACKING_URI=http://HOST:PORT: no MLflow is named."
        yield Trouble("MLFLOW_TRACKING_URI", "no_registry", said)
    elif not wrong:
        yield from _of_mlflow(settings, addresses, role, urls)


def _of_services(urls: Sequence[str]) -> Iterator["Trouble"]:
    from service.checks.result import NoService
    from service.checks.serving import served
    from service.doctor.trouble import Trouble

    for url in urls:
        try:
            served(url, ())
        except NoService as error:
            said = f"{shown(url)}: {error}; start the service, or correct --url."
            yield Trouble(shown(url), "service_unreachable", said)


def _of_mlflow(
    settings: Settings, addresses: MlflowAddresses, role: "AccountRole", urls: Sequence[str]
) -> Iterator["Trouble"]:
    from service.cli.moving import environment_of
    from service.config.surroundings import BadSurroundings, surroundings
    from service.doctor.bytes_read import troubles_of_models
    from service.promotion.dry_run_here import Here

    environment = environment_of(addresses)
    try:
        here = Here(settings, environment, surroundings(settings, os.environ))
    except BadSurroundings as error:
        stop(str(error))
    troubles = [_explained(each, addresses) for each in troubles_of_models(here)]
    yield from troubles
    # Whatever else is asked would meet the same.
    if not {each.code for each in troubles if each.code.startswith("registry_")} - {_FORBIDDEN}:
        yield from _of_labels(settings, addresses, role, urls)


def _explained(trouble: "Trouble", addresses: MlflowAddresses) -> "Trouble":
    """MLflow's server with accounts fails at a token, and says nothing of it."""
    from service.doctor.asked_server import AskedServer
    from service.doctor.trouble import Trouble

    failed = trouble.code == "registry_refused" and is_web_address(addresses.registry)
    by_token = (
        "MLFLOW_TRACKING_TOKEN" in os.environ and "MLFLOW_TRACKING_USERNAME" not in os.environ
    )
    if failed and by_token and AskedServer(addresses.registry).takes_names_alone():
        said = (
            "The server takes names and passwords, and fails at a token: set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead of "
            "MLFLOW_TRACKING_TOKEN."
        )
        return Trouble(trouble.subject, "registry_unauthenticated", said)
    return trouble


def _of_labels(
    settings: Settings, addresses: MlflowAddresses, role: "AccountRole", urls: Sequence[str]
) -> Iterator["Trouble"]:
    from service.doctor.labels import unknown_aliases, unknown_model_tags, unknown_version_tags
    from service.doctor.registered_labels import labels_in
    from service.doctor.rollouts import troubles_of_rollout
    from service.registry.writer.writer import Writer

    found = labels_in(Writer(addresses), [ref.name for ref in settings.refs])
    for name, labels in found.items():
        if not settings.refs or name in {ref.name for ref in settings.refs}:
            yield from unknown_model_tags(name, labels.tags)
            for number, tags in labels.version_tags.items():
                yield from unknown_version_tags(name, number, tags)
            yield from unknown_aliases(name, labels.aliases, settings.aliases)
            yield from troubles_of_rollout(name, labels, settings.poll_seconds, datetime.now(UTC))
    if is_web_address(addresses.registry):
        yield from _of_server(settings, addresses.registry, role, tuple(found))
        yield from _of_webhooks(settings, addresses.registry, urls)


def _of_server(
    settings: Settings, address: str, role: "AccountRole", models: Sequence[str]
) -> Iterator["Trouble"]:
    from service.doctor.asked_server import AskedServer
    from service.doctor.rights import idle_grants, missing_rights

    server = AskedServer(address)
    yield from server.troubles()
    grants = server.grants()
    if grants is None:
        return
    yield from idle_grants(grants, models)
    named = [ref.name for ref in settings.refs]
    yield from missing_rights(role, named, server.permission_on)


def _of_webhooks(settings: Settings, address: str, urls: Sequence[str]) -> Iterator["Trouble"]:
    from service.doctor.webhook_events import troubles_of_webhooks

    if settings.webhook_secret is not None:
        yield from troubles_of_webhooks(address, urls)
