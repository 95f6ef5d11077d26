"""`podium webhook`: MLflow's side of the webhook, from the command line."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import click

from service.cli.found import loaded, registry, service_url, stop
from service.cli.mistakes import mistake_in
from service.cli.once import OnceCommand
from service.config.addresses import MlflowAddresses, is_web_address, shown, shown_registry
from service.config.secrets import revealed
from service.following.sentences import plain

if TYPE_CHECKING:
    from service.registry.webhooks.registration import Tried, Webhooks

_FORBIDDEN, _NOT_FOUND = 403, 404

_url = click.option(
    "--url",
    metavar="URL",
    help="The service's address, as MLflow reaches it.  [default: that of a running "
    "`podium up`, else http://127.0.0.1:8000]",
)


def _found(given: str | None) -> str:
    address = given or service_url()
    wrong = mistake_in(address)
    if wrong is not None:
        stop(f"--url: {plain(wrong)}")
    if not is_web_address(address):
        stop("--url: that is not an address; one is written http://HOST:PORT")
    return address


@click.group()
def webhook() -> None:
    """Have MLflow tell a service at once when an alias has moved.

    The service takes webhooks if PODIUM_WEBHOOK_SECRET is set; the same secret is given to
    MLflow. MLflow is the one that MLFLOW_TRACKING_URI, MLFLOW_REGISTRY_URI or a running
    `podium up` names.

    \b
    PODIUM_WEBHOOK_SECRET=... podium webhook register --url https://podium.example
    """  # noqa: D301 - click wants a real backspace


@webhook.command(cls=OnceCommand)
@_url
def register(url: str | None) -> None:
    """Make the service's webhook, or give an older one the secret.

    \b
    PODIUM_WEBHOOK_SECRET=... podium webhook register --url https://podium.example
    """  # noqa: D301 - click wants a real backspace
    address, secret = _found(url), revealed(loaded().webhook_secret)
    if secret is None:
        stop("which secret? Set PODIUM_WEBHOOK_SECRET, as the service has it.")
    _run(lambda webhooks: _register(webhooks, address, secret))


@webhook.command(name="list", cls=OnceCommand)
def list_all() -> None:
    """Show all webhooks that MLflow has.

    \b
    MLFLOW_TRACKING_URI=http://127.0.0.1:8080 podium webhook list
    """  # noqa: D301 - click wants a real backspace
    _run(_list)


@webhook.command(cls=OnceCommand)
@click.argument("webhook_id", required=False)
@_url
def test(webhook_id: str | None, url: str | None) -> None:
    """Have MLflow send its test event: to that webhook, or to the service's.

    \b
    podium webhook test --url https://podium.example
    """  # noqa: D301 - click wants a real backspace
    address = "" if webhook_id else _found(url)
    _run(lambda webhooks: _test(webhooks, _chosen(webhooks, webhook_id, address)))


@webhook.command(cls=OnceCommand)
@click.argument("webhook_id", required=False)
@_url
def remove(webhook_id: str | None, url: str | None) -> None:
    """Remove that webhook, or the service's.

    \b
    podium webhook remove --url https://podium.example
    """  # noqa: D301 - click wants a real backspace
    address = "" if webhook_id else _found(url)
    _run(lambda webhooks: _remove(webhooks, _chosen(webhooks, webhook_id, address)))


def _run(work: Callable[["Webhooks"], int]) -> NoReturn:
    uri = registry()
    if uri is None or not is_web_address(uri):
        stop(
            "which MLflow? Webhooks are sent by a server: set MLFLOW_TRACKING_URI, as in "
            "MLFLOW_TRACKING_URI=http://127.0.0.1:8080, or start one with `podium up`."
        )
    click.echo(f"MLflow   {shown_registry(MlflowAddresses(uri, uri), os.environ)}")
    from service.registry.webhooks.registration import WebhookProblem, Webhooks

    try:
        status = work(Webhooks(uri))
    except WebhookProblem as problem:
        stop(plain(str(problem)), 1)
    sys.exit(status)


def _register(webhooks: "Webhooks", address: str, secret: str) -> int:
    made, new = webhooks.register(address, secret)
    click.echo(f"webhook  {made.id} {'registered' if new else 'renewed'}")
    click.echo(f"  to     {plain(shown(made.url))}")
    click.echo(f"  events {', '.join(made.events)}")
    click.echo(
        "MLflow may miss events for its first minute. Without MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY "
        "on the\nMLflow server, the secret is lost when that starts anew. "
        "Try it: podium webhook test"
    )
    return 0


def _list(webhooks: "Webhooks") -> int:
    for each in webhooks.listed():
        state = "active" if each.active else "disabled"
        click.echo(f"{plain(each.id)}  {state}  {plain(shown(each.url))}  {', '.join(each.events)}")
    return 0


def _chosen(webhooks: "Webhooks", webhook_id: str | None, address: str) -> list[str]:
    if webhook_id:
        return [webhook_id]
    ids = [each.id for each in webhooks.of(address)]
    if not ids:
        stop(plain(f"MLflow has no webhook for {shown(address)}; see podium webhook list"), 1)
    return ids


def _test(webhooks: "Webhooks", ids: list[str]) -> int:
    results = {webhook_id: webhooks.test(webhook_id) for webhook_id in ids}
    for webhook_id, result in results.items():
        click.echo(f"{plain(webhook_id)}  {plain(_told(result))}")
    return int(not all(result.delivered for result in results.values()))


def _told(result: "Tried") -> str:
    if result.status is None:
        return f"not delivered: {result.error[:300]}"
    advice = {
        _FORBIDDEN: ": the service has another PODIUM_WEBHOOK_SECRET, or another time",
        _NOT_FOUND: ": the service has no PODIUM_WEBHOOK_SECRET, or is not a Podium",
    }.get(result.status, "")
    return f"{'delivered' if result.delivered else 'refused'} ({result.status}){advice}"


def _remove(webhooks: "Webhooks", ids: list[str]) -> int:
    for webhook_id in ids:
        webhooks.remove(webhook_id)
        click.echo(f"{plain(webhook_id)}  removed")
    return 0
