"""Webhooks that go to a Podium, and do not tell it all that it should know."""

from collections.abc import Collection, Iterator, Sequence
from http import HTTPStatus
from typing import Final

from service.config.addresses import shown
from service.doctor.trouble import Trouble
from service.registry.webhooks.registration import (
    EVENTS,
    Registered,
    Tried,
    WebhookProblem,
    Webhooks,
    route_of,
)

_ROUTE: Final = route_of("")


def troubles_of_webhooks(registry_uri: str, urls: Collection[str] = ()) -> Iterator[Trouble]:
    """Of those that go to these services, each of which MLflow sends its test event to.

    Of every one that goes to a Podium where no service is named; nobody is sent anything then.
    Nothing where this account may not see any.
    """
    webhooks = Webhooks(registry_uri)
    try:
        listed = webhooks.listed()
    except WebhookProblem:
        return
    if not urls:
        yield from _of_any([each for each in listed if each.url.endswith(_ROUTE)])
    for url in urls:
        yield from _of_service(webhooks, url, [e for e in listed if e.url == route_of(url)])


def _of_any(ours: Sequence[Registered]) -> Iterator[Trouble]:
    if not ours:
        yield _missing("a Podium", "URL")
    for each in ours:
        yield from _of_one(each, each.url.removesuffix(_ROUTE))


def _of_service(webhooks: Webhooks, url: str, ours: Sequence[Registered]) -> Iterator[Trouble]:
    if not ours:
        yield _missing(shown(url), shown(url))
    for each in ours:
        found = list(_of_one(each, url))
        yield from found or _refused(webhooks, url, each)


def _of_one(webhook: Registered, url: str) -> Iterator[Trouble]:
    named, mend = f"The webhook {shown(webhook.url)}", _mend(shown(url))
    if missing := sorted(set(EVENTS) - set(webhook.events)):
        said = f"{named} is not told of {', '.join(missing)}: {mend}."
        yield Trouble("webhook", "webhook_events", said)
    if not webhook.active:
        yield Trouble("webhook", "webhook_inactive", f"{named} is off: {mend}.")


def _refused(webhooks: Webhooks, url: str, webhook: Registered) -> Iterator[Trouble]:
    try:
        tried = webhooks.test(webhook.id)
    except WebhookProblem as problem:
        tried = Tried(delivered=False, status=None, error=str(problem))
    if tried.delivered:
        return
    named = shown(url)
    if tried.status is None:
        said = f"MLflow cannot deliver a webhook to {named}: {tried.error[:300]}"
        yield Trouble("webhook", "webhook_undelivered", said)
    elif tried.status == HTTPStatus.FORBIDDEN:
        said = f"{named} refuses MLflow's webhook, whose secret or time is another: {_mend(named)}."
        yield Trouble("webhook", "webhook_secret", said)
    else:
        yield Trouble(
            "webhook",
            "webhook_refused",
            f"{named} answers MLflow's webhook with {tried.status}: is it a Podium, and started "
            "with this PODIUM_WEBHOOK_SECRET?",
        )


def _missing(service: str, url: str) -> Trouble:
    said = f"PODIUM_WEBHOOK_SECRET is set, and MLflow has no webhook for {service}: {_mend(url)}."
    return Trouble("webhook", "webhook_missing", said)


def _mend(url: str) -> str:
    return f"`podium webhook register --url {url}` mends it"
