"""Webhooks of a real MLflow server, to a real service, that are not as they should be."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from re import Match
from typing import Final

from service.registry.webhooks.registration import EVENTS, Webhooks, route_of
from tests.doctor.ground import Broken, Ground
from tests.support.services import running_service

_SECRET: Final = "what-MLflow-and-Podium-share"
_SERVICE: Final = "https://podium.example"
_TYPED: Final = r"`podium webhook register --url \S+` mends it"


def _ask(ground: Ground) -> Webhooks:
    """Of a server of which nobody has made any."""
    ground.ask(ground.fixture("webhooks_server"))
    ground.variables["PODIUM_WEBHOOK_SECRET"] = _SECRET
    webhooks = Webhooks(ground.variables["MLFLOW_TRACKING_URI"])
    for each in webhooks.listed():
        webhooks.remove(each.id)
    return webhooks


def _type_it(ground: Ground, found: Match[str]) -> None:
    ground.type_what_is_told(found[0], URL=_SERVICE)


@contextmanager
def no_webhook(ground: Ground) -> Iterator[Broken]:
    """The service waits for what nobody sends."""
    _ask(ground)
    yield Broken("webhook", "webhook_missing", _TYPED, lambda found: _type_it(ground, found))


@contextmanager
def other_events(ground: Ground) -> Iterator[Broken]:
    """It is told of new versions, which change nothing, and of no alias that is deleted."""
    client = _ask(ground)._client
    events = [each for each in EVENTS if not each.endswith("alias.deleted")]
    client.create_webhook("mine", route_of(_SERVICE), ["model_version.created", *events])
    says = rf"not told of model_version_alias\.deleted: {_TYPED}"
    yield Broken("webhook", "webhook_events", says, lambda found: _type_it(ground, found))


@contextmanager
def switched_off(ground: Ground) -> Iterator[Broken]:
    """Somebody has disabled it."""
    client = _ask(ground)._client
    client.create_webhook("mine", route_of(_SERVICE), list(EVENTS), status="DISABLED")
    says = rf"is off: {_TYPED}"
    yield Broken("webhook", "webhook_inactive", says, lambda found: _type_it(ground, found))


@contextmanager
def other_secret(ground: Ground) -> Iterator[Broken]:
    """The service refuses what MLflow signs; MLflow's own test event shows it."""
    webhooks = _ask(ground)
    with contextlib.ExitStack() as ending:
        service = ending.enter_context(
            running_service(
                [ground.variables["PODIUM_MODELS"]],
                ground.variables["MLFLOW_TRACKING_URI"],
                ground.folder,
                PODIUM_WEBHOOK_SECRET=_SECRET,
            )
        )
        service.wait_until_ready()
        webhooks.register(service.url, "another-one-of-long-ago")
        ground.arguments += ["--url", service.url]
        says = rf"refuses MLflow's webhook, whose secret or time is another: {_TYPED}"
        yield Broken("webhook", "webhook_secret", says, lambda found: _type_it(ground, found))
