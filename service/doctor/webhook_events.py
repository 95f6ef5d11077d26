"""Webhooks that go to a Podium, and do not tell it all that it should know."""

from collections.abc import Iterator
from typing import Final

from service.doctor.trouble import Trouble
from service.registry.webhooks.registration import EVENTS, WebhookProblem, Webhooks

_ROUTE: Final = "/webhooks/mlflow"


def troubles_of_webhooks(registry_uri: str) -> Iterator[Trouble]:
    """One for each; nothing where this account may not see any."""
    try:
        listed = Webhooks(registry_uri).listed()
    except WebhookProblem:
        return
    ours = [each for each in listed if each.url.endswith(_ROUTE)]
    mend = "podium webhook register --url URL mends it"
    if not ours:
        said = f"PODIUM_WEBHOOK_SECRET is set, and MLflow has no webhook for a Podium: {mend}."
        yield Trouble("webhook", "webhook_missing", said)
    for each in ours:
        if missing := sorted(set(EVENTS) - set(each.events)):
            said = f"The webhook {each.url} is not told of {', '.join(missing)}: {mend}."
            yield Trouble("webhook", "webhook_events", said)
        if not each.active:
            yield Trouble("webhook", "webhook_inactive", f"The webhook {each.url} is off: {mend}.")
